/** Kubernetes' own resources, as far as the API server has them; a registry begins with these (resource-registry.ts). */

import {
  mutatingPolicyBindingStrategy,
  mutatingPolicyStrategy,
} from '../admission/registration/mutating-policy-strategies.ts';
import { policyBindingStrategy, policyStrategy } from '../admission/registration/policy-strategies.ts';
import {
  mutatingWebhookStrategy,
  validatingWebhookStrategy,
} from '../admission/registration/webhook-strategies.ts';
import { definitionStrategy } from '../customresources/definition/definition-strategy.ts';
import * as admission from '../table/admission-columns.ts';
import * as core from '../table/core-columns.ts';
import * as other from '../table/other-columns.ts';
import { podColumns } from '../table/pod-columns.ts';
import * as workload from '../table/workload-columns.ts';
import {
  controllerRevisionStrategy,
  daemonSetStrategy,
  deploymentStrategy,
  replicaSetStrategy,
  statefulSetStrategy,
} from './apps/strategies.ts';
import { cronJobStrategy } from './batch/cron-job-strategy.ts';
import { jobStrategy } from './batch/job-strategy.ts';
import { resource } from './built-in-resource.ts';
import { podStrategy } from './core/pod-strategy.ts';
import { serviceStrategy } from './core/service-strategy.ts';
import {
  claimStrategy,
  configMapStrategy,
  endpointsStrategy,
  eventStrategy,
  namespaceStrategy,
  nodeStrategy,
  priorityClassStrategy,
  secretStrategy,
} from './core/strategies.ts';
import { autoscalerConversion } from './others/autoscalers.ts';
import { endpointSliceStrategy } from './others/endpoint-slice.ts';
import { eventConversion } from './others/events.ts';
import { ingressClassStrategy, ingressStrategy } from './others/ingress.ts';
import { networkPolicyStrategy } from './others/network-policy.ts';
import {
  clusterRoleBindingStrategy,
  clusterRoleStrategy,
  roleBindingStrategy,
  roleStrategy,
} from './others/rbac.ts';
import { schedulingResources } from './others/scheduling.ts';
import { ipAddressStrategy, serviceCidrStrategy } from './others/service-cidr.ts';
import { autoscalerStrategy, leaseStrategy } from './others/strategies.ts';
import { disruptionBudgetStrategy } from './policy/disruption-budget.ts';
import type { Resource } from './resource.ts';

const all = ['all'];
const eventFields = [
  'involvedObject.kind',
  'involvedObject.namespace',
  'involvedObject.name',
  'involvedObject.uid',
  'involvedObject.apiVersion',
  'involvedObject.resourceVersion',
  'involvedObject.fieldPath',
  'reason',
  'reportingComponent',
  'source',
  'type',
];

