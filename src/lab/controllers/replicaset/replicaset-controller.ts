/** Keeps the number of pods of every ReplicaSet. */
import { controllerOf, keyOf } from '../../../kube/meta.ts';
import { apiVersionOf, resources } from '../../../kube/resources.ts';
import type { Pod, ReplicaSet } from '../../../kube/types.ts';
import { createPodControl } from '../pods/pod-control.ts';
import { familyOf, ownerUids, podsByOwner, watchFamilies } from '../pods/pod-family.ts';
import { controllerReference, podOf } from '../pods/pod-template.ts';
import { type Controller, type ControllerContext, keyedController } from '../runtime/controller.ts';
import { Expectations } from '../runtime/expectations.ts';
import { writeStatus } from '../runtime/status-writer.ts';
import { planReplicaSet } from './plan.ts';

const type = resources.replicaSets;
const reference = { apiVersion: apiVersionOf(type), kind: type.kind };

export function replicaSetController(context: ControllerContext): Controller {
  const { client, informers, clock } = context;
  const pods = podsByOwner(informers);
  const replicaSets = informers.store(type);
  replicaSets.addIndex('owner', ownerUids);
  const expectations = new Expectations(clock);
  const component = 'replicaset-controller';
  const podControl = createPodControl(context, { component, type: reference, keyOf, expectations });

  /** Pods of all ReplicaSets of the same Deployment, by node. */
  const crowdOf = (replicaSet: ReplicaSet) => {
    const owner = controllerOf(replicaSet);
    const siblings = owner === undefined ? [replicaSet] : replicaSets.byIndex('owner', owner.uid);
    let counts: Map<string, number> | undefined;
    return (nodeName: string) => {
      counts ??= countByNode(siblings.flatMap((sibling) => pods.byIndex('owner', sibling.metadata.uid)));
      return counts.get(nodeName) ?? 0;
    };
  };

  const { controller, queue } = keyedController(context, {
    name: component,
    async sync(key, queue) {
      const replicaSet = replicaSets.get(key);
      if (replicaSet === undefined) return;
      const family = familyOf(replicaSet, pods);
      await podControl.settle(replicaSet, family);
      const plan = planReplicaSet({
        replicaSet,
        pods: [...family.owned, ...family.adopt],
        crowd: crowdOf(replicaSet),
        settled: expectations.satisfied(key),
        now: clock.now(),
      });
      if (plan.recheckMs !== undefined) queue.addAfter(key, plan.recheckMs);
      const work = [
        ...Array.from({ length: plan.create }, () => podControl.create(replicaSet, newPod(replicaSet))),
        ...plan.remove.map((pod) => podControl.remove(replicaSet, pod)),
      ];
      const results = await Promise.allSettled(work);
      await writeStatus(client, type, { object: replicaSet, status: plan.status });
      const failed = results.find((result) => result.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
  });
  watchFamilies({ pods, workloads: replicaSets, type, expectations, changed: queue.add });
  return controller;
}

function newPod(replicaSet: ReplicaSet) {
  const { namespace, name } = replicaSet.metadata;
  const pod = podOf(replicaSet.spec!.template!, {
    namespace,
    owner: controllerReference(replicaSet, reference),
  });
  return { ...pod, metadata: { ...pod.metadata, generateName: `${name}-` } };
}

function countByNode(pods: readonly Pod[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const pod of pods) {
    const node = pod.spec?.nodeName;
    if (node !== undefined) counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  return counts;
}
