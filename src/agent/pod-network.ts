/**
 * CNI calls, answered: address, device, programs, in this order, and backwards. Joins the address store, the pod
 * interface and the datapath, of which none knows the others.
 *
 *     ADD    address on disk → policies in force → veth → programs attached → up, addresses, routes → published → host ports → confirmed
 *     DEL    host ports → veth → programs' entries → withdrawn → address
 *
 * An attachment counts once it is confirmed. What is not was cut off by a kill, and `recover` removes it.
 */
import { CniError, cniCodes } from '../cni/cni-error.ts';
import type { CniHandler, PodRequest } from '../cni/server/handler.ts';
import type { CniResult } from '../cni/spec.ts';
import type { Allocation, AttachmentKey, NodeIpam } from '../ipam/node-ipam.ts';
import { familyBits } from '../net/cidr.ts';
import { formatIp, type Ip } from '../net/ip.ts';
import { formatMac, type Mac } from '../net/mac.ts';
import type { PodInterface, PodInterfaceSpec, PodLink } from '../podnet/interface/pod-interface.ts';
import type { HostPorts } from '../service/model/host-port.ts';
import type { Logger } from '../util/logger.ts';
import { UndoStack } from '../util/undo-stack.ts';
import { hostPortsKey, hostPortsNote, hostPortsOf } from './pod-host-ports.ts';

/** The Service datapath, as far as pods need it. */
export interface PodDatapath {
  attachPod(pod: {
    ifindex: number;
    ips: readonly Ip[];
    mac: Mac;
    netnsCookie?: bigint | undefined;
    link?: { hostMac: Mac; mtu: number };
  }): void;
  detachPod(ifindex: number): void;
  /** A pod whose interface is gone, by addresses that are still its own. */
  detachPodOf(ips: readonly Ip[]): void;
  retainPods(ifindexes: Iterable<number>): void;
}

/** NetworkPolicies, as far as pods of the node need them. */
export interface PodPolicies {
  /** Resolves once the pod's are in force; until then nothing passes from or to it. @throws TendrilError POLICY_UNKNOWN, MAP_FULL */
  admit(allocation: Allocation): Promise<void>;
  /** An address is no pod's any more. */
  refresh(): void;
}

/** Tells other nodes who has an address, before the pod sends its first packet. */
export interface AddressPublisher {
  publish(allocation: Allocation): Promise<void>;
  withdraw(allocation: Allocation): Promise<void>;
}

/** Pods that another network plugin made and that still run (former-network/). */
export interface FormerPods {
  /** Takes over those that the store does not know yet. */
  adopt(): Promise<void>;
  has(allocation: Allocation): boolean;
  /** All that there is of it, its address too. */
  remove(allocation: Allocation): Promise<void>;
}

const noFormerPods: FormerPods = { adopt: async () => {}, has: () => false, remove: async () => {} };

const noPolicies: PodPolicies = { admit: async () => {}, refresh: () => {} };

/** For as long as no feature on other nodes asks: an address says nothing about its pod. */
const noPublisher: AddressPublisher = { publish: async () => {}, withdraw: async () => {} };

export interface PodNetworkOptions {
  ipam: NodeIpam;
  podInterface: PodInterface;
  datapath: PodDatapath;
  hostPorts: Pick<HostPorts, 'open' | 'close' | 'check'>;
  /** Of the namespace at a path, by which the datapath knows the pod's sockets; undefined where there is none. */
  netnsCookie: (path: string) => bigint | undefined;
  publisher?: AddressPublisher;
  /** None unless given. */
  policies?: PodPolicies;
  /** Pods that another plugin made; none unless given. */
  former?: FormerPods;
  /** Why ADD cannot be served yet; undefined once it can. */
  notReady: () => string | undefined;
  /** Why ADD is not to be served for now, though it could be; unlike `notReady` no reason to call the node unwell. */
  held?: () => string | undefined;
  logger: Logger;
}

export class PodNetwork implements CniHandler {
  readonly #options: Required<PodNetworkOptions>;

  constructor(options: PodNetworkOptions) {
    const defaults = {
      publisher: noPublisher,
      policies: noPolicies,
      former: noFormerPods,
      held: () => undefined,
    };
    this.#options = { ...defaults, ...options };
  }

