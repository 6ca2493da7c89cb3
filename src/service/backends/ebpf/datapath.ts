/**
 * The node's programs and maps: loaded once, attached to the node's cgroup and uplink and to each pod's veth.
 * Everything is pinned below one directory:
 *
 *     frontends slots backends conntrack …   maps, by their name
 *     links/sock-connect4 … links/uplink-ingress
 */
import { join } from 'node:path';
import type { Bpf, BpfMap, BpfRingBuffer, LoadOptions, Misfit } from '../../../linux/bpf/bpf.ts';
import type { Migration } from '../../../linux/bpf/carry.ts';
import type { Cidr } from '../../../net/cidr.ts';
import { equalIp, type Ip } from '../../../net/ip.ts';
import { serviceSnatPorts } from '../../../net/ports.ts';
import { TendrilError } from '../../../util/errors.ts';
import type { PodAttachment, PodForwarding } from '../../service-proxy-contract.ts';
import { migrations } from './carried-maps.ts';
import { reasonName } from './drop-log.ts';
import { dropReason, layouts } from './generated/layouts.ts';
import { loadOrHandOver, type Objects } from './handover.ts';
import { type Hook, nodeHooks, type ObjectName, podHooks, uplinkHooks } from './hooks.ts';
import { indexKey } from './index-key.ts';
import { PodNamespaces } from './pod-namespaces.ts';
import { encodeServiceCidrs } from './service-cidrs.ts';
import { SocketShortcut } from './socket-shortcut.ts';
import { type XdpSetting, type XdpStatus, XdpUplink } from './xdp-uplink.ts';

export interface DatapathOptions {
  bpf: Bpf;
  objectsDirectory: string;
  pinDirectory: string;
  cgroup: string;
  uplinkIfindex: number;
  /** Whether XDP sends on at the uplink what it can; off unless given. */
  xdp?: XdpSetting;
  /** How packets get to a pod of the node from another one, and where they were translated; direct unless given. */
  podForwarding?: PodForwarding;
  /** Whether the kernel still translates connections that another proxy began; asked on every `configure`, no unless given. */
  earlierConnections?: (() => boolean) | undefined;
  netnsCookie: bigint;
  mapSizes?: Record<string, number>;
  /** Those of this version unless given. */
  migrations?: readonly Migration[];
}

const maxPodAddresses = 4;

export class Datapath {
  readonly #options: DatapathOptions;
  readonly shortcut: SocketShortcut;
  readonly #namespaces = new PodNamespaces((name) => this.map(name));
  readonly #xdp: XdpUplink;
  #objects: Objects | undefined;

