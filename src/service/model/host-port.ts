/**
 * Ports of the node that lead to one of its pods (`ports[].hostPort`), as the reference plugin portmap has them: on which
 * addresses they answer, and where what comes there goes. Pure.
 */
import {
  equalIp,
  type Family,
  formatIp,
  type Ip,
  isLinkLocal,
  isLoopback,
  isUnspecified,
  parseIp,
} from '../../net/ip.ts';
import type { Protocol } from '../../net/protocol.ts';

export interface HostPort {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: Protocol;
  /** An unspecified address stands for all of the node's of its family; absent: for those of both families. */
  readonly hostIp?: Ip;
}

/** One attachment of a pod, with at least one port. */
export interface PodHostPorts {
  /** Names the attachment. */
  readonly key: string;
  /** `namespace/name`, or whatever people know it by. */
  readonly name: string;
  readonly ips: readonly Ip[];
  readonly ports: readonly HostPort[];
}

/** One port in one family: frontends with one backend. */
export interface HostPortBinding {
  /** Of an attachment, and what it asked for. */
  readonly id: string;
  readonly pod: string;
  readonly protocol: Protocol;
  readonly hostPort: number;
  readonly backend: { readonly ip: Ip; readonly port: number };
  /** Addresses of the node; loopback is for processes of the node alone. */
  readonly addresses: readonly Ip[];
}

const loopbackAddresses = [parseIp('127.0.0.1'), parseIp('::1')];

/**
 * The bindings of a pod; one without an address of the node is left out, and comes with the address: that a hostIP may be
 * any address would let a pod take what others send there.
 * @param nodeAddresses the node's own; loopback is always among them
 */
export function hostPortBindings(pod: PodHostPorts, nodeAddresses: readonly Ip[]): HostPortBinding[] {
  // As NodePorts: a link-local address is no one's to forward from.
  const own = nodeAddresses.filter((ip) => !isLinkLocal(ip) && !isLoopback(ip));
  return pod.ports.flatMap(({ hostPort, containerPort, protocol, hostIp }) =>
    ([4, 6] as const).flatMap((family): HostPortBinding[] => {
      const ip = pod.ips.find((each) => each.family === family);
      // The kernel asks no program when an SCTP socket connects, and on the wire nothing goes to loopback.
      const all = answering(hostIp, family, own);
      const addresses = protocol === 'SCTP' ? all.filter((each) => !isLoopback(each)) : all;
      if (ip === undefined || addresses.length === 0) return [];
      const wanted = [protocol, hostIp ? formatIp(hostIp) : '', hostPort, formatIp(ip), containerPort];
      const id = [pod.key, ...wanted].join(' ');
      return [{ id, pod: pod.key, protocol, hostPort, backend: { ip, port: containerPort }, addresses }];
    }),
  );
}

function answering(hostIp: Ip | undefined, family: Family, own: readonly Ip[]): Ip[] {
  if (hostIp !== undefined && hostIp.family !== family) return [];
  const all = [...own, ...loopbackAddresses].filter((ip) => ip.family === family);
  if (hostIp === undefined || isUnspecified(hostIp)) return all;
  // Of IPv4's loopback every address is the node's own.
  return isLoopback(hostIp) ? [hostIp] : all.filter((ip) => equalIp(ip, hostIp));
}

/** Whose an address of a host port is: of what two want, a Service has it, or else the pod that came first. */
export type HostPortState = 'serving' | 'taken by a Service' | 'taken by another pod';

/** For people; JSON throughout. */
export interface HostPortView {
  pod: string;
  protocol: Protocol;
  hostPort: number;
  /** `ip|port` of the pod. */
  backend: string;
  addresses: { address: string; state: HostPortState }[];
}

/** Host ports of one node's pods. Synchronous: what a call did is in force when it returns. */
export interface HostPorts {
  /** Replaces what the attachment had. @throws TendrilError MAP_FULL, and the attachment has none then */
  open(pod: PodHostPorts): void;
  /** Ends them, and the connections that came by them: their pod is no more. Tolerant of what is gone already. */
  close(key: string): void;
  /** What is not as `open` leaves it, in words. */
  check(pod: PodHostPorts): string[];
  list(): HostPortView[];
}
