/** Who Tendril's pods are and what they may do: no more than the code asks of the API. */
import { agentNamespace, dnsNamespace } from './values.ts';

const rbac = 'rbac.authorization.k8s.io';
const agent = { name: 'tendril-agent', namespace: agentNamespace };
const dns = { name: 'tendril-dns', namespace: dnsNamespace };

type Account = typeof agent;

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
  resourceNames?: string[];
}

/** What Services and names are made of: both read it. */
const services: Rule[] = [
  { apiGroups: [''], resources: ['services', 'namespaces'], verbs: ['list', 'watch'] },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
];

const agentRules: Rule[] = [
  ...services,
  { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
  {
    apiGroups: ['networking.k8s.io'],
    resources: ['servicecidrs', 'networkpolicies'],
    verbs: ['list', 'watch'],
  },
  // Whether a pod that connections lead to is gone; since when a DNS server is there; the labels of one that begins. All of
  // them are watched once there is a NetworkPolicy: whom it names, only they tell.
  { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
  // The condition NetworkUnavailable, and the start-up taint: of its own Node, as the admission policy sees to.
  { apiGroups: [''], resources: ['nodes', 'nodes/status'], verbs: ['patch'] },
  // On Services, whose health check ports cannot be opened.
  { apiGroups: [''], resources: ['events'], verbs: ['create'] },
];

const dnsRules: Rule[] = [
  ...services,
  { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
  { apiGroups: ['networking.k8s.io'], resources: ['servicecidrs'], verbs: ['list'] },
];

/** Names cannot be part of a rule for `create`. */
const dnsMakes: Rule[] = [
  { apiGroups: [''], resources: ['services', 'configmaps'], verbs: ['create'] },
  { apiGroups: [''], resources: ['services'], resourceNames: ['kube-dns'], verbs: ['get'] },
  { apiGroups: [''], resources: ['configmaps'], resourceNames: ['coredns'], verbs: ['get'] },
];

const readsCorefile: Rule[] = [
  { apiGroups: [''], resources: ['configmaps'], resourceNames: ['coredns'], verbs: ['list', 'watch'] },
];

export function accessObjects(): object[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: agentNamespace, labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
    },
    account(agent),
    account(dns),
    ...clusterRole(agent, agentRules),
    ...clusterRole(dns, dnsRules),
    ...role('tendril-agent', agent, readsCorefile),
    ...role('tendril-dns', dns, dnsMakes),
    ...ownNodeOnly(),
  ];
}

const account = (metadata: Account) => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata });

const subjects = (of: Account) => [{ kind: 'ServiceAccount', ...of }];

function clusterRole(of: Account, rules: Rule[]): object[] {
  const metadata = { name: of.name };
  const roleRef = { apiGroup: rbac, kind: 'ClusterRole', name: of.name };
  return [
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata, rules },
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRoleBinding', metadata, roleRef, subjects: subjects(of) },
  ];
}

/** In the namespace of cluster DNS. */
function role(name: string, of: Account, rules: Rule[]): object[] {
  const metadata = { name, namespace: dnsNamespace };
  const roleRef = { apiGroup: rbac, kind: 'Role', name };
  return [
    { apiVersion: `${rbac}/v1`, kind: 'Role', metadata, rules },
    { apiVersion: `${rbac}/v1`, kind: 'RoleBinding', metadata, roleRef, subjects: subjects(of) },
  ];
}

/** RBAC cannot tell one Node from another. A pod's token says which node the pod is on (KEP-4193). */
function ownNodeOnly(): object[] {
  const name = 'tendril-agent-own-node';
  const user = `system:serviceaccount:${agent.namespace}:${agent.name}`;
  const claim = 'authentication.kubernetes.io/node-name';
  const group = 'admissionregistration.k8s.io/v1';
  return [
    {
      apiVersion: group,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: [''],
              apiVersions: ['v1'],
              operations: ['UPDATE'],
              resources: ['nodes', 'nodes/status'],
            },
          ],
        },
        matchConditions: [{ name: 'agent', expression: `request.userInfo.username == '${user}'` }],
        validations: [
          {
            expression: `has(request.userInfo.extra) && '${claim}' in request.userInfo.extra && object.metadata.name in request.userInfo.extra['${claim}']`,
            message: 'an agent of Tendril may change the Node that it runs on, and no other',
            reason: 'Forbidden',
          },
        ],
      },
    },
    {
      apiVersion: group,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'] },
    },
  ];
}
