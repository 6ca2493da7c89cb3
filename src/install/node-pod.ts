/** The pod that runs a task on one node, and what its status says of how it goes. Pure. */

import { type HostPath, hostPaths } from '../deploy/agent-objects.ts';
import { type DeployValues, dnsNamespace, pullSecrets } from '../deploy/values.ts';
import type { NewObject } from '../kube/meta.ts';
import type { KubeEvent, Pod } from '../kube/types.ts';
import { hostRoot, type NodeTaskEntry } from '../node-tasks/node-task.ts';

/** It is there before anything of Tendril is, and privileged pods are at home in it. */
export const nodePodNamespace = dnsNamespace;

export const nodePodLabels = {
  'app.kubernetes.io/name': 'tendril',
  'app.kubernetes.io/component': 'node-task',
};
export const nodePodSelector = Object.entries(nodePodLabels)
  .map(([key, value]) => `${key}=${value}`)
  .join(',');

export interface NodePodOptions {
  /** Told apart from all others of its kind by the end. */
  name: string;
  node: string;
  values: Pick<DeployValues, 'image' | 'cgroup' | 'imagePullSecrets'>;
  task: string;
  access: NodeTaskEntry['access'];
  input: unknown;
  /** After which the kubelet ends it, should nobody else. */
  deadlineSeconds: number;
}

export function nodePod(options: NodePodOptions): NewObject<Pod> {
  const { name, node, values, task, access, input, deadlineSeconds } = options;
  const paths = pathsOf(values.cgroup, access);
  const mounts = [
    { name: 'host', mountPath: hostRoot, mountPropagation: 'HostToContainer' as const },
    ...paths.map(({ name, path, mountPath = path, propagated }) => ({
      ...{ name, mountPath },
      ...(propagated && { mountPropagation: 'HostToContainer' as const }),
    })),
    { name: 'tmp', mountPath: '/tmp' },
  ];
  return {
    metadata: { name, namespace: nodePodNamespace, labels: nodePodLabels },
    spec: {
      // Past the scheduler: also on nodes that are not Ready, which is what a node without a network is.
      nodeName: node,
      hostNetwork: true,
      hostPID: true,
      dnsPolicy: 'Default',
      restartPolicy: 'Never',
      activeDeadlineSeconds: deadlineSeconds,
      terminationGracePeriodSeconds: 5,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      priorityClassName: 'system-node-critical',
      tolerations: [{ operator: 'Exists' }],
      ...pullSecrets(values),
      containers: [
        {
          name: 'task',
          image: values.image,
          imagePullPolicy: 'IfNotPresent',
          args: ['node-task', task, '--input', JSON.stringify(input)],
          securityContext: { privileged: true, readOnlyRootFilesystem: true },
          volumeMounts: mounts,
        },
      ],
      volumes: [
        { name: 'host', hostPath: { path: '/', type: 'Directory' as const } },
        ...paths.map(({ name, path, type }) => ({ name, hostPath: { path, ...(type && { type }) } })),
        { name: 'tmp', emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } },
      ],
    },
  };
}

/** A look makes no directory. A privileged container has its own sysctls written where they are. */
function pathsOf(cgroup: string, access: NodePodOptions['access']): HostPath[] {
  const all = hostPaths({ cgroup }).filter(({ name }) => name !== 'sysctls');
  return access === 'change' ? all : all.filter(({ name }) => ['bpf', 'cgroup'].includes(name));
}

/** What a kubelet tries again for minutes, though nothing but a hand will change it. */
const hopeless = new Set([
  ...['ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName'],
  ...['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'],
]);

export type NodePodProgress =
  | { state: 'waiting'; reason: string }
  /** It will not run: what the kubelet says, and what to do. */
  | { state: 'refused'; reason: string; remedy: string }
  | { state: 'ended' };

export function progressOf(pod: Pod, events: readonly KubeEvent[]): NodePodProgress {
  const { phase, reason, message, containerStatuses } = pod.status ?? {};
  const state = containerStatuses?.[0]?.state;
  if (state?.terminated !== undefined) return { state: 'ended' };
  if (phase === 'Failed' || phase === 'Succeeded') {
    const told = [reason, message].filter(Boolean).join(': ') || 'the pod ended without having run';
    return { state: 'refused', reason: told, remedy: 'See: kubectl describe node, and the kubelet’s log.' };
  }
  if (state?.running !== undefined) return { state: 'waiting', reason: 'the task is running' };
  const { reason: why, message: details } = state?.waiting ?? {};
  if (why !== undefined && hopeless.has(why)) return refusal(why, details ?? '', pod);
  return { state: 'waiting', reason: podTrouble(pod, events) };
}

/** Why a pod does not run yet, by its newest trouble. `events` are its own. */
export function podTrouble({ status }: Pod, events: readonly KubeEvent[]): string {
  const { waiting, terminated } = status?.containerStatuses?.[0]?.state ?? {};
  const { reason, message } = waiting ?? terminated ?? {};
  if (reason !== undefined && reason !== 'ContainerCreating')
    return [reason, message].filter(Boolean).join(': ');
  const trouble = events.findLast(({ type }) => type === 'Warning');
  if (trouble !== undefined) return `${trouble.reason}: ${trouble.message}`;
  return reason ?? 'its kubelet has not begun with the pod';
}

function refusal(reason: string, details: string, pod: Pod): NodePodProgress {
  const image = pod.spec?.containers[0]?.image ?? '';
  const pulls = reason.includes('Image');
  return {
    state: 'refused',
    reason: [reason, details].filter(Boolean).join(': '),
    remedy: pulls
      ? `Import ${image} on the node, or name one that its registry has with --set image=….`
      : 'See: kubectl describe pod, and the kubelet’s log.',
  };
}
