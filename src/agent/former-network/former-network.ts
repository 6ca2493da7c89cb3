/**
 * Pods that another network plugin made (bridge or ptp with host-local), for as long as they run: the way of a live change
 * to Tendril, in which no pod is started anew.
 *
 *     /var/lib/cni ──► adopt: address store, pods' routes by their gateway ──► DEL: device, plugins' rules, their files
 *                                                                              └─ the last one's: their bridge
 *
 * Their addresses are in the store, so that nobody else gets them; their network stays as it was made, and needs no program
 * of the datapath: their sockets are translated as all of the node's are. A runtime gives a pod's DEL to the conflist that
 * is there now, so it comes here.
 */
import type { Allocation, AttachmentKey, NodeIpam } from '../../ipam/node-ipam.ts';
import type { RouteNetlink } from '../../linux/netlink/route-netlink.ts';
import type { NetnsHandle } from '../../linux/netns/netns.ts';
import type { Nftables } from '../../linux/nftables/nftables.ts';
import { parseRuleset } from '../../linux/nftables/ruleset.ts';
import { equalIp, formatIp, type Ip } from '../../net/ip.ts';
import { describeError } from '../../util/errors.ts';
import type { Logger } from '../../util/logger.ts';
import type { FormerPod, HostLocal } from './host-local.ts';
import { planPodRoutes } from './pod-routes.ts';
import { planPodRules, pluginTables } from './pod-rules.ts';

export interface FormerPodStatus {
  namespace?: string;
  pod?: string;
  containerId: string;
  ips: string[];
  /** What is in the way of its reaching the node's new pods. */
  problem?: string;
}

export interface FormerNetworkStatus {
  pods: FormerPodStatus[];
  /** Interfaces that go with the last of them. */
  bridges: string[];
}

export interface FormerNetworkOptions {
  ipam: NodeIpam;
  files: Pick<HostLocal, 'pods' | 'holds' | 'forget'>;
  /** Of the node's namespace. */
  node: RouteNetlink;
  namespaces: { open(path: string): NetnsHandle; netlink(netns: NetnsHandle): RouteNetlink };
  nftables: Pick<Nftables, 'tables' | 'describe' | 'apply'>;
  logger: Logger;
}

export class FormerNetwork {
  readonly #options: FormerNetworkOptions;
  /** By container and interface: `done` where routes lead by the gateway, or why they do not. */
  readonly #routed = new Map<string, string>();
  #skipped = false;
  /** Told when the bridge is gone, and the kernel's route to the node's block with it. */
  onGone: () => void = () => {};

  constructor(options: FormerNetworkOptions) {
    this.#options = options;
  }

  /** Whether an address is somebody's that the store does not know (yet): host-local's, or the node's own, as a bridge has one. */
  readonly isTaken = (ip: Ip): boolean => {
    const { files, node } = this.#options;
    return files.holds(formatIp(ip)) || node.addresses({}).some((own) => equalIp(own.ip, ip));
  };

  /** Takes over what is there and not known yet. Once the node's blocks are known; of others' addresses it takes none. */
  async adopt(): Promise<void> {
    const { ipam, files, logger } = this.#options;
    const pods = files.pods().filter(({ ips }) => ips.some((ip) => ipam.covers(ip)));
    for (const pod of pods) {
      const known = ipam.get(pod);
      if (known === undefined) {
        await ipam.adopt(pod, { ips: pod.ips, note: noteOf(pod) });
        logger.info('adopted a pod of another network plugin', { ...ipam.get(pod)?.note });
      } else if (this.has(known) && !known.note.netns && pod.netns !== undefined) {
        await ipam.allocate(pod, noteOf(pod));
        await ipam.confirm(pod);
      }
    }
    const former = this.#allocations();
    if (former.length > 0 && !this.#skipped) {
      // host-local goes on where it was, as long as its conflist is in use.
      this.#skipped = true;
      ipam.skipAhead();
    }
    for (const allocation of former)
      if (this.#routed.get(keyOf(allocation)) !== 'done') this.#route(allocation);
  }

  /** Whether another plugin made it. */
  has({ note }: Allocation): boolean {
    return note.former !== undefined;
  }

  /** A DEL, with the address. What is gone already is no error. */
  async remove(allocation: Allocation): Promise<void> {
    const { files, ipam } = this.#options;
    const { containerId, ifName, note } = allocation;
    this.#removeDevice(allocation);
    await this.#removeRules({ network: note.former!, containerId });
    files.forget({ network: note.former!, containerId, ifName });
    await ipam.release(allocation);
    this.#routed.delete(keyOf(allocation));
    if (note.bridge !== undefined) await this.#removeBridge(note.bridge);
  }

  status(): FormerNetworkStatus {
    const allocations = this.#allocations();
    return {
      pods: allocations.map((allocation) => {
        const { containerId, ips, note } = allocation;
        const { namespace, pod } = note;
        const state = this.#routed.get(keyOf(allocation));
        return {
          ...(namespace && pod && { namespace, pod }),
          ...{ containerId, ips: ips.map(formatIp) },
          ...(state !== 'done' && { problem: state ?? 'it was not looked at yet' }),
        };
      }),
      bridges: [...new Set(allocations.flatMap(({ note }) => note.bridge ?? []))],
    };
  }

  #allocations(): Allocation[] {
    return this.#options.ipam.list().filter((allocation) => this.has(allocation));
  }

