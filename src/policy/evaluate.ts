/**
 * Whether policies let something pass, straight from the objects: the oracle that the calculator is compared with, and
 * that explains what was decided. It goes through everything each time.
 */
import { keyOf } from '../kube/meta.ts';
import { compileSelector, type LabelSelector } from '../kube/selectors.ts';
import type { Namespace, NetworkPolicy, Pod } from '../kube/types.ts';
import { ipToBigInt, mappedBytes, tryParseIp } from '../net/ip.ts';
import type { Protocol } from '../net/protocol.ts';

export interface PolicyObjects {
  policies: readonly NetworkPolicy[];
  namespaces: readonly Namespace[];
  pods: readonly Pod[];
}

/** A pod as `namespace/name`, at that address or at any of its own; or an address, be it a pod's or not. */
export type End = { pod: string; ip?: string } | { ip: string };

export interface Attempt {
  from: End;
  to: End;
  protocol: Protocol;
  /** The receiver's. */
  port: number;
}

export interface Verdict {
  /** A pod may always reach itself; who else the network lets pass, as a pod's node, is not looked at. */
  allowed: boolean;
  /** At the receiver. */
  ingress: Side;
  /** At the sender. */
  egress: Side;
}

export interface Side {
  /** Policies, as `namespace/name`. */
  isolatedBy: string[];
  /** The first rule that does, as `namespace/name ingress[0]`. */
  allowedBy: string | undefined;
}

type Spec = NonNullable<NetworkPolicy['spec']>;
type EgressRule = NonNullable<Spec['egress']>[number];
type PolicyPeer = NonNullable<EgressRule['to']>[number];
type PolicyPort = NonNullable<EgressRule['ports']>[number];

interface Party {
  pod: Pod | undefined;
  addresses: readonly bigint[];
}

export function evaluate(objects: PolicyObjects, { from, to, protocol, port }: Attempt): Verdict {
  const sender = partyOf(objects.pods, from);
  const receiver = partyOf(objects.pods, to);
  const target = { protocol, port, receiver };
  const ingress = sideOf(objects, 'ingress', { subject: receiver, peer: sender, target });
  const egress = sideOf(objects, 'egress', { subject: sender, peer: receiver, target });
  const self = sender.pod !== undefined && sender.pod === receiver.pod;
  return { allowed: self || (passes(ingress) && passes(egress)), ingress, egress };
}

function passes({ isolatedBy, allowedBy }: Side): boolean {
  return isolatedBy.length === 0 || allowedBy !== undefined;
}

interface Question {
  subject: Party;
  peer: Party;
  target: { protocol: Protocol; port: number; receiver: Party };
}

function sideOf(objects: PolicyObjects, direction: 'ingress' | 'egress', question: Question): Side {
  const { subject, peer, target } = question;
  const isolating = objects.policies.filter(
    (policy) => subject.pod && selects(policy, subject.pod) && affects(policy, direction),
  );
  const allowing = isolating.flatMap((policy) =>
    rulesOf(policy, direction).flatMap(({ peers, ports }, i) => {
      const fromPeer = peers.length === 0 || peers.some((one) => holdsPeer(objects, policy, one, peer));
      const atPort = ports.length === 0 || ports.some((one) => holdsPort(one, target));
      return fromPeer && atPort ? [`${keyOf(policy)} ${direction}[${i}]`] : [];
    }),
  );
  return { isolatedBy: isolating.map(keyOf), allowedBy: allowing[0] };
}

function selects({ metadata, spec }: NetworkPolicy, pod: Pod): boolean {
  return (
    metadata.namespace === pod.metadata.namespace && matches(spec?.podSelector ?? {}, pod.metadata.labels)
  );
}

function affects({ spec }: NetworkPolicy, direction: 'ingress' | 'egress'): boolean {
  const types = spec?.policyTypes ?? [];
  if (direction === 'ingress') return types.length === 0 || types.includes('Ingress');
  return types.length === 0 ? (spec?.egress ?? []).length > 0 : types.includes('Egress');
}

function rulesOf(
  { spec }: NetworkPolicy,
  direction: 'ingress' | 'egress',
): { peers: readonly PolicyPeer[]; ports: readonly PolicyPort[] }[] {
  if (direction === 'ingress')
    return (spec?.ingress ?? []).map(({ from, ports }) => ({ peers: from ?? [], ports: ports ?? [] }));
  return (spec?.egress ?? []).map(({ to, ports }) => ({ peers: to ?? [], ports: ports ?? [] }));
}

