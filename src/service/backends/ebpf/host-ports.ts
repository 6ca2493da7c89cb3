/**
 * Host ports in the maps of Services: a frontend on each of the node's addresses with one backend, the pod. They are
 * written as pods come and go, while Services are written as the API tells of them: their numbers are a range of their
 * own, and a frontend that both want is the Service's, as kube-proxy's chains come before portmap's.
 */
import { isDeepStrictEqual } from 'node:util';
import type { BpfMap } from '../../../linux/bpf/bpf.ts';
import { formatIp, type Ip } from '../../../net/ip.ts';
import { isError, TendrilError } from '../../../util/errors.ts';
import {
  type HostPortBinding,
  type HostPorts,
  type HostPortView,
  hostPortBindings,
  type PodHostPorts,
} from '../../model/host-port.ts';
import {
  frontendRemoval,
  type HeldPort,
  type HostPortPlan,
  numberRemovals,
  ordered,
  ownerOf,
  planHostPorts,
} from './host-port-plan.ts';
import type { MapName, MapWrite } from './map-write.ts';

export interface HostPortTableOptions {
  map(name: 'frontends' | 'slots' | 'backends'): BpfMap;
  nodeAddresses(): readonly Ip[];
  /** A generation of backends that none had before. */
  nextEpoch(): number;
  /** Backends of the pod were taken out of the maps: it is gone. */
  onClosed(pod: PodHostPorts): void;
}

/** What an earlier process left of host ports, found when the maps were read. */
export interface FoundHostPorts {
  /** Encoded keys, packed. */
  frontends: readonly string[];
  numbers: readonly number[];
}

export class HostPortTable implements HostPorts {
  readonly #options: HostPortTableOptions;
  /** In the order of their coming, which decides between two. */
  readonly #pods = new Map<string, PodHostPorts>();
  #held = new Map<string, HeldPort>();
  #names = new Map<number, string>();
  #generation: number | undefined;
  #nextNumber = 0;

  constructor(options: HostPortTableOptions) {
    this.#options = options;
  }

  open(pod: PodHostPorts): void {
    const before = this.#pods.get(pod.key);
    this.#pods.set(pod.key, pod);
    try {
      this.sync();
    } catch (error) {
      this.#pods.delete(pod.key);
      this.sync();
      throw isError(error, 'MAP_FULL') ? noRoom(pod, error) : error;
    }
    if (before !== undefined && isOther(before, pod)) this.#options.onClosed(before);
  }

  close(key: string): void {
    const pod = this.#pods.get(key);
    if (pod === undefined) return;
    this.#pods.delete(key);
    try {
      this.sync();
    } finally {
      this.#options.onClosed(pod);
    }
  }

  check(pod: PodHostPorts): string[] {
    const known = this.#pods.get(pod.key);
    if (known === undefined || isOther(known, pod)) return ['its host ports are not open'];
    return this.#plan()
      .ports.filter(({ binding, missing }) => binding.pod === pod.key && missing.length > 0)
      .map(({ binding }) => `${nameOf(binding)} is not as it was opened`);
  }

  list(): HostPortView[] {
    return this.#plan().ports.map(({ binding, states }) => ({
      pod: this.#pods.get(binding.pod)!.name,
      protocol: binding.protocol,
      hostPort: binding.hostPort,
      backend: `${formatIp(binding.backend.ip)}|${binding.backend.port}`,
      addresses: binding.addresses.map((ip, i) => ({ address: formatIp(ip), state: states[i]! })),
    }));
  }

  /** Of a number in a frontend or backend. */
  name(number: number): string | undefined {
    return this.#names.get(number);
  }

  /** Entries of the maps that are none of Services'. */
  use(): Record<MapName, number> {
    const { size } = this.#held;
    const frontends = [...this.#held.values()].reduce((sum, held) => sum + held.frontends.length, 0);
    return { frontends, slots: size, backends: size, source_ranges: 0 };
  }

  /** To be called when the node's addresses changed, or a Service gave a frontend away. @throws TendrilError MAP_FULL */
  sync(): void {
    try {
      this.#apply();
    } catch (error) {
      if (!isError(error, 'MAP_FULL')) throw error;
      // What was stale is gone, and has made room.
      this.#apply();
    }
  }

  #apply(): void {
    const { writes, ports, nextNumber } = this.#plan();
    const held = ports.flatMap((port) =>
      port.frontends.length > 0 ? [[port.binding.id, port] as const] : [],
    );
    // Until all is written both may be in the maps.
    const before = this.#held;
    this.#held = new Map([...before, ...held]);
    this.#nextNumber = nextNumber;
    this.#write(writes);
    this.#held = new Map(held);
    this.#names = new Map(held.map(([, { number, binding }]) => [number, this.#nameOf(binding)]));
  }

  /** Removes what no pod has, of pods that ended while no agent ran, or on addresses that the node had once. */
  removeOthers({ frontends, numbers }: FoundHostPorts): void {
    const used = new Set([...this.#held.values()].map(({ number }) => number));
    const others = new Set(numbers.filter((number) => !used.has(number)));
    // A Service may have taken it since.
    const stale = frontends.filter((key) => others.has(ownerOf(key, this.#lookup) ?? 0));
    this.#write(ordered([...stale.map(frontendRemoval), ...[...others].flatMap(numberRemovals)]));
  }

  readonly #lookup = (map: 'frontends' | 'slots' | 'backends', key: Uint8Array) =>
    this.#options.map(map).lookup(key);

  #plan(): HostPortPlan {
    const addresses = this.#options.nodeAddresses();
    return planHostPorts({
      bindings: [...this.#pods.values()].flatMap((pod) => hostPortBindings(pod, addresses)),
      held: this.#held,
      lookup: this.#lookup,
      generation: () => (this.#generation ??= this.#options.nextEpoch()),
      nextNumber: this.#nextNumber,
    });
  }

  /** What is stale goes also where what is new has no room. */
  #write(writes: readonly MapWrite[]): void {
    const target = ({ map }: MapWrite) => this.#options.map(map as Exclude<MapName, 'source_ranges'>);
    try {
      for (const write of writes) if (write.op === 'update') target(write).update(write.key, write.value!);
    } finally {
      for (const write of writes) if (write.op === 'delete') target(write).delete(write.key);
    }
  }

  #nameOf({ pod, hostPort, protocol }: HostPortBinding): string {
    return `${this.#pods.get(pod)!.name}:${hostPort}/${protocol}`;
  }
}

/** What it was is gone then, not only renewed. */
function isOther(before: PodHostPorts, now: PodHostPorts): boolean {
  return !isDeepStrictEqual([before.ips, before.ports], [now.ips, now.ports]);
}

function nameOf({ protocol, hostPort }: HostPortBinding): string {
  return `host port ${hostPort}/${protocol}`;
}

function noRoom({ name }: PodHostPorts, cause: TendrilError): TendrilError {
  return new TendrilError('MAP_FULL', `no room for the host ports of ${name}`, { cause });
}
