/** Services: defaults and validation, as pkg/apis/core. Addresses and node ports are given in allocation/. */
import { tryParseIp } from '../../../../net/ip.ts';
import type { JsonObject } from '../../json.ts';
import {
  duplicate,
  type FieldError,
  fieldForbidden,
  invalidValue,
  notSupported,
  required,
} from '../../validation/field-error.ts';
import {
  isDns1035Label,
  isDnsLabel,
  isDnsSubdomain,
  isIpAddress,
  isPortName,
  isPortNumber,
} from '../../validation/names.ts';
import { validateLabels } from '../../validation/object-meta.ts';
import type { Strategy } from '../resource.ts';

const types = ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'];
const protocols = ['SCTP', 'TCP', 'UDP'];

const isExternal = (spec: JsonObject) => spec.type === 'NodePort' || spec.type === 'LoadBalancer';

function setDefaults(service: JsonObject): void {
  service.spec ??= {};
  const { spec } = service;
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  else {
    spec.sessionAffinityConfig ??= {};
    spec.sessionAffinityConfig.clientIP ??= {};
    spec.sessionAffinityConfig.clientIP.timeoutSeconds ??= 10800;
  }
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

/** What a change of type leaves behind without meaning goes away, unless the client has set it anew. */
function prepareForUpdate(next: JsonObject, old: JsonObject): void {
  const spec = next.spec as JsonObject;
  const before = old.spec as JsonObject;
  const same = (key: string) => JSON.stringify(spec[key]) === JSON.stringify(before[key]);
  if (spec.type === 'ExternalName' && before.type !== 'ExternalName') {
    for (const key of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy', 'internalTrafficPolicy']) {
      if (same(key)) delete spec[key];
    }
  }
  if (!isExternal(spec) && isExternal(before)) {
    for (const port of spec.ports ?? []) {
      if ((before.ports ?? []).some((p: JsonObject) => p.nodePort === port.nodePort)) delete port.nodePort;
    }
    if (same('externalTrafficPolicy')) delete spec.externalTrafficPolicy;
  }
  const needsHealthCheck = spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
  if (!needsHealthCheck && same('healthCheckNodePort')) delete spec.healthCheckNodePort;
  if (spec.type !== 'LoadBalancer' && before.type === 'LoadBalancer') {
    for (const key of ['allocateLoadBalancerNodePorts', 'loadBalancerClass']) if (same(key)) delete spec[key];
    next.status = { ...next.status, loadBalancer: {} };
  }
}

function validatePort(port: JsonObject, field: string, nameRequired: boolean): FieldError[] {
  const errors: FieldError[] = [];
  if (nameRequired && !port.name) errors.push(required(`${field}.name`));
  if (port.name)
    errors.push(...isDnsLabel(port.name).map((why) => invalidValue(`${field}.name`, port.name, why)));
  errors.push(
    ...isPortNumber(port.port ?? 0).map((why) => invalidValue(`${field}.port`, port.port ?? 0, why)),
  );
  if (!protocols.includes(port.protocol))
    errors.push(notSupported(`${field}.protocol`, port.protocol, protocols));
  const target = port.targetPort;
  const wrong = typeof target === 'string' ? isPortName(target) : isPortNumber(target ?? 0);
  return [...errors, ...wrong.map((why) => invalidValue(`${field}.targetPort`, target, why))];
}

function validatePorts(spec: JsonObject): FieldError[] {
  const ports = (spec.ports ?? []) as JsonObject[];
  const headless = spec.clusterIP === 'None';
  if (ports.length === 0 && !headless && spec.type !== 'ExternalName') return [required('spec.ports')];
  const names = new Set<string>();
  const pairs = new Set<string>();
  const nodePorts = new Set<string>();
  return ports.flatMap((port, i) => {
    const field = `spec.ports[${i}]`;
    const errors = validatePort(port, field, ports.length > 1);
    if (port.name && names.has(port.name)) errors.push(duplicate(`${field}.name`, port.name));
    names.add(port.name);
    const pair = `${port.protocol}/${port.port}`;
    if (pairs.has(pair)) errors.push(duplicate(field, { port: port.port, protocol: port.protocol }));
    pairs.add(pair);
    if (!port.nodePort) return errors;
    if (!isExternal(spec)) {
      errors.push(fieldForbidden(`${field}.nodePort`, `may not be used when \`type\` is '${spec.type}'`));
    }
    const nodePort = `${port.protocol}/${port.nodePort}`;
    if (nodePorts.has(nodePort)) errors.push(duplicate(`${field}.nodePort`, port.nodePort));
    nodePorts.add(nodePort);
    return errors;
  });
}

function validateExternalName(spec: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  for (const key of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy']) {
    const given = spec[key];
    if (given === undefined || given === '' || given.length === 0) continue;
    errors.push(fieldForbidden(`spec.${key}`, 'may not be set for ExternalName services'));
  }
  if (!spec.externalName) return [...errors, required('spec.externalName')];
  const name = String(spec.externalName).replace(/\.$/, '');
  return [
    ...errors,
    ...isDnsSubdomain(name).map((why) => invalidValue('spec.externalName', spec.externalName, why)),
  ];
}

function validateChoices(spec: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  const choose = (key: string, choices: string[], value = spec[key]) => {
    if (value !== undefined && !choices.includes(value))
      errors.push(notSupported(`spec.${key}`, value, choices));
  };
  choose('type', types);
  choose('sessionAffinity', ['ClientIP', 'None']);
  choose('internalTrafficPolicy', ['Cluster', 'Local']);
  choose('externalTrafficPolicy', ['Cluster', 'Local']);
  choose('ipFamilyPolicy', ['PreferDualStack', 'RequireDualStack', 'SingleStack']);
  if (spec.externalTrafficPolicy !== undefined && !isExternal(spec) && !spec.externalIPs?.length) {
    const why = 'may only be set for externally-accessible services';
    errors.push(invalidValue('spec.externalTrafficPolicy', spec.externalTrafficPolicy, why));
  }
  const timeout = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (timeout !== undefined && (timeout <= 0 || timeout > 86400)) {
    const why = 'must be greater than 0 and less than or equal to 86400';
    errors.push(invalidValue('spec.sessionAffinityConfig.clientIP.timeoutSeconds', timeout, why));
  }
  return errors;
}

function validateAddresses(spec: JsonObject): FieldError[] {
  const external = ((spec.externalIPs ?? []) as string[]).flatMap((ip, i) =>
    isIpAddress(ip).map((why) => invalidValue(`spec.externalIPs[${i}]`, ip, why)),
  );
  const ranges = ((spec.loadBalancerSourceRanges ?? []) as string[]).flatMap((range, i) => {
    const [ip, prefix] = range.trim().split('/');
    if (tryParseIp(ip!) !== undefined && /^\d+$/.test(prefix ?? '')) return [];
    const why = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';
    return [invalidValue(`spec.loadBalancerSourceRanges[${i}]`, range, why)];
  });
  return [...external, ...ranges];
}

function validate(service: JsonObject): FieldError[] {
  const { spec } = service;
  const errors: FieldError[] = [];
  if (spec.type === 'LoadBalancer' && spec.clusterIP === 'None') {
    errors.push(
      invalidValue('spec.clusterIPs[0]', 'None', "may not be set to 'None' for LoadBalancer services"),
    );
  }
  if (spec.type === 'NodePort' && spec.clusterIP === 'None') {
    errors.push(invalidValue('spec.clusterIPs[0]', 'None', "may not be set to 'None' for NodePort services"));
  }
  return [
    ...errors,
    ...validatePorts(spec),
    ...validateLabels(spec.selector, 'spec.selector'),
    ...validateChoices(spec),
    ...(spec.type === 'ExternalName' ? validateExternalName(spec) : []),
    ...validateAddresses(spec),
  ];
}

/** A cluster IP, once given, stays until the Service becomes ExternalName. */
function validateUpdate(next: JsonObject, old: JsonObject): FieldError[] {
  if (old.spec.type === 'ExternalName' || next.spec.type === 'ExternalName') return [];
  const before = old.spec.clusterIPs as string[] | undefined;
  const after = next.spec.clusterIPs as string[] | undefined;
  const errors: FieldError[] = [];
  if (before?.[0] && after?.[0] !== before[0]) {
    errors.push(invalidValue('spec.clusterIPs[0]', after, 'may not change once set'));
  }
  if (before?.[1] && after?.[1] && after[1] !== before[1]) {
    errors.push(invalidValue('spec.clusterIPs[1]', after, 'may not change once set'));
  }
  return errors;
}

export const serviceStrategy: Strategy = {
  nameRule: isDns1035Label,
  setDefaults,
  prepareForCreate: (service) => {
    service.status = { loadBalancer: {} };
  },
  prepareForUpdate,
  admit: (next, old, context) => context.allocateService(next, old),
  validate,
  validateUpdate,
};
