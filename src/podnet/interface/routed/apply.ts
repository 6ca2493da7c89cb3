/** Makes, checks and removes what `plan.ts` says about a pod's routed veth. */
import { errno, isErrno, KernelError } from '../../../linux/errno.ts';
import { openRouteNetlink } from '../../../linux/netlink/kernel-route-netlink.ts';
import type { Link, RouteNetlink } from '../../../linux/netlink/route-netlink.ts';
import { type NetnsHandle, openNetns } from '../../../linux/netns/netns.ts';
import { type Sysctls, writeSysctl } from '../../../linux/sysctl/sysctl.ts';
import { equalIp, type Ip } from '../../../net/ip.ts';
import {
  hostInterfaceName,
  hostNamePrefix,
  type PodInterface,
  type PodInterfaceSpec,
  type PodLink,
} from '../pod-interface.ts';
import { checkEnd } from './check.ts';
import { type EndPlan, gatewayOf, type NodeSituation, planRouted, type RoutedPlan } from './plan.ts';

/** Ways into a pod's namespace; a test gives others. */
export interface PodNamespaces {
  open(path: string): NetnsHandle;
  netlink(netns: NetnsHandle): RouteNetlink;
  /** null: the node's own. */
  sysctl(netns: NetnsHandle | null, values: Sysctls): void;
}

export interface RoutedInterfaceOptions {
  /** Of the node's namespace. */
  node: RouteNetlink;
  /** Asked at every call: MTU and addresses change. */
  situation: () => NodeSituation;
  namespaces?: PodNamespaces;
}

const kernelNamespaces: PodNamespaces = { open: openNetns, netlink: openRouteNetlink, sysctl: writeSysctl };

export function createRoutedInterface(options: RoutedInterfaceOptions): PodInterface {
  return new RoutedInterface(options);
}

class RoutedInterface implements PodInterface {
  readonly name = 'routed';
  readonly #node: RouteNetlink;
  readonly #situation: () => NodeSituation;
  readonly #namespaces: PodNamespaces;

  constructor({ node, situation, namespaces = kernelNamespaces }: RoutedInterfaceOptions) {
    this.#node = node;
    this.#situation = situation;
    this.#namespaces = namespaces;
  }

  add(spec: PodInterfaceSpec, beforeUp: (link: PodLink) => void = () => {}): PodLink {
    const plan = planRouted(spec, this.#situation());
    using netns = this.#namespaces.open(spec.netns);
    // Of an ADD that was killed: its device has our name, and takes its other end along.
    this.#deleteLink(plan.host.name);
    const host = this.#addVeth(plan, netns);
    const link = linkOf(plan, host, spec.ips);
    try {
      beforeUp(link);
      this.#fill(plan, host, netns);
    } catch (error) {
      this.#deleteLink(plan.host.name);
      throw error;
    }
    return link;
  }

  check(spec: PodInterfaceSpec): { link?: PodLink; problems: string[] } {
    const plan = planRouted(spec, this.#situation());
    const host = this.#node.link(plan.host.name);
    if (host === undefined) return { problems: [`the node has no interface ${plan.host.name}`] };
    const problems = checkEnd(this.#node, plan.host, host);
    return { link: linkOf(plan, host, spec.ips), problems: [...problems, ...this.#checkPod(spec, plan)] };
  }

  find(attachment: Pick<PodInterfaceSpec, 'containerId' | 'ifName'>): number | undefined {
    return this.#node.link(hostInterfaceName(attachment))?.index;
  }

  async del(attachment: Pick<PodInterfaceSpec, 'containerId' | 'ifName'>): Promise<number | undefined> {
    const ifindex = this.find(attachment);
    // Routes, neighbours and the pod's end go with the device.
    if (ifindex !== undefined) await this.#node.removeLink(ifindex);
    return ifindex;
  }

  async retain(attachments: readonly Pick<PodInterfaceSpec, 'containerId' | 'ifName'>[]): Promise<string[]> {
    const wanted = new Set(attachments.map(hostInterfaceName));
    const ours = this.#node
      .links()
      .filter(({ name, kind }) => kind === 'veth' && name.startsWith(hostNamePrefix));
    const left = ours.filter(({ name }) => !wanted.has(name));
    await Promise.all(left.map(({ index }) => this.#node.removeLink(index)));
    return left.map(({ name }) => name);
  }

  /** At once, for the way of an ADD: nearly always there is none. */
  #deleteLink(name: string): void {
    const link = this.#node.link(name);
    if (link !== undefined) this.#node.deleteLink(link.index);
  }

  #addVeth({ mtu, pod, host }: RoutedPlan, netns: NetnsHandle): Link {
    const peer = { name: pod.name, mac: pod.mac, mtu, netns };
    try {
      return this.#node.addLink({ kind: 'veth', name: host.name, mac: host.mac, mtu, peer });
    } catch (error) {
      if (!isErrno(error, errno.EEXIST)) throw error;
      throw new KernelError(errno.EEXIST, 'add interface to pod', pod.name, {
        cause: error,
        remedy: 'another plugin made it: let each make an interface of its own name',
      });
    }
  }

  #fill(plan: RoutedPlan, host: Link, netns: NetnsHandle): void {
    this.#namespaces.sysctl(null, plan.host.sysctls);
    if (Object.keys(plan.pod.sysctls).length > 0) this.#namespaces.sysctl(netns, plan.pod.sysctls);
    using pod = this.#namespaces.netlink(netns);
    const podLink = pod.link(plan.pod.name);
    if (podLink === undefined) throw new KernelError(errno.ENODEV, 'find interface in pod', plan.pod.name);
    pod.setLink(podLink.index, { up: true });
    this.#node.setLink(host.index, { up: true });
    applyEnd(this.#node, plan.host, host.index);
    applyEnd(pod, plan.pod, podLink.index);
  }

  #checkPod(spec: PodInterfaceSpec, plan: RoutedPlan): string[] {
    try {
      using netns = this.#namespaces.open(spec.netns);
      using pod = this.#namespaces.netlink(netns);
      const link = pod.link(plan.pod.name);
      if (link === undefined) return [`the pod has no interface ${plan.pod.name}`];
      return checkEnd(pod, plan.pod, link);
    } catch (error) {
      if (!isErrno(error, errno.ENOENT)) throw error;
      return [`the pod's network namespace ${spec.netns} is gone`];
    }
  }
}

/** Addresses first: a route's preferred source must be there. */
function applyEnd(netlink: RouteNetlink, end: EndPlan, link: number): void {
  for (const address of end.addresses) netlink.ensureAddress({ ...address, link });
  for (const neighbour of end.neighbours) netlink.ensureNeighbour({ ...neighbour, link });
  for (const route of end.routes) netlink.ensureRoute({ ...route, link });
}

function linkOf(plan: RoutedPlan, host: Link, ips: readonly Ip[]): PodLink {
  return {
    host: { name: plan.host.name, ifindex: host.index, mac: plan.host.mac },
    pod: { name: plan.pod.name, mac: plan.pod.mac },
    mtu: host.mtu,
    gateways: ips
      .map(({ family }) => gatewayOf[family])
      .filter((ip, i, all) => all.findIndex((o) => equalIp(o, ip)) === i),
  };
}
