/**
 * Services on one node, put together: stores -> tracker -> bounded runner -> backend, with the collection of ended
 * connections beside it. The contract is in service-proxy-contract.ts.
 */
import { followRevision, type Revision } from '../kube/client/revision.ts';
import type { Bpf, BpfMap } from '../linux/bpf/bpf.ts';
import { kernelBpf } from '../linux/bpf/kernel-bpf.ts';
import { netnsCookie } from '../linux/bpf/netns-cookie.ts';
import { openNetns } from '../linux/netns/netns.ts';
import { SockDiag } from '../linux/sock-diag/sock-diag.ts';
import { formatIp, type Ip } from '../net/ip.ts';
import { BoundedRunner } from '../util/bounded-runner.ts';
import { systemClock } from '../util/clock.ts';
import { describeError, remedyOf } from '../util/errors.ts';
import { MetricRegistry } from '../util/metrics.ts';
import { TimeSlice } from '../util/time-slice.ts';
import { ClusterNodes } from './backends/ebpf/cluster-nodes.ts';
import { ConnectionEnder } from './backends/ebpf/connection-ender.ts';
import { collectConntrack } from './backends/ebpf/conntrack-gc.ts';
import { Datapath } from './backends/ebpf/datapath.ts';
import { DropWatch } from './backends/ebpf/drop-watch.ts';
import { EbpfServiceBackend } from './backends/ebpf/ebpf-backend.ts';
import { HostPortTable } from './backends/ebpf/host-ports.ts';
import { inspectMaps } from './backends/ebpf/inspection.ts';
import { type DepartedPod, followDepartures } from './model/departed-pods.ts';
import { ServiceTracker } from './model/service-tracker.ts';
import type { ServiceInspection } from './service-inspection.ts';
import { ServiceMetrics } from './service-metrics.ts';
import type {
  PodAttachment,
  ServiceProxy,
  ServiceProxyOptions,
  ServiceProxyStatus,
} from './service-proxy-contract.ts';
import { createSyncPace } from './sync-pace.ts';

export type {
  PodAttachment,
  ServiceProxy,
  ServiceProxyOptions,
  ServiceProxyStatus,
} from './service-proxy-contract.ts';

const collectEveryMs = 10_000;
/** While new connections find no room. */
const collectWhenFullEveryMs = 1000;

/** What tests replace. */
export interface Kernel {
  bpf: Bpf;
  netnsCookie: () => bigint;
}

export function createServiceProxy(
  options: ServiceProxyOptions,
  kernel: Kernel = { bpf: kernelBpf, netnsCookie },
): ServiceProxy {
  return new EbpfServiceProxy(options, kernel);
}