function holdsPeer(
  { namespaces }: PolicyObjects,
  policy: NetworkPolicy,
  { ipBlock, podSelector, namespaceSelector }: PolicyPeer,
  { pod, addresses }: Party,
): boolean {
  if (ipBlock) {
    const { cidr, except = [] } = ipBlock;
    return addresses.some((ip) => inCidr(ip, cidr) && !except.some((one) => inCidr(ip, one)));
  }
  if (!pod || isOver(pod) || (!podSelector && !namespaceSelector)) return false;
  if (!matches(podSelector ?? {}, pod.metadata.labels)) return false;
  const { namespace } = pod.metadata;
  if (!namespaceSelector) return namespace === policy.metadata.namespace;
  const object = namespaces.find(({ metadata }) => metadata.name === namespace);
  return object !== undefined && matches(namespaceSelector, object.metadata.labels);
}

function holdsPort(
  { protocol = 'TCP', port: wanted, endPort }: PolicyPort,
  { protocol: used, port, receiver }: Question['target'],
): boolean {
  if (protocol !== used) return false;
  if (wanted === undefined || wanted === null) return true;
  if (typeof wanted === 'number') return wanted <= port && port <= (endPort ?? wanted);
  const { containers = [], initContainers = [] } = receiver.pod?.spec ?? {};
  return [...containers, ...initContainers.filter((one) => one.restartPolicy === 'Always')].some(
    (container) =>
      container.ports?.some(
        (one) => one.name === wanted && (one.protocol ?? 'TCP') === protocol && one.containerPort === port,
      ),
  );
}

function matches(selector: object, labels: Record<string, string> | undefined): boolean {
  return compileSelector(selector as LabelSelector)(labels);
}

/** Pods with their node's network are to policies what their node is: an address. */
function partyOf(pods: readonly Pod[], end: End): Party {
  if ('pod' in end) {
    const pod = pods.find((one) => keyOf(one) === end.pod && !one.spec?.hostNetwork);
    const addresses = end.ip === undefined ? (pod ? addressesOf(pod) : []) : [bits(end.ip)!];
    return { pod, addresses };
  }
  const address = bits(end.ip)!;
  const owners = pods.filter(
    (pod) => !pod.spec?.hostNetwork && !isOver(pod) && addressesOf(pod).includes(address),
  );
  return { pod: owners.reduce<Pod | undefined>(newer, undefined), addresses: [address] };
}

function newer(a: Pod | undefined, b: Pod): Pod {
  if (a === undefined) return b;
  const age = ({ metadata }: Pod) => Date.parse(metadata.creationTimestamp);
  const version = ({ metadata }: Pod) => BigInt(metadata.resourceVersion || 0);
  if (age(a) !== age(b)) return age(a) > age(b) ? a : b;
  if (version(a) !== version(b)) return version(a) > version(b) ? a : b;
  return a.metadata.uid > b.metadata.uid ? a : b;
}

function isOver({ status }: Pod): boolean {
  return ['Succeeded', 'Failed'].includes(status?.phase ?? '');
}

function addressesOf({ status }: Pod): bigint[] {
  const texts = status?.podIPs?.map(({ ip }) => ip) ?? [status?.podIP];
  return texts.flatMap((text) => bits(text ?? '') ?? []);
}

/** Both families as numbers of 128 bits: IPv4 as v4-mapped. */
function bits(text: string): bigint | undefined {
  const ip = tryParseIp(text);
  return ip && ipToBigInt({ family: 6, bytes: mappedBytes(ip) });
}

const mapped = 0xffffn;

function inCidr(address: bigint, cidr: string): boolean {
  const [text, length] = cidr.split('/') as [string, string];
  const first = bits(text);
  const prefix = Number(length) + (text.includes(':') ? 0 : 96);
  // The IPv6 blocks that v4-mapped addresses would lie in hold none of IPv4.
  if (first === undefined || (prefix < 96 && address >> 32n === mapped)) return false;
  const hostBits = BigInt(128 - prefix);
  return address >> hostBits === first >> hostBits;
}
