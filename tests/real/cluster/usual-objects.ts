/** kube-proxy and CoreDNS as kubeadm applies them: what most clusters have, and what Tendril meets there. */
import { existsSync } from 'node:fs';
import { apiServer, clusterDns, podCidrs } from './layout.ts';
import type { ProxyMode } from './network-kind.ts';

export const kubeProxyImage = 'registry.k8s.io/kube-proxy:v1.36.3';
export const corednsImage = 'registry.k8s.io/coredns/coredns:v1.14.2';

const namespace = 'kube-system';
const rbac = 'rbac.authorization.k8s.io';

export function usualObjects(mode: ProxyMode): object[] {
  return [...kubeProxyObjects(mode), ...corednsObjects()];
}

const serviceAccount = (name: string) => ({
  ...{ apiVersion: 'v1', kind: 'ServiceAccount' },
  metadata: { name, namespace },
});

const clusterRoleBinding = (name: string, role: string, account: string) => ({
  ...{ apiVersion: `${rbac}/v1`, kind: 'ClusterRoleBinding', metadata: { name } },
  roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: role },
  subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
});

const secretDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

const proxyKubeconfig = `apiVersion: v1
kind: Config
clusters:
- cluster:
    certificate-authority: ${secretDirectory}/ca.crt
    server: ${apiServer}
  name: default
contexts:
- context:
    cluster: default
    namespace: default
    user: default
  name: default
current-context: default
users:
- name: default
  user:
    tokenFile: ${secretDirectory}/token
`;

/** A node here is a namespace, whose conntrack limits are the machine's: kube-proxy may not set them. */
const proxyConfig = (mode: ProxyMode): string => `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
bindAddress: 0.0.0.0
clientConnection:
  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
clusterCIDR: ${podCidrs}
conntrack:
  maxPerCore: 0
  tcpCloseWaitTimeout: 0s
  tcpEstablishedTimeout: 0s
mode: ${mode}
`;

function kubeProxyObjects(mode: ProxyMode): object[] {
  const name = 'kube-proxy';
  const labels = { 'k8s-app': name };
  return [
    serviceAccount(name),
    clusterRoleBinding('kubeadm:node-proxier', 'system:node-proxier', name),
    {
      ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels: { app: name } } },
      data: { 'config.conf': proxyConfig(mode), 'kubeconfig.conf': proxyKubeconfig },
    },
    {
      ...{ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name, namespace, labels } },
      spec: {
        selector: { matchLabels: labels },
        updateStrategy: { type: 'RollingUpdate' },
        template: { metadata: { labels }, spec: kubeProxyPod() },
      },
    },
  ];
}

function kubeProxyPod(): object {
  // The runtime makes a path that is missing: on this machine, whose modules are not to change.
  const hasModules = existsSync('/lib/modules');
  return {
    priorityClassName: 'system-node-critical',
    containers: [
      {
        name: 'kube-proxy',
        image: kubeProxyImage,
        imagePullPolicy: 'IfNotPresent',
        command: [
          '/usr/local/bin/kube-proxy',
          '--config=/var/lib/kube-proxy/config.conf',
          '--hostname-override=$(NODE_NAME)',
        ],
        securityContext: { privileged: true },
        volumeMounts: [
          { mountPath: '/var/lib/kube-proxy', name: 'kube-proxy' },
          { mountPath: '/run/xtables.lock', name: 'xtables-lock' },
          ...(hasModules ? [{ mountPath: '/lib/modules', name: 'lib-modules', readOnly: true }] : []),
        ],
        env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
      },
    ],
    hostNetwork: true,
    serviceAccountName: 'kube-proxy',
    volumes: [
      { name: 'kube-proxy', configMap: { name: 'kube-proxy' } },
      { name: 'xtables-lock', hostPath: { path: '/run/xtables.lock', type: 'FileOrCreate' } },
      ...(hasModules ? [{ name: 'lib-modules', hostPath: { path: '/lib/modules' } }] : []),
    ],
    tolerations: [{ operator: 'Exists' }],
    nodeSelector: { 'kubernetes.io/os': 'linux' },
  };
}

const corefile = `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
`;

const dnsPorts = [
  { name: 'dns', port: 53, protocol: 'UDP' },
  { name: 'dns-tcp', port: 53, protocol: 'TCP' },
  { name: 'metrics', port: 9153, protocol: 'TCP' },
];

function corednsObjects(): object[] {
  const app = { 'k8s-app': 'kube-dns' };
  const watched = ['list', 'watch'];
  return [
    serviceAccount('coredns'),
    {
      ...{ apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name: 'system:coredns' } },
      rules: [
        { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs: watched },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: watched },
      ],
    },
    clusterRoleBinding('system:coredns', 'system:coredns', 'coredns'),
    {
      ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'coredns', namespace } },
      data: { Corefile: corefile },
    },
    {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment' },
      metadata: { name: 'coredns', namespace, labels: app },
      spec: {
        replicas: 2,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
        selector: { matchLabels: app },
        template: { metadata: { labels: app }, spec: corednsPod(app) },
      },
    },
    {
      ...{ apiVersion: 'v1', kind: 'Service' },
      metadata: {
        ...{ name: 'kube-dns', namespace },
        labels: { ...app, 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' },
        annotations: { 'prometheus.io/port': '9153', 'prometheus.io/scrape': 'true' },
      },
      spec: {
        clusterIP: clusterDns,
        ports: dnsPorts.map((port) => ({ ...port, targetPort: port.port })),
        selector: app,
      },
    },
  ];
}

function corednsPod(app: Readonly<Record<string, string>>): object {
  return {
    priorityClassName: 'system-cluster-critical',
    serviceAccountName: 'coredns',
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 100,
            podAffinityTerm: {
              labelSelector: {
                matchExpressions: [{ key: 'k8s-app', operator: 'In', values: Object.values(app) }],
              },
              topologyKey: 'kubernetes.io/hostname',
            },
          },
        ],
      },
    },
    tolerations: [
      { key: 'CriticalAddonsOnly', operator: 'Exists' },
      { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' },
    ],
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    containers: [
      {
        name: 'coredns',
        image: corednsImage,
        imagePullPolicy: 'IfNotPresent',
        resources: { limits: { memory: '170Mi' }, requests: { cpu: '100m', memory: '70Mi' } },
        args: ['-conf', '/etc/coredns/Corefile'],
        volumeMounts: [{ name: 'config-volume', mountPath: '/etc/coredns', readOnly: true }],
        ports: [
          ...dnsPorts.map(({ name, port, protocol }) => ({ name, protocol, containerPort: port })),
          { name: 'liveness-probe', containerPort: 8080, protocol: 'TCP' },
          { name: 'readiness-probe', containerPort: 8181, protocol: 'TCP' },
        ],
        livenessProbe: {
          httpGet: { path: '/health', port: 'liveness-probe', scheme: 'HTTP' },
          ...{ initialDelaySeconds: 60, timeoutSeconds: 5, successThreshold: 1, failureThreshold: 5 },
        },
        readinessProbe: { httpGet: { path: '/ready', port: 'readiness-probe', scheme: 'HTTP' } },
        securityContext: {
          allowPrivilegeEscalation: false,
          capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] },
          readOnlyRootFilesystem: true,
        },
      },
    ],
    dnsPolicy: 'Default',
    volumes: [
      {
        name: 'config-volume',
        configMap: { name: 'coredns', items: [{ key: 'Corefile', path: 'Corefile' }] },
      },
    ],
  };
}
