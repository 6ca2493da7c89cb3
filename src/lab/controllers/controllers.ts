/**
 * The lab's kube-controller-manager and kube-scheduler: small, with Kubernetes' semantics, in one process.
 *
 *     stores (informers) ──changes──► queues by key ──► plan (pure) ──► apply ──► API ──► stores
 *
 * Deployment ─► ReplicaSet ─┐
 *              StatefulSet ─┼─► pods ─► scheduler ─► (kubelet) ─► EndpointSlice
 *                DaemonSet ─┤
 *          CronJob ─► Job ─┘   ▲
 *                              └─ disruption: how many of them evictions may take
 */
import type { KubeClient } from '../../kube/client/client.ts';
import { createInformers, type Informers } from '../../kube/client/informers.ts';
import { type Clock, systemClock } from '../../util/clock.ts';
import { type Logger, silentLogger } from '../../util/logger.ts';
import { cronJobController } from './cronjob/cronjob-controller.ts';
import { daemonSetController } from './daemonset/daemonset-controller.ts';
import { deploymentController } from './deployment/deployment-controller.ts';
import { disruptionController } from './disruption/disruption-controller.ts';
import { endpointSliceController } from './endpointslice/endpointslice-controller.ts';
import { endpointSliceMirroringController } from './endpointslice-mirroring/mirroring-controller.ts';
import { jobController } from './job/job-controller.ts';
import { nodeCidrController } from './node-cidr/node-cidr-controller.ts';
import { replicaSetController } from './replicaset/replicaset-controller.ts';
import type { Controller, ControllerContext } from './runtime/controller.ts';
import { createEventRecorder } from './runtime/event-recorder.ts';
import { scheduler } from './scheduler/scheduler.ts';
import { serviceCidrController } from './service-cidr/service-cidr-controller.ts';
import { statefulSetController } from './statefulset/statefulset-controller.ts';

export interface ControllersOptions {
  client: KubeClient;
  /** Shared stores, not yet started or started; own ones when absent. */
  informers?: Informers;
  /** The cluster's pod CIDRs, primary family first. */
  podCidrs: readonly string[];
  /** Absent: all. */
  only?: readonly ControllerGroup[];
  logger?: Logger;
  clock?: Clock;
}

/** What may be left to somebody else: pod CIDRs, what kube-controller-manager does besides, and the scheduler. */
export type ControllerGroup = 'node-cidr' | 'workloads' | 'scheduler';

export interface Controllers {
  /** Resolves once every controller has its stores and works. */
  started: Promise<void>;
  stop(): Promise<void>;
}

const groups: Record<
  ControllerGroup,
  (context: ControllerContext, podCidrs: readonly string[]) => Controller[]
> = {
  'node-cidr': (context, podCidrs) => [nodeCidrController(context, podCidrs)],
  workloads: (context) => [
    deploymentController(context),
    replicaSetController(context),
    statefulSetController(context),
    daemonSetController(context),
    jobController(context),
    cronJobController(context),
    disruptionController(context),
    endpointSliceController(context),
    endpointSliceMirroringController(context),
    serviceCidrController(context),
  ],
  scheduler: (context) => [scheduler(context)],
};
const allGroups = Object.keys(groups) as ControllerGroup[];

/** Starts the controllers. They work as soon as their stores are filled. */
export function startControllers(options: ControllersOptions): Controllers {
  const { client, podCidrs, only = allGroups, logger = silentLogger, clock = systemClock } = options;
  const informers = options.informers ?? createInformers({ client, logger, clock });
  const events = createEventRecorder({ client, clock, logger });
  const context: ControllerContext = { client, informers, events, logger, clock };
  const controllers = only.flatMap((group) => groups[group](context, podCidrs));
  let stopped = false;
  informers.start();
  const started = informers.allSynced().then(() => {
    if (!stopped) for (const controller of controllers) controller.start();
  });
  return {
    started,
    async stop() {
      stopped = true;
      for (const controller of controllers) controller.stop();
      if (options.informers === undefined) await informers.stop();
    },
  };
}
