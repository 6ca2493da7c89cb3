/** EndpointSlices: defaults and validation, as pkg/apis/discovery. */
import { tryParseIp } from '../../../../net/ip.ts';
import { equalJson, type JsonObject } from '../../json.ts';
import {
  duplicate,
  type FieldError,
  invalidValue,
  notSupported,
  required,
  tooMany,
} from '../../validation/field-error.ts';
import { validateCanonicalIp, validateEndpointIp, validateIp } from '../../validation/ip-fields.ts';
import { isDnsLabel, isDnsSubdomain, isLabelValue, isQualifiedName } from '../../validation/names.ts';
import { validateImmutable, validateLabels } from '../../validation/object-meta.ts';
import type { Strategy } from '../resource.ts';

const addressTypes = ['FQDN', 'IPv4', 'IPv6'];
const protocols = ['SCTP', 'TCP', 'UDP'];
const max = { addresses: 100, ports: 20_000, endpoints: 1000, hints: 8, topology: 16 };

function validateDomain(name: string, field: string): FieldError[] {
  if (name === '') return [required(field)];
  const plain = name.replace(/\.$/, '');
  const wrong = isDnsSubdomain(plain);
  if (wrong.length > 0) return [invalidValue(field, plain, wrong.join(','))];
  const why = 'should be a domain with at least two segments separated by dots';
  return plain.includes('.') ? [] : [invalidValue(field, plain, why)];
}

/** `list` is the field of all addresses: an address of the other family is told of there. */
function validateAddress(address: string, type: string, list: string, i: number): FieldError[] {
  const field = `${list}[${i}]`;
  if (type === 'FQDN') return validateDomain(address, field);
  const errors = type === 'IPv4' ? validateIp(address, field) : validateCanonicalIp(address, field);
  if (errors.length > 0) return errors;
  const right = (tryParseIp(address)?.family === 4) === (type === 'IPv4');
  return [
    ...(right ? [] : [invalidValue(list, address, `must be an ${type} address`)]),
    ...validateEndpointIp(address, field),
  ];
}

function validateHints(hints: JsonObject | undefined, field: string): FieldError[] {
  return [
    { key: 'forZones', rule: isLabelValue },
    { key: 'forNodes', rule: isDnsSubdomain },
  ].flatMap(({ key, rule }) => {
    const names = ((hints?.[key] ?? []) as JsonObject[]).map((hint) => hint.name as string);
    if (names.length > max.hints) return [tooMany(`${field}.${key}`, names.length, max.hints)];
    return names.flatMap((name, i) => [
      ...(names.indexOf(name) < i ? [duplicate(`${field}.${key}[${i}].name`, name)] : []),
      ...rule(name).map((why) => invalidValue(`${field}.${key}[${i}].name`, name, why)),
    ]);
  });
}

function validateEndpoint(endpoint: JsonObject, field: string, type: string): FieldError[] {
  const addresses = (endpoint.addresses ?? []) as string[];
  const list = `${field}.addresses`;
  const errors: FieldError[] = [];
  if (addresses.length === 0) errors.push(required(list, 'must contain at least 1 address'));
  if (addresses.length > max.addresses) errors.push(tooMany(list, addresses.length, max.addresses));
  errors.push(...addresses.flatMap((address, i) => validateAddress(address, type, list, i)));
  const named = { nodeName: isDnsSubdomain, hostname: isDnsLabel };
  for (const [key, rule] of Object.entries(named)) {
    const value = endpoint[key];
    if (value !== undefined)
      errors.push(...rule(value).map((why) => invalidValue(`${field}.${key}`, value, why)));
  }
  const topology = `${field}.deprecatedTopology`;
  const labels = Object.keys(endpoint.deprecatedTopology ?? {}).length;
  if (labels > max.topology) errors.push(tooMany(topology, labels, max.topology));
  errors.push(...validateLabels(endpoint.deprecatedTopology, topology));
  return [...errors, ...validateHints(endpoint.hints, `${field}.hints`)];
}

function validatePorts(ports: JsonObject[]): FieldError[] {
  if (ports.length > max.ports) return [tooMany('ports', ports.length, max.ports)];
  const names = new Set<string>();
  return ports.flatMap(({ name = '', protocol, appProtocol }, i) => {
    const field = `ports[${i}]`;
    const errors = (name === '' ? [] : isDnsLabel(name)).map((why) =>
      invalidValue(`${field}.name`, name, why),
    );
    if (names.has(name)) errors.push(duplicate(`${field}.name`, name));
    names.add(name);
    if (!protocols.includes(protocol)) errors.push(notSupported(`${field}.protocol`, protocol, protocols));
    const wrong = appProtocol === undefined ? [] : isQualifiedName(appProtocol);
    return [...errors, ...wrong.map((why) => invalidValue(`${field}.appProtocol`, appProtocol, why))];
  });
}

function validateType(type: string | undefined): FieldError[] {
  if (!type) return [required('addressType')];
  return addressTypes.includes(type) ? [] : [notSupported('addressType', type, addressTypes)];
}

function validateEndpoints(endpoints: JsonObject[], type: string): FieldError[] {
  if (endpoints.length > max.endpoints) return [tooMany('endpoints', endpoints.length, max.endpoints)];
  if (!addressTypes.includes(type)) return [];
  return endpoints.flatMap((endpoint, i) => validateEndpoint(endpoint, `endpoints[${i}]`, type));
}

/** Endpoints that an update leaves alone are not looked at: there may be a thousand. */
function validateSlice(slice: JsonObject, old?: JsonObject): FieldError[] {
  const endpoints = (slice.endpoints ?? []) as JsonObject[];
  const same = old !== undefined && equalJson(old.endpoints, slice.endpoints);
  return [
    ...validateType(slice.addressType),
    ...validatePorts(slice.ports ?? []),
    ...(same ? [] : validateEndpoints(endpoints, slice.addressType)),
  ];
}

export const endpointSliceStrategy: Strategy = {
  setDefaults(slice) {
    slice.endpoints ??= [];
    for (const port of slice.ports ?? []) {
      port.name ??= '';
      port.protocol ||= 'TCP';
    }
  },
  validate: validateSlice,
  validateUpdate: (next, old) => validateImmutable(next.addressType, old.addressType, 'addressType'),
};
