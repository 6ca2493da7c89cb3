/** A NetworkPolicy as it is applied: defaults filled in, selectors as functions, ports as blocks. */
import {
  compileSelector,
  type LabelPredicate,
  type LabelSelector,
  matchesNothing,
} from '../../kube/selectors.ts';
import type { NetworkPolicy } from '../../kube/types.ts';
import { type Protocol, protocolNumbers } from '../../net/protocol.ts';
import type { NamedPort } from './identity.ts';
import { type IpBlock, ipBlock } from './ip-block.ts';
import { everyPort, type PortBlock, portBlocks } from './port-range.ts';
import { room } from './room.ts';

type Spec = NonNullable<NetworkPolicy['spec']>;
type EgressRule = NonNullable<Spec['egress']>[number];
type Peer = NonNullable<EgressRule['to']>[number];
type Port = NonNullable<EgressRule['ports']>[number];

export interface CompiledPolicy {
  /** Of a pod of its namespace. */
  selects: LabelPredicate;
  /** Absent: pods are not isolated in that direction. */
  ingress?: readonly CompiledRule[];
  egress?: readonly CompiledRule[];
  /** What of it is too much, and allows nothing. */
  problem?: string;
}

export interface CompiledRule {
  /** Undefined: whoever it is. */
  peers: readonly CompiledPeer[] | undefined;
  ports: readonly PortBlock[];
  /** To be looked up in the pod that receives. */
  names: readonly PortName[];
}

export type PortName = Omit<NamedPort, 'port'>;
export type CompiledPeer = { pods: PodSelection } | { block: IpBlock };

export interface PodSelection {
  /** Equal for equal ones, so that they are looked up once. */
  text: string;
  /** One by name, those that this selects, or all. */
  namespaces: string | LabelPredicate | undefined;
  pods: LabelPredicate;
}

/** Also of namespaces that nobody has told of. */
export const allPods: PodSelection = { text: 'all', namespaces: undefined, pods: () => true };

const compiled = new WeakMap<NetworkPolicy, CompiledPolicy>();

/** The same for the same object. */
export function compilePolicy(policy: NetworkPolicy): CompiledPolicy {
  let made = compiled.get(policy);
  if (made === undefined) {
    made = compile(policy);
    compiled.set(policy, made);
  }
  return made;
}

function compile(policy: NetworkPolicy): CompiledPolicy {
  const { podSelector, policyTypes, ingress, egress }: Spec = policy.spec ?? {};
  const namespace = policy.metadata.namespace!;
  const types = policyTypes?.length ? policyTypes : ['Ingress', ...(egress?.length ? ['Egress'] : [])];
  const made: CompiledPolicy = { selects: selectorOf(podSelector ?? {}) };
  if (types.includes('Ingress'))
    made.ingress = (ingress ?? []).map(({ from, ports }) => compileRule(namespace, from, ports));
  if (types.includes('Egress'))
    made.egress = (egress ?? []).map(({ to, ports }) => compileRule(namespace, to, ports));
  const fits = (rule: CompiledRule) => rule !== tooMuch;
  if ([...(made.ingress ?? []), ...(made.egress ?? [])].every(fits)) return made;
  const { name } = policy.metadata;
  made.problem = `${namespace}/${name}: a rule of more than ${room.blockPorts} blocks times ports allows nothing`;
  return made;
}

/** In a rule's place. */
const tooMuch: CompiledRule = { peers: [], ports: [], names: [] };

function compileRule(
  namespace: string,
  peers: readonly Peer[] | undefined,
  ports: readonly Port[] | undefined,
): CompiledRule {
  const rule: CompiledRule = {
    peers: peers?.length ? peers.flatMap((peer) => compilePeer(namespace, peer)) : undefined,
    ports: ports?.length ? ports.flatMap(numberedPorts) : [everyPort],
    names: (ports ?? []).flatMap(portName),
  };
  const blocks = rule.peers?.filter((peer) => 'block' in peer).length ?? 0;
  return blocks * (rule.ports.length + rule.names.length) > room.blockPorts ? tooMuch : rule;
}

function compilePeer(namespace: string, peer: Peer): CompiledPeer[] {
  const { podSelector, namespaceSelector } = peer;
  if (peer.ipBlock) {
    const block = ipBlock(peer.ipBlock);
    return block ? [{ block }] : [];
  }
  if (!podSelector && !namespaceSelector) return [];
  return [
    {
      pods: {
        text: JSON.stringify([namespaceSelector ?? namespace, podSelector ?? {}]),
        namespaces: namespaceSelector ? selectorOf(namespaceSelector) : namespace,
        pods: selectorOf(podSelector ?? {}),
      },
    },
  ];
}

function numberedPorts({ protocol, port, endPort }: Port): PortBlock[] {
  const number = protocolNumber(protocol);
  if (number === undefined || typeof port === 'string') return [];
  if (port === undefined || port === null) return [{ protocol: number, port: 0, portBits: 0 }];
  return portBlocks(number, port, endPort ?? port);
}

function portName({ protocol, port }: Port): PortName[] {
  const number = protocolNumber(protocol);
  return number === undefined || typeof port !== 'string' ? [] : [{ name: port, protocol: number }];
}

function protocolNumber(protocol: Protocol | undefined): number | undefined {
  return protocolNumbers[protocol ?? 'TCP'];
}

/** The API server lets none through that does not compile; one would select nothing, and not stop all others. */
function selectorOf(selector: object): LabelPredicate {
  try {
    return compileSelector(selector as LabelSelector);
  } catch {
    return matchesNothing;
  }
}
