/** The Node object as its kubelet registers it, and the conditions it keeps: pure. */
import { arch, availableParallelism, release, totalmem } from 'node:os';
import type { Node } from '../../kube/types.ts';
import { time } from './container-status.ts';
import type { NodeIdentity } from './node-context.ts';

export type NodeStatus = NonNullable<Node['status']>;
export type NodeCondition = NonNullable<NodeStatus['conditions']>[number];

/** The Kubernetes version whose behaviour the lab's kubelet has. */
export const kubeletVersion = 'v1.36.3';

export interface NodeCapacity {
  cpu: string;
  memory: string;
  pods: string;
}

/** Every node of a lab may use the whole machine. */
export function machineCapacity(): NodeCapacity {
  return { cpu: String(availableParallelism()), memory: `${Math.floor(totalmem() / 1024)}Ki`, pods: '110' };
}

const architectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };

export function nodeLabels({ name, zone, labels }: NodeIdentity): Record<string, string> {
  const architecture = architectures[arch()] ?? arch();
  return {
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': architecture,
    'beta.kubernetes.io/os': 'linux',
    'beta.kubernetes.io/arch': architecture,
    ...(zone ? { 'topology.kubernetes.io/zone': zone } : {}),
    ...labels,
  };
}

export interface Readiness {
  ready: boolean;
  message: string;
}

/** Memory, disk and processes are never short in a lab; Ready follows the network. NetworkUnavailable is the agent's. */
export function nodeConditions(
  readiness: Readiness,
  previous: readonly NodeCondition[],
  now: number,
): NodeCondition[] {
  const fine = (type: string, reason: string, message: string) =>
    ({ type, status: 'False', reason, message }) as const;
  const conditions: Pick<NodeCondition, 'type' | 'status' | 'reason' | 'message'>[] = [
    fine('MemoryPressure', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
    fine('DiskPressure', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
    fine('PIDPressure', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
    {
      type: 'Ready',
      status: readiness.ready ? 'True' : 'False',
      reason: readiness.ready ? 'KubeletReady' : 'KubeletNotReady',
      message: readiness.message,
    },
  ];
  return conditions.map((condition) => {
    const before = previous.find((c) => c.type === condition.type);
    const since = before?.status === condition.status ? (before.lastTransitionTime ?? time(now)) : time(now);
    return { ...condition, lastHeartbeatTime: time(now), lastTransitionTime: since } as NodeCondition;
  });
}

export function nodeStatus(node: NodeIdentity, conditions: NodeCondition[]): NodeStatus {
  const capacity = { ...machineCapacity() };
  return {
    addresses: [
      ...node.ips.map((address) => ({ type: 'InternalIP', address })),
      { type: 'Hostname', address: node.name },
    ],
    ...(node.kubeletPort && { daemonEndpoints: { kubeletEndpoint: { Port: node.kubeletPort } } }),
    capacity,
    allocatable: capacity,
    conditions,
    nodeInfo: {
      architecture: architectures[arch()] ?? arch(),
      bootID: '',
      containerRuntimeVersion: 'tendril://0.1.0',
      kernelVersion: release(),
      kubeProxyVersion: '',
      kubeletVersion,
      machineID: node.name,
      operatingSystem: 'linux',
      osImage: 'Tendril lab',
      systemUUID: node.name,
    },
  };
}