  #route(allocation: Allocation): void {
    const { logger } = this.#options;
    try {
      this.#inPod(allocation, (pod) => {
        const link = pod.link(allocation.ifName)?.index;
        if (link === undefined) throw new Error(`it has no interface ${allocation.ifName}`);
        const plan = planPodRoutes({
          link,
          addresses: pod.addresses({ link }),
          routes: pod.routes({ table: 254 }),
        });
        for (const route of plan) pod.ensureRoute(route);
      });
      this.#routed.set(keyOf(allocation), 'done');
    } catch (error) {
      const problem = describeError(error);
      if (this.#routed.get(keyOf(allocation)) !== problem)
        logger.warn('a pod of another network plugin does not reach new pods of its node', {
          ...allocation.note,
          error,
        });
      this.#routed.set(keyOf(allocation), problem);
    }
  }

  #removeDevice(allocation: Allocation): void {
    const { logger } = this.#options;
    try {
      this.#inPod(allocation, (pod) => {
        const link = pod.link(allocation.ifName);
        if (link !== undefined) pod.deleteLink(link.index);
      });
    } catch (error) {
      // A namespace that is gone has taken the device along.
      logger.info('the namespace of a pod that is removed cannot be entered', { ...allocation.note, error });
    }
  }

  #inPod({ note: { netns } }: Allocation, use: (pod: RouteNetlink) => void): void {
    if (!netns) throw new Error('the runtime keeps no result that names its namespace');
    const { namespaces } = this.#options;
    using handle = namespaces.open(netns);
    using pod = namespaces.netlink(handle);
    use(pod);
  }

  async #removeRules(container: { network: string; containerId: string }): Promise<void> {
    const { nftables } = this.#options;
    const present = await nftables.tables(undefined);
    const statements: string[] = [];
    for (const table of pluginTables.filter((each) => present.includes(each)))
      statements.push(...planPodRules(parseRuleset(await nftables.describe(undefined, table)), container));
    if (statements.length > 0) await nftables.apply(undefined, `${statements.join('\n')}\n`);
  }

  /** Once it has no port: what has one is somebody else's too. */
  async #removeBridge(name: string): Promise<void> {
    const { node, logger } = this.#options;
    if (this.#allocations().some(({ note }) => note.bridge === name)) return;
    const bridge = node.link(name);
    if (bridge === undefined || bridge.kind !== 'bridge') return;
    if (node.links().some(({ master }) => master === bridge.index)) return;
    await node.removeLink(bridge.index);
    logger.info('removed the bridge of another network plugin: its last pod is gone', { name });
    this.onGone();
  }
}

function noteOf({ network, netns, pod, bridge }: FormerPod): Record<string, string> {
  return {
    former: network,
    ...(netns && { netns }),
    ...(bridge && { bridge }),
    ...(pod && { namespace: pod.namespace, pod: pod.name, uid: pod.uid }),
  };
}

const keyOf = ({ containerId, ifName }: AttachmentKey): string => `${containerId}/${ifName}`;