  constructor(options: DatapathOptions) {
    this.#options = options;
    this.shortcut = new SocketShortcut(options);
    const { bpf, uplinkIfindex: ifindex, xdp: setting = 'off' } = options;
    this.#xdp = new XdpUplink({
      ...{ bpf, ifindex, setting },
      load: () => bpf.load(this.#request('xdp', options.pinDirectory)),
      pin: (mode) => this.#pin(`uplink-xdp-${mode}`),
    });
  }

  /**
   * Loads all programs. Maps that an earlier process pinned are taken over with what they hold; where they are of
   * another layout or size, by others, and the programs of all pods and of the node are replaced at once.
   * @returns what was different then
   * @throws TendrilError BPF_LAYOUT where that cannot be done: what is in force stays so
   */
  load(): string | undefined {
    if (this.#objects !== undefined) return undefined;
    const { bpf, pinDirectory, cgroup, uplinkIfindex } = this.#options;
    const { objects, handedOver } = loadOrHandOver({
      ...{ bpf, pinDirectory, migrations: this.#options.migrations ?? migrations },
      nodeHooks: nodeHooks({ cgroup, uplinkIfindex }),
      load: (directory) => ({
        sock: bpf.load(this.#request('sock', directory)),
        pod: bpf.load(this.#request('pod', directory)),
        host: bpf.load(this.#request('host', directory)),
      }),
      // Each object has all maps.
      misfit: (directory) => textOf(bpf.misfit(this.#request('pod', directory))),
    });
    this.#objects = objects;
    // XDP has no second program behind the first: what it knew by the old maps goes by tc until it has the new ones.
    if (handedOver !== undefined) this.#xdp.ensure();
    // Connections of an earlier version's datapath, which may not have said that there are any.
    const inherited = this.map('conntrack').entries().next().done !== true;
    if (inherited)
      this.map('activity').update(
        new Uint8Array(4),
        layouts.activity.encode({ translated: 1, stackFlows: 1 }),
      );
    return handedOver;
  }

  #request(name: ObjectName | 'xdp', pinDirectory: string): LoadOptions {
    const { objectsDirectory, mapSizes } = this.#options;
    const path = join(objectsDirectory, `${name}.bpf.o`);
    return { path, pinDirectory, ...(mapSizes && { mapSizes }) };
  }

  map(name: string): BpfMap {
    return this.#loaded().pod.map(name);
  }

  /**
   * A number that no call gave before, in this process or an earlier one, as long as the maps live. It is in the map
   * before it is used, so that a process that dies with it never has it given out again.
   */
  nextEpoch(): number {
    const next = (this.epoch() + 1) >>> 0;
    this.map('epoch').update(indexKey(0), indexKey(next));
    return next;
  }

  /** The last of them; 0 where no process has written to the maps. */
  epoch(): number {
    return Buffer.from(this.map('epoch').lookup(indexKey(0))!).readUInt32LE();
  }

  /** Sets what the programs know of the node. */
  configure(addresses: readonly Ip[]): void {
    const { netnsCookie, uplinkIfindex, podForwarding = 'direct', earlierConnections } = this.#options;
    this.#leaveEarlierUplink();
    const [snat4, snat6] = ([4, 6] as const).map((family) => addresses.find((ip) => ip.family === family));
    const value = layouts.nodeConfig.encode({
      ...(snat4 && { snat4 }),
      ...(snat6 && { snat6 }),
      netnsCookie,
      snatFirst: serviceSnatPorts.first,
      snatLast: serviceSnatPorts.last,
      uplinkIfindex,
      pastStack: Number(podForwarding === 'direct'),
      earlier: Number(earlierConnections?.() ?? false),
    });
    this.map('node_config').update(new Uint8Array(4), value);
  }

  /**
   * From now on what goes to these blocks and to no frontend does not leave the node: for once all Services are in the
   * maps, which what is pinned outlives.
   */
  closeServiceCidrs(cidrs: readonly Cidr[]): void {
    this.map('service_cidrs').update(indexKey(0), encodeServiceCidrs(cidrs));
  }

  /** The hooks of the node itself; replaces what an earlier process attached, without a gap. */
  attachNode(): void {
    for (const hook of nodeHooks(this.#options)) this.#attach(hook);
    this.#xdp.ensure();
  }

  /** Which mode of XDP is in force, and what is in the way of the one that was asked for. */
  xdpStatus(): XdpStatus {
    return this.#xdp.status();
  }

  /** What the pod may send from is known before its first packet passes. */
  attachPod(attachment: PodAttachment): void {
    const { ifindex, ips, mac, netnsCookie = 0n } = attachment;
    if (ips.length > maxPodAddresses) {
      throw new TendrilError(
        'BAD_INPUT',
        `a pod has at most ${maxPodAddresses} addresses, not ${ips.length}`,
      );
    }
    this.#namespaces.forget(ifindex, attachment);
    const value = layouts.endpoint.encode({ addrs: [...ips], mac, count: ips.length, netnsCookie });
    this.map('endpoints').update(indexKey(ifindex), value);
    this.#namespaces.remember(attachment);
    for (const hook of podHooks(ifindex)) this.#attach(hook);
  }

  detachPod(ifindex: number): void {
    this.#detach(podHooks(ifindex));
    this.#namespaces.forget(ifindex);
    this.map('endpoints').delete(indexKey(ifindex));
  }

  /** For a pod whose interface is gone, by addresses that are still its own. */
  detachPodOf(ips: readonly Ip[]): void {
    for (const [key, value] of [...this.map('endpoints').entries()]) {
      const { addrs, count } = layouts.endpoint.decode(value);
      const has = addrs.slice(0, count).some((own) => ips.some((ip) => equalIp(own, ip)));
      if (has) this.detachPod(Buffer.from(key).readUInt32LE());
    }
  }

  /** Detaches all other pods, and forgets what is left of ones that an earlier version detached. */
  retainPods(ifindexes: Iterable<number>): void {
    const kept = new Set(ifindexes);
    for (const ifindex of this.pods()) if (!kept.has(ifindex)) this.detachPod(ifindex);
    this.#namespaces.retainLinks(kept);
  }

  /** Interface indexes of all attached pods. */
  pods(): number[] {
    return [...this.map('endpoints').entries()].map(([key]) => Buffer.from(key).readUInt32LE());
  }

  /** Told of each dropped packet, as far as the ring has room. */
  dropEvents(): BpfRingBuffer {
    return this.#loaded().pod.ringBuffer('drop_events');
  }

  /** Packets dropped, by reason in lower case; reasons that never occurred are left out. */
  drops(): Record<string, number> {
    const counters = this.map('drop_counters');
    const drops: Record<string, number> = {};
    for (const [name, reason] of Object.entries(dropReason)) {
      const value = name === 'DROP_REASONS' ? undefined : counters.lookup(indexKey(reason));
      const packets = value === undefined ? 0 : sumPackets(value);
      if (packets > 0) drops[reasonName(reason)] = packets;
    }
    return drops;
  }

  /** Gives the descriptors back; the datapath goes on. */
  close(): void {
    for (const object of Object.values(this.#objects ?? {})) object.close();
    this.#objects = undefined;
    this.shortcut.close();
  }

  /** Detaches everything and removes all pins; what was not loaded is, to know the pods of an earlier process. */
  clear(): void {
    const { bpf, pinDirectory, uplinkIfindex } = this.#options;
    try {
      this.load();
      for (const ifindex of this.pods()) this.detachPod(ifindex);
      this.#detach(uplinkHooks(uplinkIfindex));
    } finally {
      bpf.clear(pinDirectory);
    }
  }

  /** The interface that an earlier process had as its uplink, where the settings name another now. */
  #leaveEarlierUplink(): void {
    const { uplinkIfindex: before } = layouts.nodeConfig.decode(this.map('node_config').lookup(indexKey(0))!);
    if (before !== 0 && before !== this.#options.uplinkIfindex) this.#detach(uplinkHooks(before));
  }

  #attach({ object, program, at, link }: Hook): void {
    this.#loaded()[object].attach(program, at, this.#pin(link));
  }

  /** By interface too: without tcx these are filters, which no pin's removal takes away. */
  #detach(hooks: readonly Hook[]): void {
    for (const { at, link } of hooks) this.#options.bpf.detach(this.#pin(link), at);
  }

  #loaded() {
    if (this.#objects === undefined) throw new TendrilError('INTERNAL', 'the datapath is not loaded');
    return this.#objects;
  }

  #pin(link: string): string {
    return join(this.#options.pinDirectory, 'links', link);
  }
}

function textOf(misfit: Misfit | undefined): string | undefined {
  return misfit && `${misfit.map}: ${misfit.difference}`;
}

/** One counter for each CPU. */
function sumPackets(value: Uint8Array): number {
  const step = layouts.dropCounter.size;
  let packets = 0;
  for (let at = 0; at < value.length; at += step) {
    packets += Number(layouts.dropCounter.decode(value.subarray(at, at + step)).packets);
  }
  return packets;
}