class EbpfServiceProxy implements ServiceProxy {
  readonly #options: ServiceProxyOptions;
  readonly #datapath: Datapath;
  readonly #backend: EbpfServiceBackend;
  readonly #runner: BoundedRunner;
  readonly #metrics: ServiceMetrics;
  readonly #drops: DropWatch;
  readonly #ender: ConnectionEnder;
  readonly #clusterNodes = new ClusterNodes();
  readonly inspection: ServiceInspection;
  readonly hostPorts: HostPortTable;
  /** Pods that slices name no more; their backends may still be in the maps. */
  readonly #departed: DepartedPod[] = [];
  #unfollow: (() => void)[] = [];
  readonly #synced = Promise.withResolvers<void>();
  #tracker: ServiceTracker | undefined;
  #revision: Revision | undefined;
  #cancelCollection: (() => void) | undefined;
  #hostPortError: string | undefined;
  #stopped = false;
  #status = {
    synced: false,
    services: 0,
    conntrackEntries: 0,
    lastError: undefined as string | undefined,
    revision: '0',
  };

  constructor(options: ServiceProxyOptions, kernel: Kernel) {
    this.#options = options;
    const { bpf, logger, clock = systemClock } = options;
    const { earlierConnections } = options;
    const netnsCookie = kernel.netnsCookie();
    this.#datapath = new Datapath({ ...bpf, bpf: kernel.bpf, netnsCookie, earlierConnections });
    this.hostPorts = new HostPortTable({
      map: (name) => this.#datapath.map(name),
      nodeAddresses: () => options.node.addresses(),
      nextEpoch: () => this.#datapath.nextEpoch(),
      onClosed: ({ key, ips }) => this.#ender.podGone(key, ips.map(formatIp)),
    });
    this.#backend = new EbpfServiceBackend(this.#datapath, () => this.hostPorts.use());
    this.#drops = new DropWatch({ datapath: this.#datapath, clock, logger });
    this.#metrics = new ServiceMetrics(options.metrics ?? new MetricRegistry(), {
      refused: () => this.#backend.refused(),
      maps: () => this.#mapUse(),
      shortcut: () => this.#datapath.shortcut.counts(),
    });
    this.#runner = new BoundedRunner({
      run: () => this.#sync(),
      minIntervalMs: createSyncPace(),
      onError: (error) => this.#failed(error),
      clock,
    });
    this.inspection = inspectMaps({
      map: (name) => this.#datapath.map(name),
      serviceName: (id) => this.hostPorts.name(id) ?? this.#backend.serviceName(id),
    });
    this.#ender = new ConnectionEnder({
      map: (name) => this.#datapath.map(name),
      podNamespaces: options.podNamespaces ?? (() => []),
      openSockets,
      isGone: options.isPodGone ?? (async () => false),
      ...{ logger, clock },
    });
  }

  async start(): Promise<{ tookOver: boolean }> {
    const handedOver = this.#datapath.load();
    if (handedOver !== undefined)
      this.#options.logger.info('programs and maps in force were replaced', { because: handedOver });
    const tookOver = this.#datapath.epoch() > 0;
    this.#drops.start();
    const { services, slices, logger } = this.#options;
    void Promise.all([services.synced(), slices.synced()]).then(
      () => this.#follow(),
      (error) => logger.error('stores of Services failed', { error }),
    );
    this.#scheduleCollection();
    return { tookOver };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#tracker?.stop();
    this.#revision?.stop();
    for (const end of this.#unfollow) end();
    await this.#ender.stop();
    this.#cancelCollection?.();
    this.#drops.stop();
    this.#runner.stop();
    await this.#runner.idle();
  }

  synced(): Promise<void> {
    return this.#synced.promise;
  }

  refresh(): void {
    this.#syncHostPorts();
    this.#request();
  }

  /** The node's addresses are known without the API: host ports do not wait for it. */
  #syncHostPorts(): void {
    const before = this.#hostPortError;
    this.#hostPortError = undefined;
    try {
      this.hostPorts.sync();
    } catch (error) {
      this.#hostPortError = advice(error);
      if (this.#hostPortError !== before)
        this.#options.logger.error('not all host ports fit into the kernel', { error });
    }
  }

  #request(): void {
    this.#metrics.queued();
    this.#options.health?.queued();
    this.#runner.request();
  }

  status(): ServiceProxyStatus {
    const refused = this.#drops.connectionsRefused();
    return {
      ...this.#status,
      lastError: this.#status.lastError ?? this.#hostPortError ?? (refused && advice(refused)),
      frontends: this.#backend.frontendCount(),
      backends: this.#backend.backendCount(),
      pods: this.#datapath.pods().length,
      xdp: this.#datapath.xdpStatus(),
      drops: this.#datapath.drops(),
      recentDrops: this.#drops.recent(),
      hostPorts: this.hostPorts.list(),
      socketShortcut: this.#datapath.shortcut.status(),
    };
  }

  attachPod(pod: PodAttachment): void {
    this.#datapath.attachPod(pod);
  }

  detachPod(ifindex: number): void {
    this.#datapath.detachPod(ifindex);
  }

  detachPodOf(ips: readonly Ip[]): void {
    this.#datapath.detachPodOf(ips);
  }

  retainPods(ifindexes: Iterable<number>): void {
    this.#datapath.retainPods(ifindexes);
  }

  map(name: string): BpfMap {
    return this.#datapath.map(name);
  }

  async cleanup(): Promise<void> {
    await this.stop();
    await this.#backend.cleanup();
    this.#datapath.close();
  }

  /** Begins with whole stores: a sync from half of them would take Services away that exist. */
  #follow(): void {
    if (this.#stopped) return;
    const { services, slices, namespaces, node, nodePortAddresses, serviceCidrs } = this.#options;
    // Also a change that alters nothing here is followed by a sync: the revision in force is what callers wait for.
    this.#revision = followRevision([services, slices], () => this.#request());
    this.#tracker = new ServiceTracker({
      ...{ services, slices, namespaces, node, nodePortAddresses, serviceCidrs },
      onDirty: () => this.#request(),
    });
    this.#unfollow = [
      followDepartures(slices, (pod) => this.#departed.push(pod)),
      this.#metrics.follow(services, slices),
    ];
    this.#request();
  }

  async #sync(): Promise<void> {
    const tracker = this.#tracker;
    if (tracker === undefined || this.#stopped) return;
    const measured = this.#metrics.begin();
    try {
      const full = !this.#status.synced;
      await this.#bringUp(tracker);
      measured.done(full);
    } catch (error) {
      measured.failed();
      throw error;
    }
  }

  async #bringUp(tracker: ServiceTracker): Promise<void> {
    const revision = String(this.#revision?.newest() ?? 0);
    const slice = new TimeSlice();
    const departed = this.#departed.length;
    const state = await tracker.update(() => slice.breathe());
    this.#clusterNodes.sync(this.#datapath.map('cluster_nodes'), this.#options.clusterNodes?.());
    await this.#backend.sync(state);
    this.hostPorts.removeOthers(this.#backend.takeFoundHostPorts());
    this.#syncHostPorts();
    for (const pod of this.#departed.splice(0, departed)) this.#ender.podDeparted(pod);
    if (departed > 0 || this.#backend.takeRemoved() > 0) this.#ender.backendsRemoved();
    const refusal = this.#backend.refusal();
    const lastError = refusal && advice(refusal);
    if (refusal !== undefined && lastError !== this.#status.lastError)
      this.#options.logger.error('not all of Services fits into the kernel', { error: refusal });
    this.#status = {
      ...this.#status,
      synced: true,
      services: state.ports.size,
      lastError,
      revision,
    };
    this.#synced.resolve();
    this.#options.health?.updated(state);
    // All others are served: told, and tried again.
    const failure = tracker.takeFailure();
    if (failure !== undefined) throw failure;
  }

  #failed(error: unknown): void {
    this.#status.lastError = describeError(error);
    this.#options.logger.error('Services could not be written to the kernel; trying again', { error });
  }

  #mapUse() {
    const { conntrackEntries } = this.#status;
    const size = (map: string) => this.#datapath.map(map).maxEntries;
    return [
      ...this.#backend.mapUse(),
      { map: 'conntrack', entries: conntrackEntries, size: size('conntrack') },
      { map: 'endpoints', entries: this.#datapath.pods().length, size: size('endpoints') },
    ];
  }

  #scheduleCollection(): void {
    if (this.#stopped) return;
    const clock = this.#options.clock ?? systemClock;
    const every = this.#drops.connectionsRefused() ? collectWhenFullEveryMs : collectEveryMs;
    this.#cancelCollection = clock.after(every, () => void this.#collect());
  }

  async #collect(): Promise<void> {
    try {
      const now = process.hrtime.bigint();
      const full = this.#drops.connectionsRefused() !== undefined;
      this.#status.conntrackEntries = await collectConntrack(this.#datapath.map('conntrack'), { now, full });
    } catch (error) {
      this.#options.logger.error('ended connections could not be collected', { error });
    }
    this.#scheduleCollection();
  }
}

function advice(error: unknown): string {
  return `${describeError(error)}; ${remedyOf(error)}`;
}

function openSockets(path: string | undefined): SockDiag {
  if (path === undefined) return new SockDiag();
  using netns = openNetns(path);
  return new SockDiag(netns);
}
