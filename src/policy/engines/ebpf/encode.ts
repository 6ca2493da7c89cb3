/** Policies as the datapath's maps have them, see bpf/shared/policy.h; and back, to know what an earlier process wrote. */
import { formatCidr, parseCidr } from '../../../net/cidr.ts';
import { formatIp, parseIp } from '../../../net/ip.ts';
import { type PodPolicy, type PolicyNumber, type PolicyRule, ruleKey } from '../../policy-state.ts';
import { layouts, policyDirection } from './generated/layouts.ts';

/** How entries of one map are named and written. */
export interface Encoding<V> {
  key(name: string, value: V): Uint8Array;
  value(value: V): Uint8Array;
  /** Name and value of an entry. */
  read(key: Uint8Array, value: Uint8Array): [name: string, value: V];
  same(a: V, b: V): boolean;
}

export const directionNumbers = {
  ingress: policyDirection.POLICY_INGRESS,
  egress: policyDirection.POLICY_EGRESS,
} as const;
/** Bits of a rule's key: up to the peer, and with the protocol. */
const peerBits = 160;
const protocolBits = 176;
/** In front of a block's address; and of an IPv4 address in its v4-mapped form. */
const zeroBits = 32;
const mappedBits = 96;

const addressKey = (text: string) => layouts.podAddress.encode({ addr: parseIp(text) });
const addressName = (key: Uint8Array) => formatIp(layouts.podAddress.decode(key).addr);
const sameNumber = (a: PolicyNumber, b: PolicyNumber) => a === b;

export const podEncoding: Encoding<PodPolicy> = {
  key: addressKey,
  value: ({ subject, ingress, egress }) =>
    layouts.policyPod.encode({
      subject,
      isolated: (Number(ingress) << directionNumbers.ingress) | (Number(egress) << directionNumbers.egress),
    }),
  read(key, value) {
    const { subject, isolated } = layouts.policyPod.decode(value);
    const isIn = (direction: number) => (isolated & (1 << direction)) !== 0;
    const [ingress, egress] = [isIn(directionNumbers.ingress), isIn(directionNumbers.egress)];
    return [addressName(key), { subject, ingress, egress }];
  },
  same: (a, b) => a.subject === b.subject && a.ingress === b.ingress && a.egress === b.egress,
};

export const peerEncoding: Encoding<PolicyNumber> = {
  key: addressKey,
  value: (number) => layouts.policyPeer.encode({ number }),
  read: (key, value) => [addressName(key), layouts.policyPeer.decode(value).number],
  same: sameNumber,
};

export const blockEncoding: Encoding<PolicyNumber> = {
  key(text) {
    const { ip, prefix } = parseCidr(text);
    const bits = zeroBits + prefix + (ip.family === 4 ? mappedBits : 0);
    return layouts.policyBlockKey.encode({ prefix: bits, addr: ip });
  },
  value: (number) => layouts.policyBlock.encode({ number }),
  read(key, value) {
    const { prefix: bits, addr: ip } = layouts.policyBlockKey.decode(key);
    const prefix = bits - zeroBits - (ip.family === 4 ? mappedBits : 0);
    return [formatCidr({ ip, prefix }), layouts.policyBlock.decode(value).number];
  },
  same: sameNumber,
};

export const ruleEncoding: Encoding<PolicyRule> = {
  key: (_, { subject, direction, peer, protocol, port, portBits }) =>
    layouts.policyRuleKey.encode({
      prefix: protocol === 0 ? peerBits : protocolBits + portBits,
      ...{ direction: directionNumbers[direction], subject, peer, proto: protocol, port },
    }),
  value: () => layouts.policyRule.encode({ allowed: 1 }),
  read(key) {
    const { prefix, direction, subject, peer, proto, port } = layouts.policyRuleKey.decode(key);
    const rule: PolicyRule = {
      ...{ subject, peer, port, protocol: prefix === peerBits ? 0 : proto },
      direction: direction === directionNumbers.ingress ? 'ingress' : 'egress',
      portBits: Math.max(0, prefix - protocolBits),
    };
    return [ruleKey(rule), rule];
  },
  same: () => true,
};