  async add(request: PodRequest): Promise<CniResult> {
    const { ipam, podInterface, datapath, policies, publisher, hostPorts, notReady, held } = this.#options;
    const reason = notReady() ?? held();
    if (reason !== undefined) throw new CniError(cniCodes.tryAgainLater, reason);
    const note = noteOf(request);
    await this.#options.former.adopt();
    const present = this.#present(request, note);
    if (present !== undefined) return present;
    hostPorts.close(hostPortsKey(request));
    await this.#unplug(request);
    await using undo = this.#undoStack();
    undo.push('release the address', async () => {
      await ipam.release(request);
      policies.refresh();
    });
    const allocation = await ipam.allocate(request, note);
    await policies.admit(allocation);
    const spec = specOf(allocation, request.netns!);
    undo.push('remove the interface', async () => void (await this.#unplug(request)));
    const link = podInterface.add(spec, (made) => {
      undo.push('detach the programs', () => datapath.detachPod(made.host.ifindex));
      this.#attach(spec, made);
    });
    undo.push('withdraw the address', () => publisher.withdraw(allocation));
    await publisher.publish(allocation);
    undo.push('close the host ports', () => hostPorts.close(hostPortsKey(request)));
    this.#openHostPorts(allocation);
    await ipam.confirm(request);
    undo.commit();
    return resultOf(link, spec);
  }

  async del(request: PodRequest): Promise<void> {
    const { ipam, publisher, datapath, policies, hostPorts, former } = this.#options;
    if (ipam.get(request) === undefined) await former.adopt();
    const allocation = ipam.get(request);
    if (allocation !== undefined && former.has(allocation)) return await former.remove(allocation);
    // First: nobody is sent to a pod that is being taken apart.
    hostPorts.close(hostPortsKey(request));
    const found = await this.#unplug(request);
    if (allocation === undefined) return;
    // Its namespace ended before, and took the interface along.
    if (!found) datapath.detachPodOf(allocation.ips);
    await publisher.withdraw(allocation);
    await ipam.release(request);
    policies.refresh();
  }

  async check(request: PodRequest, expected: CniResult | undefined): Promise<void> {
    const { ipam, podInterface } = this.#options;
    const allocation = ipam.get(request);
    if (allocation === undefined) {
      throw new CniError(cniCodes.unknownContainer, `no address belongs to ${request.containerId}`);
    }
    // It is as another plugin made it, and that plugin is not asked any more.
    if (this.#options.former.has(allocation)) return;
    const spec = specOf(allocation, request.netns!);
    const problems = [
      ...unexpected(expected, spec),
      ...podInterface.check(spec).problems,
      ...this.#hostPortProblems(allocation, request),
    ];
    if (problems.length > 0) throw new CniError(cniCodes.checkFailed, problems.join('; '));
  }

  async gc(valid: readonly AttachmentKey[]): Promise<void> {
    const wanted = new Set(valid.map(keyText));
    const stale = this.#options.ipam.list().filter((allocation) => !wanted.has(keyText(allocation)));
    for (const allocation of stale) {
      this.#options.logger.info('removing a pod that the runtime does not know', { ...allocation.note });
      await this.del({ ...allocation, runtimeConfig: {} });
    }
    await this.#removeLeftovers();
  }

  /**
   * Addresses that have run out are no reason: a runtime that hears of a failure calls the node's network
   * broken, and kubelet then stops the pods that run well.
   */
  async status(): Promise<void> {
    const reason = this.#options.notReady();
    if (reason !== undefined) throw new CniError(cniCodes.notAvailable, reason);
  }

  /**
   * Before Services are written, and without a look at the pods: whatever else of host ports the kernel holds is no
   * pod's, and goes with the first Services.
   */
  openHostPorts(): void {
    for (const allocation of this.#options.ipam.list())
      if (allocation.confirmed) this.#tryHostPorts(allocation);
  }

  /**
   * After a start: takes over the pods there are, removes what a killed agent left half made and what belongs
   * to nobody. Gives the event loop its turn after each pod.
   */
  async recover(): Promise<{ kept: number; removed: number }> {
    const { ipam, former, logger } = this.#options;
    let removed = 0;
    for (const allocation of ipam.list()) {
      if (former.has(allocation)) continue;
      if (!(allocation.confirmed && this.#reattach(allocation))) {
        logger.info('removing a pod whose network is incomplete', { ...allocation.note });
        await this.del({ ...allocation, runtimeConfig: {} });
        removed++;
      }
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    await this.#removeLeftovers();
    return { kept: ipam.list().length, removed };
  }

  /** Programs may be of an older version, or gone: attaching replaces them in one step. */
  #reattach(allocation: Allocation): boolean {
    const { podInterface, logger } = this.#options;
    const spec = specOf(allocation, allocation.note.netns ?? '');
    const { link, problems } = podInterface.check(spec);
    if (link === undefined) return false;
    if (problems.length > 0)
      logger.warn('a pod’s network is not as it was made', { ...allocation.note, problems });
    this.#tryHostPorts(allocation);
    try {
      this.#attach(spec, link);
    } catch (error) {
      // A DEL that came meanwhile took the device.
      if (podInterface.find(allocation) === undefined) return false;
      throw error;
    }
    return true;
  }

  async #removeLeftovers(): Promise<void> {
    const { ipam, podInterface, datapath, logger } = this.#options;
    const allocations = ipam.list();
    const names = await podInterface.retain(allocations);
    if (names.length > 0) logger.info('removed interfaces of no pod', { names });
    const links = allocations.map((allocation) => podInterface.find(allocation));
    datapath.retainPods(links.filter((ifindex) => ifindex !== undefined));
  }

  /** The attachment as an earlier ADD made it, where nothing of it is missing; nobody sees programs that are. */
  #present(request: PodRequest, note: Record<string, string>): CniResult | undefined {
    const { ipam, podInterface } = this.#options;
    const allocation = ipam.get(request);
    if (allocation === undefined || !allocation.confirmed) return undefined;
    const { netns, portMappings } = allocation.note;
    if (netns !== note.netns || portMappings !== note.portMappings) return undefined;
    const spec = specOf(allocation, request.netns!);
    const { link, problems } = podInterface.check(spec);
    if (link === undefined || problems.length > 0) return undefined;
    this.#attach(spec, link);
    this.#openHostPorts(allocation);
    return resultOf(link, spec);
  }

  #openHostPorts(allocation: Allocation): void {
    const ports = hostPortsOf(allocation);
    if (ports !== undefined) this.#options.hostPorts.open(ports);
  }

  /** Of a pod that runs: without its host ports it is better off than without its network. */
  #tryHostPorts(allocation: Allocation): void {
    try {
      this.#openHostPorts(allocation);
    } catch (error) {
      this.#options.logger.error('a pod’s host ports are not open', { ...allocation.note, error });
    }
  }

  #hostPortProblems(allocation: Allocation, request: PodRequest): string[] {
    const ports = hostPortsOf(allocation);
    const { portMappings } = hostPortsNote(request);
    // Not every runtime gives to CHECK what it gave to ADD.
    if (portMappings !== undefined && portMappings !== allocation.note.portMappings)
      return ['its host ports are not those of the call'];
    return ports === undefined ? [] : this.#options.hostPorts.check(ports);
  }

