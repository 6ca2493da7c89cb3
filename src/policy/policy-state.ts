/**
 * What NetworkPolicies mean for this node, in the terms of a packet: which pods of the node are isolated, who an address
 * is, and which peers may be talked to at which ports. Made of the API's objects by the calculator, put into force by an
 * engine.
 *
 *     packet of pod P to or from address A, at port N
 *       pods[P]        subject, and whether it is isolated in that direction; if not the packet passes
 *       peers[A]       the number of A's pod, if A is a pod's of the cluster
 *       blocks[A]      the number of the longest block that holds A
 *       rules          whether (subject, direction, peer or block or `anyPeer`, protocol, port) is there; if so it passes
 *
 * Numbers are hashes of what they stand for, so that they are the same after a restart and need no bookkeeping: adr/0016.
 */

/** Of a pod's identity (its namespace, labels and named ports) or of a set of blocks: 64 bits, never 0. */
export type PolicyNumber = bigint;

/** In a rule's place of the peer: whoever it is. */
export const anyPeer: PolicyNumber = 0n;
/** The subject of a pod of which nothing is known yet: no rule names it. */
export const noSubject: PolicyNumber = 0n;

export type Direction = 'ingress' | 'egress';

/** How a pod of this node is judged. Both false: its packets are not looked at. */
export interface PodPolicy {
  subject: PolicyNumber;
  /** Isolated for what it receives, or sends: only what a rule allows passes. */
  ingress: boolean;
  egress: boolean;
}

/** What is allowed. */
export interface PolicyRule {
  subject: PolicyNumber;
  direction: Direction;
  /** A pod's number, a block's, or `anyPeer`. */
  peer: PolicyNumber;
  /** IANA's number; 0: every protocol, and then every port. */
  protocol: number;
  /** Ports whose first `portBits` bits are those of `port`; 0 bits: all. On the receiver's side, host order. */
  port: number;
  portBits: number;
}

/** The whole of it. Maps may be live: they are read within one turn of the event loop, or copied. */
export interface PolicyState {
  /** By address (as formatIp writes it): of pods that this node's network has attached. */
  pods: ReadonlyMap<string, PodPolicy>;
  /** By address: of the cluster's pods, where a rule of this node's can name them. */
  peers: ReadonlyMap<string, PolicyNumber>;
  /** By block (as formatCidr writes it). A block inside another stands for all that hold it and are not excepted there. */
  blocks: ReadonlyMap<string, PolicyNumber>;
  /** By what makes a rule the same (`ruleKey`). */
  rules: ReadonlyMap<string, PolicyRule>;
  /** Of peers and rules: the same as long as these are, in one calculator. */
  version?: number;
  /** Absent where too much has changed to be told. */
  changes?: PolicyChanges;
}

/** Keys of what may differ from the state of version `since`: who has that one in force need look at no others. */
export interface PolicyChanges {
  since: number;
  peers: ReadonlySet<string>;
  rules: ReadonlySet<string>;
}

export function ruleKey({ subject, direction, peer, protocol, port, portBits }: PolicyRule): string {
  return `${subject}/${direction}/${peer}/${protocol}/${port}/${portBits}`;
}
