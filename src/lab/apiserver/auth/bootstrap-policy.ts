/** The ClusterRoles and bindings of every cluster (plugin/pkg/auth/authorizer/rbac/bootstrappolicy), for the kinds served here. */
import type { JsonObject } from '../json.ts';
import type { PolicyRule } from './rbac.ts';

const apiVersion = 'rbac.authorization.k8s.io/v1';
const apiGroup = 'rbac.authorization.k8s.io';

const read = ['get', 'list', 'watch'];
const write = ['create', 'delete', 'deletecollection', 'patch', 'update'];

function rule(verbs: string[], group: string, ...resources: string[]): PolicyRule {
  return { verbs, apiGroups: [group], resources };
}

const core = [
  'configmaps',
  'endpoints',
  'persistentvolumeclaims',
  'pods',
  'replicationcontrollers',
  'serviceaccounts',
  'services',
];
const apps = [
  'daemonsets',
  'deployments',
  'deployments/scale',
  'replicasets',
  'replicasets/scale',
  'statefulsets',
];
const batch = ['cronjobs', 'jobs'];

const view: PolicyRule[] = [
  rule(read, '', ...core, 'persistentvolumeclaims/status', 'services/status', 'pods/log', 'pods/status'),
  rule(read, '', 'bindings', 'events', 'limitranges', 'namespaces', 'namespaces/status', 'resourcequotas'),
  rule(read, 'discovery.k8s.io', 'endpointslices'),
  rule(read, 'apps', 'controllerrevisions', ...apps, 'statefulsets/scale'),
  rule(read, 'autoscaling', 'horizontalpodautoscalers'),
  rule(read, 'batch', ...batch),
  rule(read, 'policy', 'poddisruptionbudgets'),
  rule(read, 'networking.k8s.io', 'ingresses', 'ingresses/status', 'networkpolicies'),
];

const edit: PolicyRule[] = [
  rule(read, '', 'pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy', 'secrets', 'services/proxy'),
  rule(['impersonate'], '', 'serviceaccounts'),
  rule(write, '', 'pods', 'pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy'),
  rule(['create'], '', 'pods/eviction', 'serviceaccounts/token'),
  rule(write, '', 'configmaps', 'events', 'persistentvolumeclaims', 'replicationcontrollers', 'secrets'),
  rule(write, '', 'serviceaccounts', 'services', 'services/proxy'),
  rule(write, 'apps', ...apps, 'statefulsets/scale', 'deployments/rollback'),
  rule(write, 'autoscaling', 'horizontalpodautoscalers'),
  rule(write, 'batch', ...batch),
  rule(write, 'networking.k8s.io', 'ingresses', 'networkpolicies'),
  rule(write, 'policy', 'poddisruptionbudgets'),
  rule([...write, ...read], 'coordination.k8s.io', 'leases'),
];

const admin: PolicyRule[] = [
  rule(['create'], 'authorization.k8s.io', 'localsubjectaccessreviews'),
  rule([...write, ...read], apiGroup, 'rolebindings', 'roles'),
];

const discovery = [
  '/api',
  '/api/*',
  '/apis',
  '/apis/*',
  '/healthz',
  '/livez',
  '/openapi',
  '/openapi/*',
  '/readyz',
  '/version',
  '/version/',
];

/** What a node's agent reads and writes. */
export const nodePolicy: readonly PolicyRule[] = [
  rule(read, '', 'nodes', 'pods', 'services', 'namespaces'),
  rule(['patch', 'update'], '', 'nodes', 'nodes/status'),
  rule(read, 'discovery.k8s.io', 'endpointslices'),
  rule(read, 'networking.k8s.io', 'servicecidrs', 'networkpolicies'),
  rule(['create', 'patch', 'update'], '', 'events'),
  rule(['create', 'patch', 'update'], 'events.k8s.io', 'events'),
];

const aggregate = (name: string) => ({ [`rbac.authorization.k8s.io/aggregate-to-${name}`]: 'true' });

function role(name: string, rules: readonly PolicyRule[], labels?: Record<string, string>): JsonObject {
  const metadata = { name, labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels } };
  return { apiVersion, kind: 'ClusterRole', metadata, rules };
}

/** Of the roles that say so by their labels. */
function aggregated(name: string): JsonObject {
  return { ...role(name, []), aggregationRule: { clusterRoleSelectors: [{ matchLabels: aggregate(name) }] } };
}

function binding(name: string, ...groups: string[]): JsonObject {
  return {
    ...{ apiVersion, kind: 'ClusterRoleBinding' },
    metadata: { name, labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' } },
    roleRef: { apiGroup, kind: 'ClusterRole', name },
    subjects: groups.map((group) => ({ apiGroup, kind: 'Group', name: group })),
  };
}

export const bootstrapPolicy: readonly JsonObject[] = [
  role('cluster-admin', [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ]),
  aggregated('admin'),
  aggregated('edit'),
  aggregated('view'),
  role('system:aggregate-to-admin', admin, aggregate('admin')),
  role('system:aggregate-to-edit', edit, { ...aggregate('edit'), ...aggregate('admin') }),
  role('system:aggregate-to-view', view, {
    ...aggregate('view'),
    ...aggregate('edit'),
    ...aggregate('admin'),
  }),
  role('system:discovery', [{ verbs: ['get'], nonResourceURLs: discovery }]),
  role('system:public-info-viewer', [
    { verbs: ['get'], nonResourceURLs: ['/healthz', '/livez', '/readyz', '/version', '/version/'] },
  ]),
  role('system:basic-user', [
    rule(['create'], 'authorization.k8s.io', 'selfsubjectaccessreviews', 'selfsubjectrulesreviews'),
    rule(['create'], 'authentication.k8s.io', 'selfsubjectreviews'),
  ]),
  role('system:auth-delegator', [
    rule(['create'], 'authentication.k8s.io', 'tokenreviews'),
    rule(['create'], 'authorization.k8s.io', 'subjectaccessreviews'),
  ]),
  role('system:service-account-issuer-discovery', [
    { verbs: ['get'], nonResourceURLs: ['/.well-known/openid-configuration', '/openid/v1/jwks'] },
  ]),
  role('system:node', nodePolicy),
  binding('cluster-admin', 'system:masters'),
  binding('system:discovery', 'system:authenticated'),
  binding('system:public-info-viewer', 'system:authenticated', 'system:unauthenticated'),
  binding('system:basic-user', 'system:authenticated'),
  binding('system:service-account-issuer-discovery', 'system:serviceaccounts'),
  binding('system:node', 'system:nodes'),
];
