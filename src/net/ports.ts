/**
 * Every user of a node's address has a port range of its own, so that no translation can ever take a port
 * that a socket or another translation holds. All inclusive.
 */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Outgoing sockets of processes on the node: net.ipv4.ip_local_port_range. */
export const hostSocketPorts: PortRange = { first: 45_000, last: 54_999 };
/** Kubernetes' default NodePort range; reserved by net.ipv4.ip_local_reserved_ports. */
export const nodePorts: PortRange = { first: 30_000, last: 32_767 };
/** Masquerade of pods to the outside, done by the kernel's NAT. */
export const masqueradePorts: PortRange = { first: 32_768, last: 44_999 };
/** Source ports of Tendril's own SNAT (NodePort to a backend on another node). */
export const serviceSnatPorts: PortRange = { first: 55_000, last: 65_535 };
