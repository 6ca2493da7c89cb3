/**
 * Ends what outlived its backend. A connected UDP socket whose backend no longer serves would send into the void for
 * ever: it is ended, and its program makes another. TCP is left alone for as long as the pod lives, ready or not;
 * once the pod has ended or is deleted its peers are told, for nobody else will.
 */
import type { BpfMap } from '../../../linux/bpf/bpf.ts';
import type { SocketEntry, SocketProtocol } from '../../../linux/sock-diag/sock-diag.ts';
import { BoundedRunner } from '../../../util/bounded-runner.ts';
import { type Clock, systemClock } from '../../../util/clock.ts';
import type { Logger } from '../../../util/logger.ts';
import { TimeSlice } from '../../../util/time-slice.ts';
import type { DepartedPod, PodReference } from '../../model/departed-pods.ts';
import { layouts } from './generated/layouts.ts';
import { outlivedConnections, outlivedSockets, servingBackends } from './outlived.ts';

/** The sockets of one network namespace. */
export interface Sockets extends Disposable {
  list(protocol: SocketProtocol): SocketEntry[];
  destroy(socket: SocketEntry): boolean;
}

export interface ConnectionEnderOptions {
  map(name: 'backends' | 'flows' | 'peers' | 'conntrack'): BpfMap;
  /** Of the node's pods, by path. */
  podNamespaces(): Iterable<string>;
  /** Of the namespace at the path, or of the node's own. @throws KernelError where it is gone */
  openSockets(path: string | undefined): Sockets;
  /** @throws when the API cannot tell */
  isGone(pod: PodReference): Promise<boolean>;
  logger: Logger;
  clock?: Clock;
}

/** `gone`: known to be no more. */
type Departed = DepartedPod & { gone?: boolean };

export class ConnectionEnder {
  readonly #options: ConnectionEnderOptions;
  readonly #runner: BoundedRunner;
  /** Not asked about yet, by uid. */
  readonly #departed = new Map<string, Departed>();

  constructor(options: ConnectionEnderOptions) {
    this.#options = options;
    this.#runner = new BoundedRunner({
      run: () => this.#run(),
      minIntervalMs: 500,
      onError: (error) => options.logger.warn('connections to ended pods are still to be ended', { error }),
      clock: options.clock ?? systemClock,
    });
  }

  /** Backends were taken out of the maps. */
  backendsRemoved(): void {
    this.#runner.request();
  }

  /** No slice of one family names the pod any more; its backends are out of the maps with the next `backendsRemoved`. */
  podDeparted(pod: DepartedPod): void {
    const known = this.#departed.get(pod.uid)?.addresses ?? [];
    this.#departed.set(pod.uid, { ...pod, addresses: [...known, ...pod.addresses] });
  }

  /** Nobody need be asked: its network is no more. */
  podGone(key: string, addresses: readonly string[]): void {
    this.#departed.set(key, { namespace: '', name: '', uid: key, addresses, gone: true });
    this.#runner.request();
  }

  /** Resolves when all that was asked for is done. */
  idle(): Promise<void> {
    return this.#runner.idle();
  }

  async stop(): Promise<void> {
    this.#runner.stop();
    await this.idle();
  }

  async #run(): Promise<void> {
    const serves = servingBackends(this.#options.map('backends'));
    const flows = await outlivedSockets(this.#options.map('flows'), serves);
    await this.#endSockets('UDP', new Set(flows.keys()));
    if (this.#departed.size > 0) await this.#endTcp(serves);
  }

  async #endTcp(serves: ReturnType<typeof servingBackends>): Promise<void> {
    const { map } = this.#options;
    const departed = [...this.#departed.values()];
    const addresses = new Set(departed.flatMap((pod) => pod.addresses));
    const sockets = await outlivedSockets(map('peers'), serves, addresses);
    const connections = await outlivedConnections(map('conntrack'), serves, addresses);
    const inUse = new Set([...sockets.values(), ...connections.map(({ address }) => address)]);
    const gone = await this.#goneAddresses(departed, inUse);
    const cookies = [...sockets].flatMap(([cookie, address]) => (gone.has(address) ? cookie : []));
    await this.#endSockets('TCP', new Set(cookies));
    for (const { tuples } of connections.filter(({ address }) => gone.has(address))) {
      // The client's next packet begins a connection elsewhere, which answers by a reset.
      for (const tuple of tuples) map('conntrack').delete(layouts.tuple.encode(tuple));
    }
  }

  /** Those of pods that have ended. Only pods that something here still talks to are asked about, and once. */
  async #goneAddresses(departed: readonly Departed[], inUse: ReadonlySet<string>): Promise<Set<string>> {
    const gone = new Set<string>();
    for (const pod of departed) {
      const matters = pod.addresses.some((address) => inUse.has(address));
      if (matters && (pod.gone || (await this.#options.isGone(pod))))
        for (const address of pod.addresses) gone.add(address);
      // Of its other family it may have departed meanwhile.
      if (this.#departed.get(pod.uid) === pod) this.#departed.delete(pod.uid);
    }
    return gone;
  }

  async #endSockets(protocol: SocketProtocol, cookies: ReadonlySet<bigint>): Promise<void> {
    if (cookies.size === 0) return;
    const { podNamespaces, logger } = this.#options;
    const slice = new TimeSlice();
    let ended = 0;
    for (const path of [undefined, ...podNamespaces()]) {
      ended += this.#endIn(path, protocol, cookies);
      await slice.breathe();
    }
    if (ended > 0) logger.info('ended connections whose backend is gone', { protocol, ended });
  }

  #endIn(path: string | undefined, protocol: SocketProtocol, cookies: ReadonlySet<bigint>): number {
    try {
      using sockets = this.#options.openSockets(path);
      const outlived = sockets.list(protocol).filter(({ cookie, remote }) => {
        return remote.port !== 0 && cookies.has(cookie);
      });
      return outlived.filter((socket) => sockets.destroy(socket)).length;
    } catch (error) {
      this.#options.logger.debug('a namespace’s connections cannot be ended', { path, error });
      return 0;
    }
  }
}
