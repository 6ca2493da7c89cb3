/** Objects for the controllers' tests, with only what a test is about. */
import type { ObjectMeta } from '../../kube/meta.ts';
import type { Node, Pod, PodSpec } from '../../kube/types.ts';

let sequence = 0;

export function meta(name: string, more: Partial<ObjectMeta> = {}): ObjectMeta {
  const creationTimestamp = new Date(Date.UTC(2026, 0, 1) + sequence++ * 1000).toISOString();
  return {
    name,
    namespace: 'default',
    uid: `uid-${name}`,
    resourceVersion: '1',
    generation: 1,
    creationTimestamp,
    ...more,
  };
}

export interface PodTraits {
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  node?: string;
  phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  /** Ready since the given time, or since the epoch. */
  ready?: boolean | string;
  terminating?: boolean;
  ips?: string[];
  owner?: string;
  restarts?: number;
  created?: string;
  spec?: Partial<PodSpec>;
}

export function pod(name: string, traits: PodTraits = {}): Pod {
  const {
    labels = {},
    annotations = {},
    node,
    phase = 'Running',
    ready,
    terminating,
    ips = [],
    owner,
  } = traits;
  const lastTransitionTime = typeof ready === 'string' ? ready : '1970-01-01T00:00:00Z';
  const reference = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    name: 'owner',
    uid: owner ?? '',
    controller: true,
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: meta(name, {
      labels,
      annotations,
      ...(terminating ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
      ...(owner === undefined ? {} : { ownerReferences: [reference] }),
      ...(traits.created === undefined ? {} : { creationTimestamp: traits.created }),
    }),
    spec: {
      containers: [{ name: 'main' }],
      ...(node === undefined ? {} : { nodeName: node }),
      ...traits.spec,
    },
    status: {
      phase,
      ...(ips.length > 0 ? { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) } : {}),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime }],
      containerStatuses: [
        { name: 'main', image: '', imageID: '', ready: Boolean(ready), restartCount: traits.restarts ?? 0 },
      ],
    },
  };
}

export interface NodeTraits {
  labels?: Record<string, string>;
  taints?: { key: string; value?: string; effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute' }[];
  unschedulable?: boolean;
  allocatable?: Record<string, string>;
}

export function node(name: string, { labels, taints, unschedulable, allocatable }: NodeTraits = {}): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      ...meta(name, { labels: { 'kubernetes.io/hostname': name, ...labels } }),
      namespace: undefined,
    },
    spec: { taints, unschedulable },
    ...(allocatable === undefined ? {} : { status: { allocatable } }),
  };
}
