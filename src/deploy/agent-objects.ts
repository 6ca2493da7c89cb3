/** The agent: one pod on each Linux node, in the node's network namespace. */

import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { agentNamespace, type DeployValues, pullSecrets } from './values.ts';

const name = 'tendril-agent';
const labels = { 'app.kubernetes.io/name': 'tendril', 'app.kubernetes.io/component': 'agent' };
const statusPort = 9879;

/**
 * All others are dropped. With each why it is needed: the manifest tells. SYS_ADMIN, without which no other namespace is
 * entered, is BPF and PERFMON too (bpf_capable and perfmon_capable in the kernel's include/linux/capability.h), so that
 * neither is asked for beside it.
 */
export const agentCapabilities: Readonly<Record<string, string>> = {
  NET_ADMIN: 'links, routes, rules, nftables, sysctls; attaches programs to interfaces',
  SYS_ADMIN:
    "enters pods' network namespaces, loads programs, attaches them to cgroups; is BPF and PERFMON too",
};

const probe = (path: string, rest: object) => ({
  // By loopback: the kubelet's own way, whatever the node's addresses are.
  httpGet: { host: '127.0.0.1', port: statusPort, path },
  ...rest,
});

/** Of the node's, in the pod at the same place unless told. */
export interface HostPath {
  name: string;
  path: string;
  mountPath?: string;
  readOnly?: boolean;
  type?: 'Directory' | 'DirectoryOrCreate';
  /** Of what is mounted there later, as network namespaces are. */
  propagated?: boolean;
}

/** Where a container runtime looks for CNI's files, unless the values say otherwise. */
export const usualCni = { conf: '/etc/cni/net.d', bin: '/opt/cni/bin' } as const;

export function hostPaths({ cgroup, agent = {} }: Pick<DeployValues, 'cgroup'> & Partial<DeployValues>) {
  const { cniConfDirectory = usualCni.conf, cniBinDirectory = usualCni.bin } = agent as CniPlaces;
  return hostPathsOf({ cgroup, cniConfDirectory, cniBinDirectory });
}

interface CniPlaces {
  cniConfDirectory?: string;
  cniBinDirectory?: string;
}

function hostPathsOf({
  cgroup,
  cniConfDirectory,
  cniBinDirectory,
}: Required<CniPlaces> & Pick<DeployValues, 'cgroup'>): HostPath[] {
  return [
    { name: 'run', path: '/run/tendril', type: 'DirectoryOrCreate' },
    { name: 'state', path: '/var/lib/tendril', type: 'DirectoryOrCreate' },
    { name: 'cni-conf', path: cniConfDirectory, type: 'DirectoryOrCreate' },
    { name: 'cni-bin', path: cniBinDirectory, type: 'DirectoryOrCreate' },
    // Of pods that another plugin made: they are taken over.
    { name: 'cni-state', path: '/var/lib/cni', type: 'DirectoryOrCreate' },
    { name: 'netns', path: '/run/netns', type: 'DirectoryOrCreate', propagated: true },
    { name: 'bpf', path: '/sys/fs/bpf', type: 'Directory', propagated: true },
    { name: 'cgroup', path: cgroup, mountPath: '/sys/fs/cgroup', type: 'Directory' },
    { name: 'sysctls', path: '/proc/sys/net', mountPath: '/host/proc/sys/net', type: 'Directory' },
  ];
}

export function agentObjects(values: DeployValues): object[] {
  const settings = `${JSON.stringify(values.agent, null, 2)}\n`;
  // Agents read their settings at their start: other settings are another template.
  const annotations = { 'tendril.dev/settings': createHash('sha256').update(settings).digest('hex') };
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: agentNamespace, labels },
      data: { 'agent.json': settings },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name, namespace: agentNamespace, labels },
      spec: {
        selector: { matchLabels: labels },
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
        template: { metadata: { labels, annotations }, spec: podSpec(values) },
      },
    },
  ];
}

function podSpec(values: DeployValues): object {
  const paths = hostPaths(values);
  return {
    serviceAccountName: name,
    hostNetwork: true,
    dnsPolicy: 'Default',
    priorityClassName: 'system-node-critical',
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ operator: 'Exists' }],
    // The datapath outlives it: nothing to wait for.
    terminationGracePeriodSeconds: 5,
    ...pullSecrets(values),
    initContainers: [kubeletServer(values)],
    containers: [container(values, paths)],
    volumes: [
      { name: 'settings', configMap: { name } },
      { name: 'tmp', emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } },
      ...paths.map(({ name, path, type }) => ({ name, hostPath: { path, type } })),
      { name: 'kubelet', hostPath: { path: dirname(values.kubeletConfig), type: 'DirectoryOrCreate' } },
      { name: 'kubelet-server', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
      { name: 'no-token', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
    ],
  };
}

/** Where a service account's token is put, unless something else is there. */
const tokenPath = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * Takes the API server's address out of a folder in which a control plane has its keys: neither the agent sees that, nor
 * this one the agent's token. A mount of the one file alone would make it where there is none.
 */
function kubeletServer({ image, kubeletConfig }: DeployValues): object {
  return {
    name: 'kubelet-server',
    image,
    imagePullPolicy: 'IfNotPresent',
    args: ['kubelet-server', `/host/kubelet/${basename(kubeletConfig)}`, '/run/kubelet-server/kubelet.conf'],
    resources: { requests: { cpu: '10m', memory: '32Mi' } },
    securityContext: {
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      seccompProfile: { type: 'RuntimeDefault' },
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'kubelet', mountPath: '/host/kubelet', readOnly: true },
      { name: 'kubelet-server', mountPath: '/run/kubelet-server' },
      { name: 'no-token', mountPath: tokenPath },
    ],
  };
}

function container({ image }: DeployValues, paths: HostPath[]): object {
  return {
    name: 'agent',
    image,
    imagePullPolicy: 'IfNotPresent',
    args: ['agent', '--pod', '--config', '/etc/tendril/agent.json'],
    env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
    ports: [{ name: 'status', containerPort: statusPort, hostPort: statusPort, protocol: 'TCP' }],
    resources: { requests: { cpu: '50m', memory: '128Mi' } },
    startupProbe: probe('/healthz', { periodSeconds: 1, failureThreshold: 60 }),
    livenessProbe: probe('/healthz', { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 }),
    readinessProbe: probe('/readyz', { periodSeconds: 2, timeoutSeconds: 2 }),
    securityContext: {
      readOnlyRootFilesystem: true,
      // Nothing that it runs gains rights. Kubernetes refuses this beside CAP_SYS_ADMIN, but not beside SYS_ADMIN.
      allowPrivilegeEscalation: false,
      // Runtimes' own profiles let bpf, setns and mount through for who has the capabilities.
      seccompProfile: { type: 'RuntimeDefault' },
      capabilities: { drop: ['ALL'], add: Object.keys(agentCapabilities) },
    },
    volumeMounts: [
      { name: 'settings', mountPath: '/etc/tendril', readOnly: true },
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'kubelet-server', mountPath: '/run/kubelet-server', readOnly: true },
      ...paths.map(({ name, path, mountPath = path, readOnly, propagated }) => ({
        name,
        mountPath,
        ...(readOnly && { readOnly }),
        ...(propagated && { mountPropagation: 'HostToContainer' }),
      })),
    ],
  };
}