export const builtInResources: readonly Resource[] = [
  resource('v1', 'Namespace', 'namespaces', {
    shortNames: ['ns'],
    clusterScoped: true,
    status: true,
    strategy: namespaceStrategy,
    fieldSelectors: ['status.phase'],
    columns: core.namespaceColumns,
  }),
  resource('v1', 'Node', 'nodes', {
    shortNames: ['no'],
    clusterScoped: true,
    status: true,
    strategy: nodeStrategy,
    fieldSelectors: ['spec.unschedulable'],
    columns: core.nodeColumns,
  }),
  resource('v1', 'Pod', 'pods', {
    shortNames: ['po'],
    categories: all,
    status: true,
    strategy: podStrategy,
    columns: podColumns,
    fieldSelectors: [
      'spec.nodeName',
      'spec.restartPolicy',
      'spec.schedulerName',
      'spec.serviceAccountName',
      'spec.hostNetwork',
      'status.phase',
      'status.podIP',
      'status.nominatedNodeName',
    ],
  }),
  resource('v1', 'Service', 'services', {
    shortNames: ['svc'],
    categories: all,
    status: true,
    strategy: serviceStrategy,
    fieldSelectors: ['spec.clusterIP', 'spec.type'],
    columns: core.serviceColumns,
  }),
  resource('v1', 'Endpoints', 'endpoints', {
    shortNames: ['ep'],
    strategy: endpointsStrategy,
    columns: core.endpointsColumns,
  }),
  resource('v1', 'ConfigMap', 'configmaps', {
    shortNames: ['cm'],
    strategy: configMapStrategy,
    columns: core.configMapColumns,
  }),
  resource('v1', 'Secret', 'secrets', {
    strategy: secretStrategy,
    fieldSelectors: ['type'],
    columns: core.secretColumns,
  }),
  resource('v1', 'ServiceAccount', 'serviceaccounts', {
    shortNames: ['sa'],
    columns: core.serviceAccountColumns,
  }),
  resource('v1', 'Event', 'events', {
    shortNames: ['ev'],
    strategy: eventStrategy,
    fieldSelectors: eventFields,
    columns: core.eventColumns,
  }),
  resource('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims', {
    shortNames: ['pvc'],
    status: true,
    strategy: claimStrategy,
    kept: 'PersistentVolumeClaims are stored here, and get no volume',
    columns: core.claimColumns,
  }),

  resource('apps/v1', 'Deployment', 'deployments', {
    shortNames: ['deploy'],
    categories: all,
    status: true,
    scale: true,
    strategy: deploymentStrategy,
    columns: workload.deploymentColumns,
  }),
  resource('apps/v1', 'ReplicaSet', 'replicasets', {
    shortNames: ['rs'],
    categories: all,
    status: true,
    scale: true,
    strategy: replicaSetStrategy,
    fieldSelectors: ['status.replicas'],
    columns: workload.replicaSetColumns,
  }),
  resource('apps/v1', 'StatefulSet', 'statefulsets', {
    shortNames: ['sts'],
    categories: all,
    status: true,
    scale: true,
    strategy: statefulSetStrategy,
    columns: workload.statefulSetColumns,
  }),
  resource('apps/v1', 'DaemonSet', 'daemonsets', {
    shortNames: ['ds'],
    categories: all,
    status: true,
    strategy: daemonSetStrategy,
    columns: workload.daemonSetColumns,
  }),
  resource('apps/v1', 'ControllerRevision', 'controllerrevisions', {
    strategy: controllerRevisionStrategy,
    columns: workload.controllerRevisionColumns,
  }),

  resource('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices', {
    strategy: endpointSliceStrategy,
    columns: core.endpointSliceColumns,
  }),
  resource('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies', {
    shortNames: ['netpol'],
    strategy: networkPolicyStrategy,
    columns: other.networkPolicyColumns,
  }),
  resource('networking.k8s.io/v1', 'Ingress', 'ingresses', {
    shortNames: ['ing'],
    status: true,
    strategy: ingressStrategy,
    kept: 'Ingresses are stored here, and not served yet',
    columns: other.ingressColumns,
  }),
  resource('networking.k8s.io/v1', 'IngressClass', 'ingressclasses', {
    clusterScoped: true,
    strategy: ingressClassStrategy,
    columns: other.ingressClassColumns,
  }),
  resource('networking.k8s.io/v1', 'ServiceCIDR', 'servicecidrs', {
    clusterScoped: true,
    status: true,
    uncounted: true,
    strategy: serviceCidrStrategy,
    columns: other.serviceCidrColumns,
  }),
  resource('networking.k8s.io/v1', 'IPAddress', 'ipaddresses', {
    shortNames: ['ip'],
    clusterScoped: true,
    uncounted: true,
    strategy: ipAddressStrategy,
    columns: other.ipAddressColumns,
  }),
  resource('coordination.k8s.io/v1', 'Lease', 'leases', {
    strategy: leaseStrategy,
    columns: other.leaseColumns,
  }),
  resource('events.k8s.io/v1', 'Event', 'events', {
    shortNames: ['ev'],
    columns: core.eventColumns,
    fieldSelectors: eventFields,
    face: { collection: '/events', conversion: eventConversion },
  }),
  resource('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets', {
    shortNames: ['pdb'],
    status: true,
    strategy: disruptionBudgetStrategy,
    columns: other.disruptionBudgetColumns,
  }),

  resource('rbac.authorization.k8s.io/v1', 'Role', 'roles', {
    strategy: roleStrategy,
    columns: other.roleColumns,
  }),
  resource('rbac.authorization.k8s.io/v1', 'RoleBinding', 'rolebindings', {
    strategy: roleBindingStrategy,
    columns: other.roleBindingColumns,
  }),
  resource('rbac.authorization.k8s.io/v1', 'ClusterRole', 'clusterroles', {
    clusterScoped: true,
    strategy: clusterRoleStrategy,
    columns: other.roleColumns,
  }),
  resource('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', 'clusterrolebindings', {
    clusterScoped: true,
    strategy: clusterRoleBindingStrategy,
    columns: other.roleBindingColumns,
  }),
  resource('scheduling.k8s.io/v1', 'PriorityClass', 'priorityclasses', {
    shortNames: ['pc'],
    clusterScoped: true,
    strategy: priorityClassStrategy,
    columns: other.priorityClassColumns,
  }),
  resource('batch/v1', 'Job', 'jobs', {
    categories: all,
    status: true,
    strategy: jobStrategy,
    columns: workload.jobColumns,
  }),
  resource('batch/v1', 'CronJob', 'cronjobs', {
    shortNames: ['cj'],
    categories: all,
    status: true,
    strategy: cronJobStrategy,
    columns: workload.cronJobColumns,
  }),
  resource('autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', {
    shortNames: ['hpa'],
    categories: all,
    status: true,
    strategy: autoscalerStrategy,
    kept: 'HorizontalPodAutoscalers are stored here, and scale nothing',
  }),
  resource('autoscaling/v1', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', {
    shortNames: ['hpa'],
    categories: all,
    status: true,
    strategy: autoscalerStrategy,
    kept: 'HorizontalPodAutoscalers are stored here, and scale nothing',
    face: { collection: 'autoscaling/horizontalpodautoscalers', conversion: autoscalerConversion },
  }),
  resource('admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicy', 'validatingadmissionpolicies', {
    categories: ['api-extensions'],
    clusterScoped: true,
    status: true,
    strategy: policyStrategy,
    columns: admission.policyColumns,
  }),
  resource(
    'admissionregistration.k8s.io/v1',
    'ValidatingAdmissionPolicyBinding',
    'validatingadmissionpolicybindings',
    {
      categories: ['api-extensions'],
      clusterScoped: true,
      strategy: policyBindingStrategy,
      columns: admission.policyBindingColumns,
    },
  ),
  resource('admissionregistration.k8s.io/v1', 'MutatingAdmissionPolicy', 'mutatingadmissionpolicies', {
    categories: ['api-extensions'],
    clusterScoped: true,
    strategy: mutatingPolicyStrategy,
    columns: admission.mutatingPolicyColumns,
  }),
  resource(
    'admissionregistration.k8s.io/v1',
    'MutatingAdmissionPolicyBinding',
    'mutatingadmissionpolicybindings',
    {
      categories: ['api-extensions'],
      clusterScoped: true,
      strategy: mutatingPolicyBindingStrategy,
      columns: admission.policyBindingColumns,
    },
  ),
  resource(
    'admissionregistration.k8s.io/v1',
    'ValidatingWebhookConfiguration',
    'validatingwebhookconfigurations',
    {
      categories: ['api-extensions'],
      clusterScoped: true,
      strategy: validatingWebhookStrategy,
      columns: admission.webhookColumns,
    },
  ),
  resource(
    'admissionregistration.k8s.io/v1',
    'MutatingWebhookConfiguration',
    'mutatingwebhookconfigurations',
    {
      categories: ['api-extensions'],
      clusterScoped: true,
      strategy: mutatingWebhookStrategy,
      columns: admission.webhookColumns,
    },
  ),
  resource('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'customresourcedefinitions', {
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
    clusterScoped: true,
    status: true,
    updatesNeedVersion: true,
    definition: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
    strategy: definitionStrategy,
    columns: other.roleColumns,
  }),
  ...schedulingResources,
];
