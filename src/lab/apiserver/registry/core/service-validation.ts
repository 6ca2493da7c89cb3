/** What a Service must be: validateService of pkg/apis/core/validation, and what an update may not change. */
import { type IpFamily, isHeadless, validateClusterIpFields } from '../../allocation/cluster-ip-fields.ts';
import { equalJson, type JsonObject } from '../../json.ts';
import {
  duplicate,
  type FieldError,
  fieldForbidden,
  invalidValue,
  notSupported,
  required,
} from '../../validation/field-error.ts';
import { validateCidr, validateEndpointIp, validateIp } from '../../validation/ip-fields.ts';
import {
  isDnsLabel,
  isDnsSubdomain,
  isPortName,
  isPortNumber,
  isQualifiedName,
} from '../../validation/names.ts';
import { validateLabels } from '../../validation/object-meta.ts';

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const protocols = ['SCTP', 'TCP', 'UDP'];
const distributions = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];

/** Whether anything outside the cluster may come to it by itself. */
export const isExternal = (spec: JsonObject): boolean =>
  spec.type === 'NodePort' ||
  spec.type === 'LoadBalancer' ||
  (spec.type === 'ClusterIP' && spec.externalIPs?.length > 0);

export const needsHealthCheck = (spec: JsonObject): boolean =>
  spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';

const invalidEach = (field: string, value: unknown, whys: string[]) =>
  whys.map((why) => invalidValue(field, value, why));

const onlyForLoadBalancers = (field: string) =>
  fieldForbidden(field, "may only be used when `type` is 'LoadBalancer'");

function validatePort(port: JsonObject, field: string, nameRequired: boolean): FieldError[] {
  const { name, protocol, targetPort: target, appProtocol } = port;
  const errors: FieldError[] = [];
  if (nameRequired && !name) errors.push(required(`${field}.name`));
  if (name) errors.push(...invalidEach(`${field}.name`, name, isDnsLabel(name)));
  errors.push(...invalidEach(`${field}.port`, port.port ?? 0, isPortNumber(port.port ?? 0)));
  if (!protocols.includes(protocol)) errors.push(notSupported(`${field}.protocol`, protocol, protocols));
  const wrong = typeof target === 'string' ? isPortName(target) : isPortNumber(target ?? 0);
  errors.push(...invalidEach(`${field}.targetPort`, target, wrong));
  if (appProtocol !== undefined)
    errors.push(...invalidEach(`${field}.appProtocol`, appProtocol, isQualifiedName(appProtocol)));
  return errors;
}

/** The second and later ones that have what an earlier one has. */
function repeated(ports: JsonObject[], identity: (port: JsonObject) => string | undefined): number[] {
  const seen = new Set<string>();
  return ports.flatMap((port, i) => {
    const id = identity(port);
    if (id === undefined) return [];
    if (seen.has(id)) return [i];
    seen.add(id);
    return [];
  });
}

function validatePorts(spec: JsonObject): FieldError[] {
  const ports = (spec.ports ?? []) as JsonObject[];
  if (ports.length === 0)
    return isHeadless(spec) || spec.type === 'ExternalName' ? [] : [required('spec.ports')];
  const at = (i: number) => `spec.ports[${i}]`;
  const forbidden = spec.type === 'ClusterIP' ? ports.flatMap((p, i) => (p.nodePort ? [i] : [])) : [];
  const ofNode = (p: JsonObject) => (p.nodePort ? `${p.protocol}/${p.nodePort}` : undefined);
  return [
    ...ports.flatMap((port, i) => validatePort(port, at(i), ports.length > 1)),
    ...repeated(ports, (p) => p.name || undefined).map((i) => duplicate(`${at(i)}.name`, ports[i]!.name)),
    ...forbidden.map((i) =>
      fieldForbidden(`${at(i)}.nodePort`, "may not be used when `type` is 'ClusterIP'"),
    ),
    ...repeated(ports, ofNode).map((i) => duplicate(`${at(i)}.nodePort`, ports[i]!.nodePort)),
    ...repeated(ports, (p) => `${p.protocol}/${p.port}`).map((i) =>
      duplicate(at(i), { protocol: ports[i]!.protocol, port: ports[i]!.port }),
    ),
  ];
}

