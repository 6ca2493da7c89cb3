/** Services: defaults, and what a change of type takes along. Addresses and node ports are given in allocation/. */
import { equalJson, type JsonObject } from '../../json.ts';
import { isDnsLabel } from '../../validation/names.ts';
import type { Strategy } from '../resource.ts';
import {
  isExternal,
  needsHealthCheck,
  validateService,
  validateServiceUpdate,
} from './service-validation.ts';
import { serviceWarnings } from './service-warnings.ts';

const usesNodePorts = (spec: JsonObject) => spec.type === 'NodePort' || spec.type === 'LoadBalancer';

function setAffinityDefaults(spec: JsonObject): void {
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity !== 'ClientIP') return;
  spec.sessionAffinityConfig ??= {};
  spec.sessionAffinityConfig.clientIP ??= {};
  spec.sessionAffinityConfig.clientIP.timeoutSeconds ??= 10800;
}

function setDefaults(service: JsonObject): void {
  service.spec ??= {};
  const { spec } = service;
  setAffinityDefaults(spec);
  spec.type ||= 'ClusterIP';
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '')
      port.targetPort = port.port;
  }
  if (isExternal(spec)) spec.externalTrafficPolicy ||= 'Cluster';
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ||= 'Cluster';
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
  if (service.status === undefined) service.status = { loadBalancer: {} };
}

const nodePortsOf = (spec: JsonObject) =>
  ((spec.ports ?? []) as JsonObject[]).map((p) => p.nodePort as number | undefined).filter((p) => p);

/**
 * What a change of type leaves behind without meaning goes away, unless the client has set it anew
 * (dropTypeDependentFields of pkg/registry/core/service).
 */
function prepareForUpdate(next: JsonObject, old: JsonObject): void {
  const spec = next.spec as JsonObject;
  const before = old.spec as JsonObject;
  const drop = (...keys: string[]) => {
    for (const key of keys) if (equalJson(spec[key], before[key])) delete spec[key];
  };
  if (spec.type === 'ExternalName' && before.type !== 'ExternalName') {
    if (equalJson(spec.clusterIPs, before.clusterIPs)) drop('clusterIP', 'clusterIPs');
    drop('ipFamilies', 'ipFamilyPolicy', 'internalTrafficPolicy');
  }
  if (usesNodePorts(before) && !usesNodePorts(spec)) {
    const had = nodePortsOf(before);
    if (nodePortsOf(spec).every((port) => had.includes(port)))
      for (const port of spec.ports ?? []) delete port.nodePort;
  }
  if (needsHealthCheck(before) && !needsHealthCheck(spec)) drop('healthCheckNodePort');
  if (isExternal(before) && !isExternal(spec)) drop('externalTrafficPolicy');
  if (spec.type === 'LoadBalancer') return;
  if (before.type === 'LoadBalancer') drop('allocateLoadBalancerNodePorts', 'loadBalancerClass');
  next.status = { ...next.status, loadBalancer: {} };
}

export const serviceStrategy: Strategy = {
  // Since 1.36 a name may begin with a digit (RelaxedServiceNameValidation, KEP-5311).
  nameRule: isDnsLabel,
  setDefaults,
  prepareForCreate: (service) => {
    service.status = { loadBalancer: {} };
  },
  prepareForUpdate,
  admit: (next, old, context) => context.allocateService(next, old),
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  warnings: serviceWarnings,
};