  #attach({ ips, netns }: PodInterfaceSpec, { host, pod, mtu }: PodLink): void {
    const { datapath, netnsCookie } = this.#options;
    const link = { hostMac: host.mac, mtu };
    datapath.attachPod({ ifindex: host.ifindex, ips, mac: pod.mac, netnsCookie: netnsCookie(netns), link });
  }

  /** Whether it had an interface. The device first: without it the pod can send nothing that nobody checks. */
  async #unplug(key: AttachmentKey): Promise<boolean> {
    const { podInterface, datapath } = this.#options;
    const ifindex = await podInterface.del(key);
    if (ifindex !== undefined) datapath.detachPod(ifindex);
    return ifindex !== undefined;
  }

  #undoStack(): UndoStack {
    return new UndoStack((what, error) => this.#options.logger.error(`cannot ${what}`, { error }));
  }
}

function specOf({ containerId, ifName, ips }: Allocation, netns: string): PodInterfaceSpec {
  return { containerId, ifName, ips, netns };
}

/** What `status` shows, and what a restarted agent needs. */
function noteOf({ netns, pod, runtimeConfig }: PodRequest): Record<string, string> {
  return {
    netns: netns!,
    ...(pod && { namespace: pod.namespace, pod: pod.name, uid: pod.uid }),
    ...hostPortsNote({ runtimeConfig }),
  };
}

function resultOf(link: PodLink, spec: PodInterfaceSpec): CniResult {
  const gatewayOf = (ip: Ip) => link.gateways.find(({ family }) => family === ip.family)!;
  return {
    cniVersion: '1.1.0',
    interfaces: [
      { name: link.host.name, mac: formatMac(link.host.mac), mtu: link.mtu },
      { name: link.pod.name, mac: formatMac(link.pod.mac), mtu: link.mtu, sandbox: spec.netns },
    ],
    ips: spec.ips.map((ip) => ({
      address: `${formatIp(ip)}/${familyBits(ip.family)}`,
      gateway: formatIp(gatewayOf(ip)),
      interface: 1,
    })),
    routes: spec.ips.map((ip) => ({
      dst: ip.family === 4 ? '0.0.0.0/0' : '::/0',
      gw: formatIp(gatewayOf(ip)),
    })),
  };
}

/** Addresses that ADD reported and the store does not know (a later plugin may add others, on its own device). */
function unexpected(expected: CniResult | undefined, spec: PodInterfaceSpec): string[] {
  const own = expected?.interfaces?.findIndex(
    ({ name, sandbox }) => name === spec.ifName && sandbox !== undefined,
  );
  const addresses = expected?.ips?.filter(({ interface: index }) => index === own) ?? [];
  const known = new Set(spec.ips.map((ip) => `${formatIp(ip)}/${familyBits(ip.family)}`));
  return addresses
    .filter(({ address }) => !known.has(address))
    .map(({ address }) => `${address} is not the pod's`);
}

function keyText({ containerId, ifName }: AttachmentKey): string {
  return `${containerId}/${ifName}`;
}
