/** Ingresses and their classes: validation, as pkg/apis/networking. */
import { tryParseIp } from '../../../../net/ip.ts';
import type { JsonObject } from '../../json.ts';
import { type FieldError, invalidValue, notSupported, required } from '../../validation/field-error.ts';
import {
  isDnsLabel,
  isDnsSubdomain,
  isPathSegment,
  isPortName,
  isPortNumber,
  isWildcardDomain,
} from '../../validation/names.ts';
import { validateImmutable } from '../../validation/object-meta.ts';
import type { Strategy } from '../resource.ts';

const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix'];
const classAnnotation = 'kubernetes.io/ingress.class';

const invalidEach = (field: string, value: unknown, whys: string[]) =>
  whys.map((why) => invalidValue(field, value, why));

const wrongHost = (host: string) => (host.includes('*') ? isWildcardDomain(host) : isDnsSubdomain(host));

function validateResource(resource: JsonObject, field: string): FieldError[] {
  return ['kind', 'name'].flatMap((key) =>
    resource[key]
      ? invalidEach(`${field}.${key}`, resource[key], isPathSegment(resource[key]))
      : [required(`${field}.${key}`)],
  );
}

function validateServiceBackend({ name, port = {} }: JsonObject, field: string): FieldError[] {
  const at = `${field}.service`;
  const errors = name ? invalidEach(`${at}.name`, name, isDnsLabel(name)) : [required(`${at}.name`)];
  if (port.name && port.number)
    return [...errors, invalidValue(field, '', 'cannot set both port name & port number')];
  if (port.name) return [...errors, ...invalidEach(`${at}.port.name`, port.name, isPortName(port.name))];
  if (!port.number) return [...errors, required(field, 'port name or number is required')];
  return [...errors, ...invalidEach(`${at}.port.number`, port.number, isPortNumber(port.number))];
}

function validateBackend({ resource, service }: JsonObject, field: string): FieldError[] {
  if (resource && service) return [invalidValue(field, '', 'cannot set both resource and service backends')];
  if (resource) return validateResource(resource, `${field}.resource`);
  if (service) return validateServiceBackend(service, field);
  return [invalidValue(field, '', 'resource or service backend is required')];
}

function wrongPath(path: string, type: string): string[] {
  const absolute = path.startsWith('/') ? [] : ['must be an absolute path'];
  if (type === 'ImplementationSpecific') return path === '' ? [] : absolute;
  const sequences = ['//', '/./', '/../', '%2f', '%2F'].filter((s) => path.includes(s));
  const suffixes = ['/..', '/.'].filter((s) => path.endsWith(s));
  return [
    ...absolute,
    ...sequences.map((s) => `must not contain '${s}'`),
    ...suffixes.map((s) => `cannot end with '${s}'`),
  ];
}

function validatePath({ path = '', pathType, backend }: JsonObject, field: string): FieldError[] {
  if (pathType === undefined) return [required(`${field}.pathType`, 'pathType must be specified')];
  const errors = pathTypes.includes(pathType)
    ? invalidEach(`${field}.path`, path, wrongPath(path, pathType))
    : [notSupported(`${field}.pathType`, pathType, pathTypes)];
  return [...errors, ...validateBackend(backend ?? {}, `${field}.backend`)];
}

function validateRule({ host, http }: JsonObject, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (host && tryParseIp(host) !== undefined)
    errors.push(invalidValue(`${field}.host`, host, 'must be a DNS name, not an IP address'));
  if (host) errors.push(...invalidEach(`${field}.host`, host, wrongHost(host)));
  if (!http) return errors;
  const paths = (http.paths ?? []) as JsonObject[];
  if (paths.length === 0) errors.push(required(`${field}.http.paths`));
  return [...errors, ...paths.flatMap((path, i) => validatePath(path, `${field}.http.paths[${i}]`))];
}

function validateTls(entry: JsonObject, field: string): FieldError[] {
  const { hosts = [], secretName } = entry;
  return [
    ...(hosts as string[]).flatMap((host, i) => invalidEach(`${field}.hosts[${i}]`, host, wrongHost(host))),
    ...(secretName ? invalidEach(`${field}.secretName`, secretName, isDnsSubdomain(secretName)) : []),
  ];
}

function validateIngress({ spec = {} }: JsonObject): FieldError[] {
  const rules = (spec.rules ?? []) as JsonObject[];
  const { defaultBackend, ingressClassName } = spec;
  const nothing = rules.length === 0 && !defaultBackend;
  return [
    ...(nothing
      ? [invalidValue('spec', spec.rules, 'either `defaultBackend` or `rules` must be specified')]
      : []),
    ...(defaultBackend ? validateBackend(defaultBackend, 'spec.defaultBackend') : []),
    ...rules.flatMap((rule, i) => validateRule(rule, `spec.rules[${i}]`)),
    ...((spec.tls ?? []) as JsonObject[]).flatMap((entry, i) => validateTls(entry, `spec.tls[${i}]`)),
    ...(ingressClassName === undefined
      ? []
      : invalidEach('spec.ingressClassName', ingressClassName, isDnsSubdomain(ingressClassName))),
  ];
}

/** The annotation came before the field; a new Ingress that has both must mean the same. */
function validateClasses({ metadata, spec }: JsonObject): FieldError[] {
  const annotated = metadata.annotations?.[classAnnotation];
  const named = spec?.ingressClassName;
  if (annotated === undefined || named === undefined || annotated === named) return [];
  const why = 'must match `ingressClassName` when both are specified';
  return [invalidValue(`annotations.${classAnnotation}`, annotated, why)];
}

export const ingressStrategy: Strategy = {
  validate: (ingress, old) => [
    ...validateIngress(ingress),
    ...(old === undefined ? validateClasses(ingress) : []),
  ],
};

function validateController(controller: string): FieldError[] {
  const field = 'spec.controller';
  if (controller === '') return [required(field)];
  const [host = '', ...path] = controller.split('/');
  if (host === '' || path.join('/') === '') {
    const why = 'must be a domain-prefixed path (such as "acme.io/foo")';
    return [invalidValue(field, controller, why)];
  }
  return invalidEach(field, host, isDnsSubdomain(host));
}

export const ingressClassStrategy: Strategy = {
  validate: ({ spec = {} }) => validateController(spec.controller ?? ''),
  validateUpdate: (next, old) =>
    validateImmutable(next.spec?.controller, old.spec?.controller, 'spec.controller'),
};
