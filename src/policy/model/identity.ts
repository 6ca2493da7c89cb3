/**
 * Who a pod is to policies: its namespace, labels and named ports. Pods that are equal in these, such as those of a
 * ReplicaSet, are one identity, which is why rules are few where pods are many.
 */
import { hash } from 'node:crypto';
import type { Labels } from '../../kube/selectors.ts';
import type { Container, Pod } from '../../kube/types.ts';
import { protocolNumbers } from '../../net/protocol.ts';
import type { PolicyNumber } from '../policy-state.ts';
import type { PodEntry } from './pod-index.ts';

export interface NamedPort {
  name: string;
  /** IANA's number. */
  protocol: number;
  port: number;
}

export class Identity {
  readonly text: string;
  readonly number: PolicyNumber;
  readonly namespace: string;
  readonly labels: Labels;
  readonly ports: readonly NamedPort[];
  readonly members = new Set<PodEntry>();
  /** How many grants name it: with none, nobody needs to know its pods' addresses. */
  uses = 0;

  constructor(text: string, pod: Pod) {
    this.text = text;
    this.number = numberOf(text);
    this.namespace = pod.metadata.namespace!;
    this.labels = pod.metadata.labels ?? {};
    this.ports = namedPorts(pod);
  }

  /** Numbers of the ports of this name: none where the pod lacks it, several where its containers disagree. */
  portsNamed({ name, protocol }: Omit<NamedPort, 'port'>): number[] {
    return this.ports.filter((one) => one.name === name && one.protocol === protocol).map(({ port }) => port);
  }
}

/** Equal for pods that no policy can tell apart. */
export function identityText(pod: Pod): string {
  const { namespace, labels } = pod.metadata;
  const ports = namedPorts(pod).map(({ name, protocol, port }) => `${name}/${protocol}/${port}`);
  return JSON.stringify(['pod', namespace, Object.entries(labels ?? {}).sort(byKey), ports.sort()]);
}

function byKey([a]: [string, string], [b]: [string, string]): number {
  return a < b ? -1 : 1;
}

/** 64 bits of SHA-256; 0 has a meaning of its own. */
export function numberOf(text: string): PolicyNumber {
  return hash('sha256', text, 'buffer').readBigUInt64BE(0) || 1n;
}

function namedPorts({ spec }: Pod): NamedPort[] {
  return stayingContainers(spec).flatMap(portsOf);
}

/** All that run as long as the pod does: with sidecars, which are init containers that stay. */
export function stayingContainers(spec: Pod['spec']): Container[] {
  const sidecars = spec?.initContainers?.filter(({ restartPolicy }) => restartPolicy === 'Always') ?? [];
  return [...(spec?.containers ?? []), ...sidecars];
}

function portsOf({ ports }: Pick<Container, 'ports'>): NamedPort[] {
  return (ports ?? []).flatMap(({ name, protocol = 'TCP', containerPort }) =>
    name ? [{ name, protocol: protocolNumbers[protocol], port: containerPort }] : [],
  );
}