function validateType(spec: JsonObject): FieldError[] {
  if (!types.includes(spec.type)) return [notSupported('spec.type', spec.type, types)];
  if (spec.type === 'ExternalName') return validateExternalName(spec);
  if (spec.type === 'ClusterIP' || !isHeadless(spec)) return [];
  return [invalidValue('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`)];
}

function validateExternalName(spec: JsonObject): FieldError[] {
  const given = ['clusterIPs', 'ipFamilies', 'ipFamilyPolicy'].filter((key) => spec[key]?.length > 0);
  const errors = given.map((key) =>
    fieldForbidden(`spec.${key}`, 'may not be set for ExternalName services'),
  );
  // A trailing dot says that it is fully qualified.
  const name = String(spec.externalName ?? '').replace(/\.$/, '');
  if (name === '') return [...errors, required('spec.externalName')];
  return [...errors, ...invalidEach('spec.externalName', name, isDnsSubdomain(name))];
}

function validateAffinity({ sessionAffinity, sessionAffinityConfig: config }: JsonObject): FieldError[] {
  const choices = ['ClientIP', 'None'];
  const at = 'spec.sessionAffinityConfig';
  if (!choices.includes(sessionAffinity))
    return [notSupported('spec.sessionAffinity', sessionAffinity, choices)];
  if (sessionAffinity === 'None')
    return config ? [fieldForbidden(at, 'must not be set when session affinity is None')] : [];
  const seconds = config?.clientIP?.timeoutSeconds;
  if (seconds > 0 && seconds <= 86400) return [];
  const why = 'must be greater than 0 and less than or equal to 86400';
  return [invalidValue(`${at}.clientIP.timeoutSeconds`, seconds, why)];
}

function validateAddresses(spec: JsonObject, old: JsonObject | undefined): FieldError[] {
  const external = ((spec.externalIPs ?? []) as string[]).flatMap((ip, i) => {
    const errors = validateIp(ip, `spec.externalIPs[${i}]`, old?.externalIPs);
    return errors.length > 0 ? errors : validateEndpointIp(ip, `spec.externalIPs[${i}]`);
  });
  const ranges = (spec.loadBalancerSourceRanges ?? []) as string[];
  const field = 'spec.LoadBalancerSourceRanges';
  const kept = ((old?.loadBalancerSourceRanges ?? []) as string[]).map((range) => range.trim());
  return [
    ...external,
    ...(ranges.length > 0 && spec.type !== 'LoadBalancer' ? [onlyForLoadBalancers(field)] : []),
    ...ranges.flatMap((range, i) => validateCidr(range.trim(), `${field}[${i}]`, kept)),
  ];
}

function validateLoadBalancer(spec: JsonObject): FieldError[] {
  const { loadBalancerClass, allocateLoadBalancerNodePorts } = spec;
  if (spec.type === 'LoadBalancer') {
    const wrong = loadBalancerClass === undefined ? [] : isQualifiedName(loadBalancerClass);
    return invalidEach('spec.loadBalancerClass', loadBalancerClass, wrong);
  }
  const given = { allocateLoadBalancerNodePorts, loadBalancerClass };
  return Object.entries(given)
    .filter(([, value]) => value !== undefined)
    .map(([key]) => onlyForLoadBalancers(`spec.${key}`));
}

function validateTraffic(spec: JsonObject): FieldError[] {
  const { externalTrafficPolicy: external, internalTrafficPolicy: internal, trafficDistribution } = spec;
  const errors: FieldError[] = [];
  const policies = ['Cluster', 'Local'];
  if (external && !isExternal(spec)) {
    const why = 'may only be set for externally-accessible services';
    errors.push(invalidValue('spec.externalTrafficPolicy', external, why));
  } else if (external && !policies.includes(external)) {
    errors.push(notSupported('spec.externalTrafficPolicy', external, policies));
  }
  if (spec.healthCheckNodePort && !needsHealthCheck(spec)) {
    const why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    errors.push(invalidValue('spec.healthCheckNodePort', spec.healthCheckNodePort, why));
  }
  if (internal !== undefined && !policies.includes(internal))
    errors.push(notSupported('spec.internalTrafficPolicy', internal, policies));
  if (trafficDistribution !== undefined && !distributions.includes(trafficDistribution))
    errors.push(notSupported('spec.trafficDistribution', trafficDistribution, distributions));
  return errors;
}

export function validateService({ spec }: JsonObject, old?: JsonObject): FieldError[] {
  const before = old?.spec as JsonObject | undefined;
  return [
    ...validateType(spec),
    ...validatePorts(spec),
    ...validateLabels(spec.selector, 'spec.selector'),
    ...validateAffinity(spec),
    ...validateClusterIpFields(spec, before),
    ...validateAddresses(spec, before),
    ...validateLoadBalancer(spec),
    ...validateTraffic(spec),
  ];
}

/** The first stays; a second one comes, or goes with a policy that says so. */
function validateList(key: 'clusterIPs' | 'ipFamilies', spec: JsonObject, old: JsonObject): FieldError[] {
  const now = (spec[key] ?? []) as (string | IpFamily)[];
  const before = (old[key] ?? []) as (string | IpFamily)[];
  const field = `spec.${key}`;
  const changed = before.flatMap((value, i) => (now[i] === undefined || now[i] === value ? [] : [i]));
  const errors = changed.map((i) => invalidValue(`${field}[${i}]`, now, 'may not change once set'));
  const one = key === 'clusterIPs' ? 'clusterIP' : 'ipFamily';
  if (before.length > 0 && now.length === 0)
    return [invalidValue(`${field}[0]`, now, `primary ${one} can not be unset`)];
  if (before.length < 2 || now.length !== 1 || spec.ipFamilyPolicy === 'SingleStack') return errors;
  const why = `must be set to 'SingleStack' when releasing the secondary ${one}`;
  return [...errors, invalidValue('spec.ipFamilyPolicy', spec.ipFamilyPolicy, why)];
}

function validateAddressesUpdate(spec: JsonObject, old: JsonObject): FieldError[] {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return [];
  const [headless, wasHeadless] = [isHeadless(spec), isHeadless(old)];
  if (headless && wasHeadless) return [];
  const families = headless === wasHeadless ? validateList('ipFamilies', spec, old) : [];
  return [...validateList('clusterIPs', spec, old), ...families];
}

export function validateServiceUpdate({ spec }: JsonObject, { spec: old }: JsonObject): FieldError[] {
  const errors = validateAddressesUpdate(spec, old);
  if (
    spec.type === 'LoadBalancer' &&
    old.type === 'LoadBalancer' &&
    !equalJson(spec.loadBalancerClass, old.loadBalancerClass)
  )
    errors.push(invalidValue('spec.loadBalancerClass', spec.loadBalancerClass, 'may not change once set'));
  const checked = needsHealthCheck(spec) && needsHealthCheck(old);
  if (checked && spec.healthCheckNodePort !== old.healthCheckNodePort)
    errors.push(fieldForbidden('spec.healthCheckNodePort', 'field is immutable'));
  return errors;
}
