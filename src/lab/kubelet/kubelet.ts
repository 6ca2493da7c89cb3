/**
 * The lab's kubelet: one per node, all in the lab server's process, over one set of stores.
 *
 *     pods store ──by node──► PodWorker per pod ──► sandbox (netns, CNI) · volumes · containers (launcher) · probes
 *                                   └─► StatusWriter ──► API
 *     NodeRegistration ──► Node object, lease, Ready
 */
import { readdir, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { CniRuntime } from '../../cni/runtime/cni-runtime.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import type { Change } from '../../kube/client/store.ts';
import type { KubeObject } from '../../kube/meta.ts';
import type { Pod, Service } from '../../kube/types.ts';
import { type Clock, systemClock } from '../../util/clock.ts';
import { TendrilError } from '../../util/errors.ts';
import type { Logger } from '../../util/logger.ts';
import type { ImageTableOptions } from '../images/image-table.ts';
import { selects } from '../images/stand-in.ts';
import type { Launcher } from '../launcher/launcher.ts';
import { configSource } from './config-source.ts';
import { imageFor } from './container-launch.ts';
import { type LogOptions, readLog } from './container-logs.ts';
import { EventRecorder } from './event-recorder.ts';
import { keepLimits } from './limit-watch.ts';
import type { ClusterSettings, KubeletStores, NodeContext, NodeIdentity } from './node-context.ts';
import type { NodeHost } from './node-host.ts';
import { machineCapacity } from './node-object.ts';
import { NodeRegistration } from './node-registration.ts';
import type { PodCgroups } from './pod-cgroups.ts';
import { type NodePaths, podPaths } from './pod-directory.ts';
import { isAlive } from './pod-record.ts';
import type { RunningPod } from './pod-streams.ts';
import { PodWorker } from './pod-worker.ts';

export interface KubeletOptions {
  node: NodeIdentity;
  cluster: ClusterSettings;
  paths: NodePaths;
  client: KubeClient;
  /** Shared by the lab's kubelets; indices that are missing are added. */
  stores: KubeletStores;
  launcher: Launcher;
  cni: CniRuntime;
  host: NodeHost;
  cgroups: PodCgroups;
  images: ImageTableOptions;
  logger: Logger;
  clock?: Clock;
}

export interface ContainerView {
  namespace: string;
  pod: string;
  container: string;
  image: string;
  standIn: boolean;
  /** Why it is stood in for, or what runs it. */
  reason: string;
  /** The launcher's id, while it runs. */
  id?: string;
}

export interface PodLogOptions extends LogOptions {
  /** The attempt before the present one. */
  previous?: boolean;
}

export interface Kubelet {
  /** Registers the node, then runs its pods. Resolves when the node is registered. */
  start(): Promise<void>;
  /** Stops managing; what runs, runs on. */
  stop(): void;
  /** What starts containers has died, and they with it: the node is not Ready, nor are its pods. */
  launcherGone(): void;
  /** The CNI configuration may have come: ask it at once. */
  networkChanged(): void;
  /** @throws TendrilError BAD_INPUT where the pod or container is not here, or has no such attempt */
  openLog(at: { namespace: string; pod: string; container?: string }, options?: PodLogOptions): Readable;
  /** What the pod's exec, attach and port-forward begin with. @throws TendrilError BAD_INPUT where it is not here */
  running(at: { namespace: string; pod: string }): RunningPod;
  /** Every container of the node's pods. */
  containers(): ContainerView[];
}

/** What a shell says of a process that SIGKILL has ended. */
const killed = 137;
const podIdPattern = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\./;

/** A kubelet; nothing happens until `start`. */
export function createKubelet(options: KubeletOptions): Kubelet {
  return new NodeKubelet(options);
}

class NodeKubelet implements Kubelet {
  readonly #options: KubeletOptions;
  readonly #context: NodeContext;
  readonly #registration: NodeRegistration;
  /** By uid. */
  readonly #workers = new Map<string, PodWorker>();
  #unsubscribe: (() => void)[] = [];
  #stopped = false;

  constructor(options: KubeletOptions) {
    this.#options = options;
    const { client, stores, logger, clock = systemClock, node } = options;
    this.#context = {
      ...options,
      clock,
      events: new EventRecorder({ client, clock, logger, node: node.name }),
      config: (namespace) => configSource(namespace, { client, stores }),
      allocatable: machineCapacity(),
      activePods: () =>
        [...this.#workers.values()].filter(({ pod, record }) => !record.verdict && !isOver(pod)).length,
      networkReady: () => this.#registration.readiness.ready,
      networkProblem: () => this.#registration.readiness.message,
      exits: new Map(),
    };
    this.#registration = new NodeRegistration(this.#context, () => this.#networkChanged());
  }

  async start(): Promise<void> {
    const { stores, launcher, node } = this.#options;
    launcher.onExit((exit) => this.#context.exits.get(exit.id)?.(exit));
    stores.pods.addIndex('nodeName', (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []));
    stores.services.addIndex('namespace', (service) => [service.metadata.namespace ?? 'default']);
    await Promise.all([this.#registration.start(), ...Object.values(stores).map((store) => store.synced())]);
    if (this.#stopped) return;
    this.#unsubscribe = [
      stores.pods.onChange((change) => this.#podChanged(change)),
      stores.services.onChange(({ new: service }) => service && this.#serviceChanged(service)),
      stores.configMaps.onChange((change) => this.#configChanged(change)),
      stores.secrets.onChange((change) => this.#configChanged(change)),
      keepLimits(() => [...this.#workers.values()], this.#context),
    ];
    await this.#killOrphans();
    for (const pod of stores.pods.byIndex('nodeName', node.name))
      this.#podChanged({ old: undefined, new: pod });
  }

  stop(): void {
    this.#stopped = true;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#registration.stop();
    for (const worker of this.#workers.values()) worker.stop();
  }

  launcherGone(): void {
    this.#registration.runtimeDown();
    for (const ended of [...this.#context.exits.values()]) ended({ code: killed, signal: 9 });
  }

  networkChanged(): void {
    this.#registration.networkChanged();
  }

  openLog(at: { namespace: string; pod: string; container?: string }, options: PodLogOptions = {}): Readable {
    const worker = this.#workerOf(at);
    const name = at.container ?? worker.record.containers.find((c) => c.kind === 'main')!.name;
    const container = worker.record.containers.find((c) => c.name === name);
    if (!container) throw new TendrilError('BAD_INPUT', `container ${name} is not valid for pod ${at.pod}`);
    const attempt = container.restartCount - (options.previous ? 1 : 0);
    if (attempt < 0 || container.id === undefined) {
      const which = options.previous ? 'previous terminated container' : 'container';
      throw new TendrilError(
        'BAD_INPUT',
        `${which} "${name}" in pod "${at.pod}" ${notFoundText(options.previous)}`,
      );
    }
    return readLog(
      this.#logPath(worker, name, attempt),
      options,
      () => container.restartCount !== attempt || !isAlive(container),
    );
  }

  running(at: { namespace: string; pod: string }): RunningPod {
    const { pod, record } = this.#workerOf(at);
    return { pod, record, context: this.#context };
  }

  #workerOf(at: { namespace: string; pod: string }): PodWorker {
    const found = [...this.#workers.values()].find(
      ({ pod }) => pod.metadata.namespace === at.namespace && pod.metadata.name === at.pod,
    );
    if (found) return found;
    throw new TendrilError('BAD_INPUT', `pod "${at.pod}" is not on node ${this.#options.node.name}`);
  }

  #logPath(worker: PodWorker, container: string, attempt: number): string {
    return `${podPaths(this.#options.paths, worker.pod.metadata.uid).logs(container)}/${attempt}.log`;
  }

  containers(): ContainerView[] {
    return [...this.#workers.values()].flatMap(({ pod, record }) =>
      record.containers.map((container) => {
        const { standIn, reason } = imageFor(container.spec, this.#context);
        return {
          namespace: pod.metadata.namespace ?? 'default',
          pod: pod.metadata.name,
          container: container.name,
          image: container.spec.image ?? '',
          standIn,
          reason,
          ...(isAlive(container) && container.id !== undefined ? { id: container.id } : {}),
        };
      }),
    );
  }

  #podChanged({ old, new: pod }: Change<Pod>): void {
    if (pod === undefined || (old !== undefined && old.metadata.uid !== pod.metadata.uid)) {
      if (old) this.#workers.get(old.metadata.uid)?.remove(old);
    }
    if (pod === undefined || pod.spec?.nodeName !== this.#options.node.name) return;
    const { uid } = pod.metadata;
    const worker = this.#workers.get(uid);
    if (worker) worker.update(pod);
    else if (!isOver(pod)) this.#workers.set(uid, this.#worker(pod));
  }

  #worker(pod: Pod): PodWorker {
    return new PodWorker(pod, this.#context, () => this.#workers.delete(pod.metadata.uid));
  }

  #configChanged({ old, new: object }: Change<KubeObject>): void {
    const { namespace } = (object ?? old!).metadata;
    for (const worker of this.#workers.values()) {
      if (worker.pod.metadata.namespace === namespace) worker.configChanged();
    }
  }

  #serviceChanged(service: Service): void {
    for (const worker of this.#workers.values()) if (selects(service, worker.pod)) worker.servicesChanged();
  }

  #networkChanged(): void {
    for (const worker of this.#workers.values()) worker.networkChanged();
  }

  /** Containers of pods that no one wants, left by a kubelet before this one; and of this node's own pods. */
  async #killOrphans(): Promise<void> {
    const { launcher, stores, node } = this.#options;
    const nodeOf = new Map(stores.pods.list().map((pod) => [pod.metadata.uid, pod.spec?.nodeName]));
    for (const id of await launcher.list()) {
      const uid = podIdPattern.exec(id)?.[1];
      if (uid === undefined || this.#context.exits.has(id)) continue;
      if (!nodeOf.has(uid) || nodeOf.get(uid) === node.name) await launcher.signal(id, 9);
    }
    await this.#removeOrphans((uid) => nodeOf.get(uid) === node.name);
  }

  /** Namespaces and files of pods that are this node's no more. What CNI knows of them goes when pods are torn down. */
  async #removeOrphans(isOwn: (uid: string) => boolean): Promise<void> {
    const { paths, host, cgroups, logger } = this.#options;
    const uids = await readdir(paths.pods).catch(() => []);
    for (const uid of uids.filter((each) => !isOwn(each) && !this.#workers.has(each))) {
      const at = podPaths(paths, uid);
      try {
        await host.deleteNetns(at.netns);
        await cgroups.remove(at.cgroup);
        await host.unmountBelow(at.root);
        await rm(at.root, { recursive: true, force: true });
      } catch (error) {
        logger.warn('remains of a pod cannot be removed', { uid, error });
      }
    }
  }
}

/** Finished, and not run by this process: there is nothing left to do but to let it go. */
function isOver(pod: Pod): boolean {
  const finished = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
  return finished && pod.metadata.deletionTimestamp === undefined;
}

function notFoundText(previous: boolean | undefined): string {
  return previous ? 'not found' : 'is waiting to start';
}
