/** What becomes of a packet by a PolicyState, concluded as the datapath concludes it. */
import { familyBits } from '../net/cidr.ts';
import { formatIp, type Ip } from '../net/ip.ts';
import { blocksAround } from './blocks-around.ts';
import {
  anyPeer,
  type Direction,
  type PolicyNumber,
  type PolicyRule,
  type PolicyState,
  ruleKey,
} from './policy-state.ts';

export interface JudgedPacket {
  /** Of this node, whose policies are asked. */
  pod: Ip;
  /** As the pod sees it. */
  direction: Direction;
  peer: Ip;
  /** IANA's number. */
  protocol: number;
  /** The receiver's; 0 where the protocol has none. */
  port: number;
}

/** Whether it passes. That a pod reaches itself, and its node reaches it, is not of the state. */
export function judge(state: PolicyState, packet: JudgedPacket): boolean {
  const { direction, protocol, port, peer } = packet;
  const policy = state.pods.get(formatIp(packet.pod));
  if (!policy?.[direction]) return true;
  const { subject } = policy;
  const passes = (one: PolicyNumber | undefined) =>
    one !== undefined && isAllowed(state, { subject, direction, peer: one, protocol, port });
  return (
    passes(anyPeer) || passes(state.peers.get(formatIp(peer))) || passes(longestBlock(state.blocks, peer))
  );
}

function longestBlock(blocks: PolicyState['blocks'], ip: Ip): PolicyNumber | undefined {
  for (const text of blocksAround(ip, familyBits(ip.family))) {
    const found = blocks.get(text);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isAllowed(state: PolicyState, rule: Omit<PolicyRule, 'portBits'>): boolean {
  if (state.rules.has(ruleKey({ ...rule, protocol: 0, port: 0, portBits: 0 }))) return true;
  for (let portBits = 0; portBits <= 16; portBits++) {
    const hostPorts = 2 ** (16 - portBits);
    const port = Math.floor(rule.port / hostPorts) * hostPorts;
    if (state.rules.has(ruleKey({ ...rule, port, portBits }))) return true;
  }
  return false;
}
