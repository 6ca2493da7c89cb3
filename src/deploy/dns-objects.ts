/** Cluster DNS: one pod on each node, behind the Service kube-dns, which it makes where there is none. */
import { boundedYoungHeap } from '../util/heap.ts';
import { type DeployValues, dnsNamespace as namespace, pullSecrets } from './values.ts';

const name = 'tendril-dns';
/** By which the Service kube-dns finds its pods in every cluster. */
const labels = {
  'k8s-app': 'kube-dns',
  'app.kubernetes.io/name': 'tendril',
  'app.kubernetes.io/component': 'dns',
};

export function dnsObjects(values: DeployValues): object[] {
  const { image, zone } = values;
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name, namespace, labels },
      spec: {
        selector: { matchLabels: labels },
        // A node's next server is ready before the one there is told to end.
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        template: {
          metadata: { labels },
          spec: {
            serviceAccountName: name,
            // Where questions about other names go: to the node's servers.
            dnsPolicy: 'Default',
            priorityClassName: 'system-node-critical',
            nodeSelector: { 'kubernetes.io/os': 'linux' },
            tolerations: [{ operator: 'Exists' }],
            ...pullSecrets(values),
            containers: [container(image, zone)],
            volumes: [
              // Optional: the pods themselves make it where there is none.
              { name: 'corefile', configMap: { name: 'coredns', optional: true } },
              { name: 'tmp', emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } },
            ],
          },
        },
      },
    },
  ];
}

function container(image: string, zone: string): object {
  return {
    name: 'dns',
    image,
    imagePullPolicy: 'IfNotPresent',
    args: ['dns', '--cluster', '--conf', '/etc/coredns/Corefile', '--zone', zone],
    env: [{ name: 'NODE_OPTIONS', value: boundedYoungHeap }],
    ports: [
      { name: 'dns', containerPort: 53, protocol: 'UDP' },
      { name: 'dns-tcp', containerPort: 53, protocol: 'TCP' },
      { name: 'metrics', containerPort: 9153, protocol: 'TCP' },
    ],
    resources: { requests: { cpu: '20m', memory: '64Mi' } },
    livenessProbe: {
      httpGet: { port: 8080, path: '/health' },
      ...{ initialDelaySeconds: 30, timeoutSeconds: 5, failureThreshold: 5 },
    },
    // One that is to end says no at once, and answers on for some seconds (src/dns/main.ts): by then every node must have
    // learned it. Until it has, flows that were its own stay its own. One that is only slow, on a busy node, stays ready:
    // it is better than none.
    readinessProbe: {
      httpGet: { port: 8181, path: '/ready' },
      ...{ periodSeconds: 1, timeoutSeconds: 10, failureThreshold: 2 },
    },
    securityContext: {
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      seccompProfile: { type: 'RuntimeDefault' },
      capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
    },
    volumeMounts: [
      { name: 'corefile', mountPath: '/etc/coredns', readOnly: true },
      { name: 'tmp', mountPath: '/tmp' },
    ],
  };
}
