/** Defaults, rules and immutable fields of each kind. */
import type { Case } from '../case.ts';
import { apps, configMap, core, get, merge, pod, post, put, service, workload } from './objects.ts';

const dry = '?dryRun=All';
const batch = '/apis/batch/v1/namespaces/{ns}';
const net = '/apis/networking.k8s.io/v1/namespaces/{ns}';
const job = (spec: object = {}) => ({
  metadata: { name: 'j' },
  spec: {
    template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox' }] } },
    ...spec,
  },
});

export const kindCases: Case[] = [
  {
    name: 'defaults of workloads',
    steps: [
      post(`${apps}/deployments${dry}`, workload('Deployment', 'w')),
      post(`${apps}/deployments${dry}`, workload('Deployment', 'w', { strategy: { type: 'Recreate' } })),
      post(`${apps}/replicasets${dry}`, workload('ReplicaSet', 'w')),
      post(`${apps}/statefulsets${dry}`, workload('StatefulSet', 'w')),
      post(
        `${apps}/statefulsets${dry}`,
        workload('StatefulSet', 'w', {
          serviceName: 's',
          volumeClaimTemplates: [
            {
              metadata: { name: 'v' },
              spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
            },
          ],
        }),
      ),
      post(`${apps}/daemonsets${dry}`, workload('DaemonSet', 'w')),
      post(`${batch}/jobs${dry}`, job()),
      post(`${batch}/jobs${dry}`, job({ completions: 3, completionMode: 'Indexed' })),
      post(`${batch}/cronjobs${dry}`, {
        metadata: { name: 'c' },
        spec: { schedule: '* * * * *', jobTemplate: { spec: job().spec } },
      }),
    ],
  },
  {
    name: 'rules of workloads',
    steps: [
      post(
        `${apps}/deployments${dry}`,
        workload('Deployment', 'w', { selector: { matchLabels: { no: 'match' } } }),
      ),
      post(`${apps}/deployments${dry}`, workload('Deployment', 'w', { selector: {} })),
      post(`${apps}/deployments${dry}`, workload('Deployment', 'w', { selector: undefined })),
      post(`${apps}/deployments${dry}`, workload('Deployment', 'w', { replicas: -1 })),
      post(
        `${apps}/deployments${dry}`,
        workload('Deployment', 'w', {
          strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } },
        }),
      ),
      post(
        `${apps}/deployments${dry}`,
        workload('Deployment', 'w', { strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } }),
      ),
      post(
        `${apps}/deployments${dry}`,
        workload('Deployment', 'w', {
          strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '200', maxUnavailable: '150%' } },
        }),
      ),
      post(
        `${apps}/deployments${dry}`,
        workload('Deployment', 'w', { minReadySeconds: 601, progressDeadlineSeconds: 600 }),
      ),
      post(
        `${apps}/deployments${dry}`,
        workload('Deployment', 'w', {
          selector: { matchExpressions: [{ key: 'a', operator: 'Near', values: ['b'] }] },
        }),
      ),
      post(
        `${apps}/deployments${dry}`,
        workload('Deployment', 'w', {
          template: {
            metadata: { labels: { a: 'b' } },
            spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x' }] },
          },
        }),
      ),
      post(`${apps}/daemonsets${dry}`, workload('DaemonSet', 'w', { updateStrategy: { type: 'Sometimes' } })),
      post(
        `${apps}/statefulsets${dry}`,
        workload('StatefulSet', 'w', { podManagementPolicy: 'Wild', ordinals: { start: -1 } }),
      ),
      post(`${batch}/jobs${dry}`, job({ parallelism: -1, backoffLimit: -1, completionMode: 'Indexed' })),
      post(`${batch}/jobs${dry}`, job({ template: { spec: { containers: [{ name: 'c', image: 'x' }] } } })),
      post(`${batch}/cronjobs${dry}`, {
        metadata: { name: 'c' },
        spec: { schedule: 'sometimes', jobTemplate: { spec: job().spec } },
      }),
    ],
  },
  {
    name: 'immutable fields of workloads',
    steps: [
      post(`${apps}/deployments`, workload('Deployment', 'w', { replicas: 0 })),
      merge(`${apps}/deployments/w`, {
        spec: { selector: { matchLabels: { c: 'd' } }, template: { metadata: { labels: { c: 'd' } } } },
      }),
      post(`${apps}/replicasets`, workload('ReplicaSet', 'r', { replicas: 0 })),
      merge(`${apps}/replicasets/r`, {
        spec: { selector: { matchLabels: { c: 'd' } }, template: { metadata: { labels: { c: 'd' } } } },
      }),
      post(`${apps}/daemonsets`, workload('DaemonSet', 'w')),
      merge(`${apps}/daemonsets/w`, {
        spec: { selector: { matchLabels: { c: 'd' } }, template: { metadata: { labels: { c: 'd' } } } },
      }),
      post(`${apps}/statefulsets`, workload('StatefulSet', 'w', { replicas: 0, serviceName: 's' })),
      merge(`${apps}/statefulsets/w`, { spec: { serviceName: 'other' } }),
      merge(`${apps}/statefulsets/w`, { spec: { podManagementPolicy: 'Parallel' } }),
      post(`${batch}/jobs`, job({ suspend: true })),
      merge(`${batch}/jobs/j`, { spec: { completions: 4 } }),
      merge(`${batch}/jobs/j`, { spec: { template: { spec: { restartPolicy: 'OnFailure' } } } }),
    ],
    compares: 'result',
  },
  {
    name: 'status is apart',
    steps: [
      post(`${apps}/deployments`, {
        ...workload('Deployment', 'w', { replicas: 0 }),
        status: { replicas: 9 },
      }),
      merge(`${apps}/deployments/w`, { status: { replicas: 3 } }),
      merge(`${apps}/deployments/w/status`, {
        spec: { replicas: 4 },
        status: { replicas: 3, readyReplicas: 2 },
        metadata: { labels: { x: 'y' }, annotations: { x: 'y' }, finalizers: ['a.b/c'] },
      }),
      merge(`${apps}/deployments/w/status`, { status: { replicas: -3 } }),
      merge(`${apps}/deployments/w/status`, { status: { availableReplicas: 5 } }),
      post(`${core}/pods`, pod('p')),
      merge(`${core}/pods/p/status`, {
        spec: { nodeName: 'x' },
        status: { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] },
        metadata: { labels: { x: 'y' } },
      }),
      merge(`${core}/pods/p/status`, { status: { podIPs: [{ ip: 'nonsense' }] } }),
      merge(`${core}/pods/p/status`, { status: { conditions: [{ type: 'Ready', status: 'True' }] } }),
      get(`${core}/configmaps/m/status`),
    ],
  },
  {
    name: 'pods: what may change',
    steps: [
      post(
        `${core}/pods`,
        pod('p', { activeDeadlineSeconds: 50, tolerations: [{ key: 'a', operator: 'Exists' }] }),
      ),
      merge(`${core}/pods/p`, { spec: { containers: [{ name: 'c', image: 'nginx:2' }] } }),
      merge(`${core}/pods/p`, { spec: { activeDeadlineSeconds: 60 } }),
      merge(`${core}/pods/p`, { spec: { activeDeadlineSeconds: 40 } }),
      merge(`${core}/pods/p`, { spec: { tolerations: [] } }),
      merge(`${core}/pods/p`, { spec: { nodeName: 'x' } }),
      merge(`${core}/pods/p`, { spec: { hostNetwork: true } }),
      merge(`${core}/pods/p`, { spec: { terminationGracePeriodSeconds: 1 } }),
      post(`${core}/pods/p/binding`, { target: { kind: 'Node', name: 'x' } }),
      post(`${core}/pods/p/binding`, { target: { kind: 'Node', name: 'y' } }),
      post(`${core}/pods/p/binding`, { target: { kind: 'Pod', name: 'y' } }),
      post(`${core}/pods/p/binding`, { metadata: { name: 'q' }, target: { kind: 'Node', name: 'y' } }),
    ],
    compares: 'result',
  },
  {
    name: 'pods: rules',
    steps: [
      post(`${core}/pods${dry}`, pod('p', { containers: [] })),
      post(`${core}/pods${dry}`, pod('p', { containers: [{ name: 'c' }] })),
      post(`${core}/pods${dry}`, pod('p', { containers: [{ image: 'x' }] })),
      post(
        `${core}/pods${dry}`,
        pod('p', {
          containers: [
            { name: 'c', image: 'x' },
            { name: 'c', image: 'x' },
          ],
        }),
      ),
      post(
        `${core}/pods${dry}`,
        pod('p', { containers: [{ name: 'C_', image: ' x', imagePullPolicy: 'Maybe' }] }),
      ),
      post(
        `${core}/pods${dry}`,
        pod('p', {
          containers: [
            {
              name: 'c',
              image: 'x',
              ports: [
                { containerPort: 0 },
                { containerPort: 80, name: 'TOO_LONG_PORT_NAME' },
                { containerPort: 80, protocol: 'X' },
              ],
            },
          ],
        }),
      ),
      post(
        `${core}/pods${dry}`,
        pod('p', {
          containers: [
            {
              name: 'c',
              image: 'x',
              env: [
                { name: '' },
                { name: 'a=b' },
                { name: 'V', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
              ],
            },
          ],
        }),
      ),
      post(
        `${core}/pods${dry}`,
        pod('p', {
          containers: [{ name: 'c', image: 'x', volumeMounts: [{ name: 'none', mountPath: '/a' }] }],
        }),
      ),
      post(
        `${core}/pods${dry}`,
        pod('p', {
          volumes: [
            { name: 'v' },
            { name: 'v', emptyDir: {} },
            { name: 'w', emptyDir: {}, hostPath: { path: '/' } },
          ],
        }),
      ),
      post(`${core}/pods${dry}`, pod('p', { restartPolicy: 'Maybe', dnsPolicy: 'Never', hostNetwork: true })),
      post(`${core}/pods${dry}`, pod('p', { dnsPolicy: 'None' })),
      post(
        `${core}/pods${dry}`,
        pod('p', {
          hostNetwork: true,
          containers: [{ name: 'c', image: 'x', ports: [{ containerPort: 80, hostPort: 81 }] }],
        }),
      ),
      post(
        `${core}/pods${dry}`,
        pod('p', {
          containers: [
            {
              name: 'c',
              image: 'x',
              livenessProbe: { httpGet: { path: '/', port: 0 } },
              readinessProbe: {},
              startupProbe: { exec: { command: [] }, tcpSocket: { port: 1 } },
            },
          ],
        }),
      ),
      post(
        `${core}/pods${dry}`,
        pod('p', {
          containers: [
            {
              name: 'c',
              image: 'x',
              resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '2' } },
            },
          ],
        }),
      ),
      post(
        `${core}/pods${dry}`,
        pod('p', {
          containers: [{ name: 'c', image: 'x', resources: { limits: { cpu: '1', memory: '1Gi' } } }],
        }),
      ),
      post(`${core}/pods${dry}`, pod('p', { serviceAccountName: 'none' })),
      post(`${core}/pods${dry}`, pod('p', { priorityClassName: 'none' })),
      post(`${core}/pods${dry}`, pod('p', { priority: 7 })),
      post(`${core}/pods${dry}`, pod('p', { priorityClassName: 'system-node-critical' })),
      post(
        `${core}/pods${dry}`,
        pod('p', {
          tolerations: [
            { operator: 'Exists', value: 'x' },
            { key: 'a', effect: 'Bad' },
          ],
        }),
      ),
      post(
        `${core}/pods${dry}`,
        pod('p', {
          initContainers: [
            { name: 'c', image: 'x' },
            { name: 'i', image: 'x', restartPolicy: 'Always', livenessProbe: { httpGet: { port: 80 } } },
          ],
        }),
      ),
      post(`${core}/pods${dry}`, pod('p', { ephemeralContainers: [{ name: 'e', image: 'x' }] })),
      post(
        `${core}/pods${dry}`,
        pod('p', { hostname: 'Bad.Name', subdomain: 'x_y', hostAliases: [{ ip: 'nope', hostnames: ['A'] }] }),
      ),
      post(`${core}/pods${dry}`, pod('p', { terminationGracePeriodSeconds: -3, activeDeadlineSeconds: 0 })),
      post(
        `${core}/pods${dry}`,
        pod('p', {
          affinity: {
            podAntiAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: [
                { labelSelector: { matchLabels: { a: 'b' } } },
              ],
            },
          },
        }),
      ),
      post(
        `${core}/pods${dry}`,
        pod('p', { topologySpreadConstraints: [{ maxSkew: 0, topologyKey: '', whenUnsatisfiable: 'X' }] }),
      ),
      post(
        `${core}/pods${dry}`,
        pod('p', { securityContext: { runAsUser: -1, sysctls: [{ name: 'Bad!', value: '1' }] } }),
      ),
    ],
  },
  {
    name: 'Services: defaults, rules, immutable fields',
    steps: [
      post(`${core}/services${dry}`, service('w')),
      post(`${core}/services${dry}`, service('w', { clusterIP: 'None' })),
      post(`${core}/services${dry}`, service('w', { type: 'NodePort' })),
      post(`${core}/services${dry}`, service('w', { type: 'LoadBalancer', externalTrafficPolicy: 'Local' })),
      post(`${core}/services${dry}`, service('w', { type: 'ExternalName', externalName: 'a.example' })),
      post(`${core}/services${dry}`, service('w', { type: 'ExternalName' })),
      post(
        `${core}/services${dry}`,
        service('w', { type: 'ExternalName', externalName: 'a.example', clusterIP: '10.96.0.77' }),
      ),
      post(`${core}/services${dry}`, service('w', { ipFamilyPolicy: 'RequireDualStack' })),
      post(`${core}/services${dry}`, service('w', { ipFamilies: ['IPv6'] })),
      post(`${core}/services${dry}`, service('w', { ipFamilies: ['IPv6', 'IPv6'] })),
      post(`${core}/services${dry}`, service('w', { clusterIP: '192.0.2.1' })),
      post(`${core}/services${dry}`, service('w', { clusterIP: '10.96.0.1' })),
      post(`${core}/services${dry}`, service('w', { clusterIP: 'nonsense' })),
      post(`${core}/services${dry}`, service('w', { clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.8'] })),
      post(`${core}/services${dry}`, service('w', { ports: [] })),
      post(`${core}/services${dry}`, service('w', { ports: [{ port: 80 }, { port: 81 }] })),
      post(`${core}/services${dry}`, service('w', { ports: [{ port: 0 }] })),
      post(`${core}/services${dry}`, service('w', { ports: [{ port: 80, nodePort: 30080 }] })),
      post(`${core}/services${dry}`, service('w', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] })),
      post(`${core}/services${dry}`, service('w', { sessionAffinity: 'ClientIP' })),
      post(
        `${core}/services${dry}`,
        service('w', { sessionAffinity: 'None', sessionAffinityConfig: { clientIP: { timeoutSeconds: 1 } } }),
      ),
      post(
        `${core}/services${dry}`,
        service('w', {
          sessionAffinity: 'ClientIP',
          sessionAffinityConfig: { clientIP: { timeoutSeconds: 90000 } },
        }),
      ),
      post(
        `${core}/services${dry}`,
        service('w', {
          externalTrafficPolicy: 'Local',
          internalTrafficPolicy: 'Wild',
          trafficDistribution: 'Wild',
        }),
      ),
      post(
        `${core}/services${dry}`,
        service('w', { externalIPs: ['127.0.0.1', 'x'], loadBalancerSourceRanges: ['10.0.0.0/8'] }),
      ),
      post(`${core}/services${dry}`, service('w', { healthCheckNodePort: 31000 })),
      post(`${core}/services`, service('1w')),
      post(`${core}/services`, service('web')),
      merge(`${core}/services/web`, { spec: { clusterIP: '10.96.0.99' } }),
      merge(`${core}/services/web`, { spec: { clusterIP: '' } }),
      merge(`${core}/services/web`, { spec: { clusterIP: 'None' } }),
      merge(`${core}/services/web`, { spec: { type: 'ExternalName', externalName: 'x.y' } }),
      put(`${core}/services/web`, service('web', { type: 'NodePort' })),
      put(`${core}/services/web`, service('web')),
    ],
  },
  {
    name: 'Secrets, ServiceAccounts, Endpoints, Nodes',
    steps: [
      post(`${core}/secrets`, { metadata: { name: 's' }, stringData: { a: 'b' }, data: { c: 'ZA==' } }),
      post(`${core}/secrets`, { metadata: { name: 't' }, data: { c: 'not base64!' } }),
      post(`${core}/secrets`, { metadata: { name: 'u' }, data: { 'bad key': 'ZA==' } }),
      post(`${core}/secrets`, { metadata: { name: 'v' }, type: 'kubernetes.io/tls', data: {} }),
      post(`${core}/secrets`, { metadata: { name: 'v' }, type: 'kubernetes.io/basic-auth', data: {} }),
      post(`${core}/secrets`, {
        metadata: { name: 'v' },
        type: 'kubernetes.io/dockerconfigjson',
        data: { '.dockerconfigjson': 'e30=' },
      }),
      post(`${core}/secrets`, { metadata: { name: 'w' }, type: 'kubernetes.io/service-account-token' }),
      merge(`${core}/secrets/s`, { type: 'other' }),
      merge(`${core}/secrets/s`, { immutable: true }),
      merge(`${core}/secrets/s`, { data: { c: null } }),
      post(`${core}/configmaps`, configMap('m', { data: { a: 'b' }, binaryData: { a: 'ZA==' } })),
      post(`${core}/configmaps`, configMap('m', { data: { 'a/b': 'c' } })),
      post(`${core}/endpoints`, {
        metadata: { name: 'e' },
        subsets: [{ addresses: [{ ip: '127.0.0.1' }], ports: [{ port: 80 }, { port: 81 }] }],
      }),
      post(`${core}/endpoints`, {
        metadata: { name: 'e' },
        subsets: [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80 }] }],
      }),
      post('/api/v1/nodes?dryRun=All', { metadata: { name: '{ns}-n' }, spec: { podCIDR: 'x' } }),
      post('/api/v1/nodes?dryRun=All', {
        metadata: { name: '{ns}-n' },
        spec: {
          taints: [
            { key: 'a', effect: 'NoExecute' },
            { key: 'a', effect: 'NoExecute' },
          ],
        },
      }),
      post('/api/v1/nodes?dryRun=All', { metadata: { name: '{ns}-n' } }),
      post(`${core}/limitranges`, { metadata: { name: 'l' }, spec: { limits: [] } }),
    ],
  },
  {
    name: 'other groups',
    steps: [
      post(`${net}/ingresses${dry}`, { metadata: { name: 'i' }, spec: {} }),
      post(`${net}/ingresses${dry}`, {
        metadata: { name: 'i' },
        spec: {
          rules: [
            {
              host: '1.2.3.4',
              http: {
                paths: [
                  {
                    path: 'x',
                    pathType: 'Prefix',
                    backend: { service: { name: 's', port: { number: 80 } } },
                  },
                ],
              },
            },
          ],
        },
      }),
      post(`${net}/networkpolicies${dry}`, { metadata: { name: 'n' }, spec: { podSelector: {} } }),
      post(`${net}/networkpolicies${dry}`, {
        metadata: { name: 'n' },
        spec: {
          podSelector: {},
          egress: [{}],
          ingress: [
            {
              from: [{ ipBlock: { cidr: 'x' }, podSelector: {} }],
              ports: [{ port: 'a', endPort: 7 }, { protocol: 'ICMP' }],
            },
          ],
        },
      }),
      post(`/apis/policy/v1/namespaces/{ns}/poddisruptionbudgets${dry}`, {
        metadata: { name: 'b' },
        spec: { minAvailable: 1, maxUnavailable: 1 },
      }),
      post(`/apis/policy/v1/namespaces/{ns}/poddisruptionbudgets${dry}`, {
        metadata: { name: 'b' },
        spec: { minAvailable: '120%', selector: { matchLabels: { a: 'b' } } },
      }),
      post(`/apis/autoscaling/v2/namespaces/{ns}/horizontalpodautoscalers${dry}`, {
        metadata: { name: 'h' },
        spec: { scaleTargetRef: { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' }, maxReplicas: 3 },
      }),
      post(`/apis/autoscaling/v1/namespaces/{ns}/horizontalpodautoscalers${dry}`, {
        metadata: { name: 'h' },
        spec: {
          scaleTargetRef: { kind: 'Deployment', name: 'd' },
          maxReplicas: 0,
          minReplicas: 4,
          targetCPUUtilizationPercentage: 50,
        },
      }),
      post('/apis/scheduling.k8s.io/v1/priorityclasses?dryRun=All', {
        metadata: { name: '{ns}-p' },
        value: 2000000000,
      }),
      post('/apis/scheduling.k8s.io/v1/priorityclasses?dryRun=All', {
        metadata: { name: 'system-p' },
        value: 7,
      }),
      post('/apis/scheduling.k8s.io/v1/priorityclasses?dryRun=All', {
        metadata: { name: '{ns}-p' },
        value: 7,
        preemptionPolicy: 'Never',
        globalDefault: true,
      }),
      post(`/apis/coordination.k8s.io/v1/namespaces/{ns}/leases${dry}`, {
        metadata: { name: 'l' },
        spec: { leaseDurationSeconds: 0, leaseTransitions: -1 },
      }),
      post(`/apis/coordination.k8s.io/v1/namespaces/{ns}/leases${dry}`, {
        metadata: { name: 'l' },
        spec: { holderIdentity: '', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.123456Z' },
      }),
      post(`/apis/discovery.k8s.io/v1/namespaces/{ns}/endpointslices${dry}`, {
        metadata: { name: 'e' },
        addressType: 'IPv4',
        endpoints: [{ addresses: ['10.0.0.1'] }],
        ports: [{ port: 80 }],
      }),
      post(`/apis/discovery.k8s.io/v1/namespaces/{ns}/endpointslices${dry}`, {
        metadata: { name: 'e' },
        addressType: 'IPv9',
        endpoints: [{ addresses: [] }],
      }),
      post(`/apis/events.k8s.io/v1/namespaces/{ns}/events${dry}`, {
        metadata: { name: 'e' },
        eventTime: '2026-01-01T00:00:00.000000Z',
        reportingController: 'a.b/c',
        reportingInstance: 'i',
        action: 'Act',
        reason: 'Why',
        type: 'Normal',
        regarding: { kind: 'Pod', name: 'p', namespace: '{ns}' },
      }),
      post(`/apis/events.k8s.io/v1/namespaces/{ns}/events${dry}`, {
        metadata: { name: 'e' },
        eventTime: '2026-01-01T00:00:00.000000Z',
        type: 'Odd',
      }),
      post(`${core}/events${dry}`, {
        metadata: { name: 'e' },
        involvedObject: { kind: 'Pod', name: 'p', namespace: 'elsewhere' },
        reason: 'Why',
      }),
      post(`${core}/events${dry}`, {
        metadata: { name: 'e' },
        involvedObject: { kind: 'Pod', name: 'p', namespace: '{ns}' },
        reason: 'Why',
        series: { count: 2, lastObservedTime: '2026-01-01T00:00:00.000000Z' },
      }),
    ],
  },
];
