/** A Service datapath that remembers what it was told and translates nothing. */
import { isDeepStrictEqual } from 'node:util';
import { equalIp, type Ip } from '../../net/ip.ts';
import type { HostPorts, PodHostPorts } from '../../service/model/host-port.ts';
import type { PodAttachment, ServiceProxy, ServiceProxyStatus } from '../../service/service-proxy.ts';

export class FakeServiceProxy implements ServiceProxy {
  /** Attached pods by interface index. */
  readonly pods = new Map<number, PodAttachment>();
  /** Called within attachPod: throws or kills to see what is left. */
  onAttach: (pod: PodAttachment) => void = () => {};
  /** Open ones by attachment. */
  readonly openPorts = new Map<string, PodHostPorts>();
  readonly hostPorts: HostPorts = {
    open: (pod) => void this.openPorts.set(pod.key, pod),
    close: (key) => void this.openPorts.delete(key),
    check: (pod) =>
      isDeepStrictEqual(this.openPorts.get(pod.key), pod) ? [] : ['its host ports are not open'],
    list: () => [],
  };
  readonly inspection = { services: async () => [], connections: async () => [] };
  #synced = Promise.withResolvers<void>();
  #isSynced = false;
  readonly #tookOver: boolean;

  constructor(options: { synced?: boolean; tookOver?: boolean } = {}) {
    this.#tookOver = options.tookOver ?? true;
    if (options.synced ?? true) this.setSynced();
  }

  setSynced(): void {
    this.#isSynced = true;
    this.#synced.resolve();
  }

  async start(): Promise<{ tookOver: boolean }> {
    return { tookOver: this.#tookOver };
  }

  map(name: string): never {
    throw new Error(`there is no map ${name}`);
  }

  async stop(): Promise<void> {}
  async cleanup(): Promise<void> {}
  refresh(): void {}

  synced(): Promise<void> {
    return this.#synced.promise;
  }

  status(): ServiceProxyStatus {
    const { size: pods } = this.pods;
    return {
      revision: '0',
      synced: this.#isSynced,
      services: 0,
      frontends: 0,
      backends: 0,
      conntrackEntries: 0,
      pods,
      drops: {},
    };
  }

  attachPod(pod: PodAttachment): void {
    this.onAttach(pod);
    this.pods.set(pod.ifindex, pod);
  }

  detachPodOf(ips: readonly Ip[]): void {
    for (const [ifindex, pod] of this.pods)
      if (pod.ips.some((own) => ips.some((ip) => equalIp(own, ip)))) this.pods.delete(ifindex);
  }

  detachPod(ifindex: number): void {
    this.pods.delete(ifindex);
  }

  retainPods(ifindexes: Iterable<number>): void {
    const wanted = new Set(ifindexes);
    for (const ifindex of this.pods.keys()) if (!wanted.has(ifindex)) this.pods.delete(ifindex);
  }
}
