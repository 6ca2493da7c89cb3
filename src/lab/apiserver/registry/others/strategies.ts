/** Defaults and validation of the smaller groups. */
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
import { validateLabelSelector } from '../../validation/label-selector.ts';
import { isDnsLabel, isDnsSubdomain, isPathSegment, isPortNumber } from '../../validation/names.ts';
import { validateImmutable } from '../../validation/object-meta.ts';
import { setPodSpecDefaults } from '../core/pod-defaults.ts';
import type { Strategy } from '../resource.ts';

const addressTypes = ['FQDN', 'IPv4', 'IPv6'];
const maxAddresses = 100;
const maxEndpoints = 1000;

function wrongAddress(address: string, type: string): string[] {
  if (type === 'FQDN') return isDnsSubdomain(address);
  const ip = tryParseIp(address);
  if (ip === undefined) return ['must be a valid IP address'];
  return (ip.family === 4) === (type === 'IPv4') ? [] : [`must be an ${type} address`];
}

function validateEndpoint(endpoint: JsonObject, field: string, type: string): FieldError[] {
  const addresses = (endpoint.addresses ?? []) as string[];
  if (addresses.length === 0) return [required(`${field}.addresses`, 'must contain at least 1 address')];
  if (addresses.length > maxAddresses)
    return [
      {
        field: `${field}.addresses`,
        reason: 'FieldValueTooMany',
        message: `Too many: ${addresses.length}: must have at most ${maxAddresses} items`,
      },
    ];
  return addresses.flatMap((address, i) =>
    wrongAddress(address, type).map((why) => invalidValue(`${field}.addresses[${i}]`, address, why)),
  );
}

function validateSlice(slice: JsonObject): FieldError[] {
  const endpoints = (slice.endpoints ?? []) as JsonObject[];
  const ports = (slice.ports ?? []) as JsonObject[];
  if (!addressTypes.includes(slice.addressType)) {
    return slice.addressType
      ? [notSupported('addressType', slice.addressType, addressTypes)]
      : [required('addressType')];
  }
  const errors: FieldError[] = [];
  if (endpoints.length > maxEndpoints) {
    errors.push({
      field: 'endpoints',
      reason: 'FieldValueTooMany',
      message: `Too many: ${endpoints.length}: must have at most ${maxEndpoints} items`,
    });
  }
  const names = new Set<string>();
  ports.forEach((port, i) => {
    const name = port.name ?? '';
    if (names.has(name)) errors.push(duplicate(`ports[${i}].name`, name));
    names.add(name);
    if (name !== '')
      errors.push(...isDnsLabel(name).map((why) => invalidValue(`ports[${i}].name`, name, why)));
  });
  return [
    ...errors,
    ...endpoints.flatMap((e, i) => validateEndpoint(e, `endpoints[${i}]`, slice.addressType)),
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

function validatePolicyPort(port: JsonObject, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!['SCTP', 'TCP', 'UDP'].includes(port.protocol))
    errors.push(notSupported(`${field}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']));
  if (typeof port.port === 'number') {
    errors.push(...isPortNumber(port.port).map((why) => invalidValue(`${field}.port`, port.port, why)));
  }
  if (port.endPort === undefined) return errors;
  if (typeof port.port !== 'number')
    errors.push(
      fieldForbidden(`${field}.endPort`, 'may not be specified when `port` is non-numeric or not specified'),
    );
  else if (port.endPort < port.port)
    errors.push(invalidValue(`${field}.endPort`, port.endPort, 'must be greater than or equal to `port`'));
  return errors;
}

function parseBlock(text: string): { family: number } | undefined {
  const [address = '', prefix = ''] = text.split('/');
  const ip = tryParseIp(address);
  if (ip === undefined || !/^\d+$/.test(prefix) || Number(prefix) > (ip.family === 4 ? 32 : 128))
    return undefined;
  return { family: ip.family };
}

function validatePeer(peer: JsonObject, field: string): FieldError[] {
  const { ipBlock, podSelector, namespaceSelector } = peer;
  if (!ipBlock && !podSelector && !namespaceSelector) return [required(field, 'must specify a peer')];
  if (ipBlock && (podSelector || namespaceSelector)) {
    return [fieldForbidden(field, 'may not specify both ipBlock and another peer')];
  }
  const why = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';
  const blocks: [string, string][] = ipBlock
    ? [
        [`${field}.ipBlock.cidr`, ipBlock.cidr ?? ''],
        ...((ipBlock.except ?? []) as string[]).map((e, i): [string, string] => [
          `${field}.ipBlock.except[${i}]`,
          e,
        ]),
      ]
    : [];
  return [
    ...blocks
      .filter(([, cidr]) => parseBlock(cidr) === undefined)
      .map(([at, cidr]) => invalidValue(at, cidr, why)),
    ...validateLabelSelector(podSelector, `${field}.podSelector`),
    ...validateLabelSelector(namespaceSelector, `${field}.namespaceSelector`),
  ];
}

function validateNetworkPolicy({ spec }: JsonObject): FieldError[] {
  const rules = (['ingress', 'egress'] as const).flatMap((direction) =>
    ((spec[direction] ?? []) as JsonObject[]).flatMap((rule, i) => {
      const peers = direction === 'ingress' ? 'from' : 'to';
      const at = `spec.${direction}[${i}]`;
      return [
        ...((rule.ports ?? []) as JsonObject[]).flatMap((port, j) =>
          validatePolicyPort(port, `${at}.ports[${j}]`),
        ),
        ...((rule[peers] ?? []) as JsonObject[]).flatMap((peer, j) =>
          validatePeer(peer, `${at}.${peers}[${j}]`),
        ),
      ];
    }),
  );
  const types = ['Egress', 'Ingress'];
  const wrong = (spec.policyTypes as string[]).flatMap((type, i) =>
    types.includes(type) ? [] : [notSupported(`spec.policyTypes[${i}]`, type, types)],
  );
  return [...validateLabelSelector(spec.podSelector, 'spec.podSelector'), ...rules, ...wrong];
}

export const networkPolicyStrategy: Strategy = {
  setDefaults(policy) {
    policy.spec ??= {};
    const { spec } = policy;
    spec.podSelector ??= {};
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
      for (const port of rule.ports ?? []) port.protocol ||= 'TCP';
    }
    if (!spec.policyTypes?.length)
      spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
  },
  validate: validateNetworkPolicy,
};

function validateBackend(backend: JsonObject | undefined, field: string): FieldError[] {
  if (!backend) return [required(field, 'must provide a backend')];
  if (backend.resource) return [];
  if (!backend.service?.name) return [required(`${field}.service.name`)];
  const { port } = backend.service;
  return port?.name || port?.number
    ? []
    : [required(`${field}.service.port`, 'port name or number is required')];
}

export const ingressStrategy: Strategy = {
  validate({ spec = {} }) {
    const rules = (spec.rules ?? []) as JsonObject[];
    if (rules.length === 0 && !spec.defaultBackend) {
      return [invalidValue('spec', rules, 'either `defaultBackend` or `rules` must be specified')];
    }
    const types = ['Exact', 'ImplementationSpecific', 'Prefix'];
    const paths = rules.flatMap((rule, i) =>
      ((rule.http?.paths ?? []) as JsonObject[]).flatMap((path, j) => {
        const at = `spec.rules[${i}].http.paths[${j}]`;
        const errors = validateBackend(path.backend, `${at}.backend`);
        if (!path.pathType) errors.push(required(`${at}.pathType`, 'pathType must be specified'));
        else if (!types.includes(path.pathType))
          errors.push(notSupported(`${at}.pathType`, path.pathType, types));
        else if (path.pathType !== 'ImplementationSpecific' && !String(path.path ?? '').startsWith('/')) {
          errors.push(invalidValue(`${at}.path`, path.path ?? '', 'must be an absolute path'));
        }
        return errors;
      }),
    );
    return [
      ...(spec.defaultBackend ? validateBackend(spec.defaultBackend, 'spec.defaultBackend') : []),
      ...paths,
    ];
  },
};

export const leaseStrategy: Strategy = {
  validate({ spec = {} }) {
    const duration = spec.leaseDurationSeconds;
    return duration === undefined || duration > 0
      ? []
      : [invalidValue('spec.leaseDurationSeconds', duration, 'must be greater than 0')];
  },
};

export const rbacStrategy: Strategy = { nameRule: isPathSegment };

export const bindingStrategy: Strategy = {
  nameRule: isPathSegment,
  setDefaults(binding) {
    if (binding.roleRef) binding.roleRef.apiGroup ||= 'rbac.authorization.k8s.io';
    for (const subject of binding.subjects ?? []) {
      subject.apiGroup ??= subject.kind === 'ServiceAccount' ? '' : 'rbac.authorization.k8s.io';
      if (subject.apiGroup === '') delete subject.apiGroup;
    }
  },
  validateUpdate: (next, old) =>
    validateImmutable(next.roleRef, old.roleRef, 'roleRef').map((e) => ({
      ...e,
      message: e.message.replace('field is immutable', 'cannot change roleRef'),
    })),
};

/** Jobs are kept, not run. */
export const jobStrategy: Strategy = {
  setDefaults({ spec }) {
    if (!spec) return;
    spec.completions ??= spec.parallelism === undefined ? 1 : undefined;
    spec.parallelism ??= 1;
    spec.backoffLimit ??= 6;
    if (spec.template?.spec) setPodSpecDefaults(spec.template.spec);
  },
};

export const cronJobStrategy: Strategy = {
  setDefaults({ spec }) {
    if (!spec) return;
    spec.concurrencyPolicy ||= 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
  },
};

export const autoscalerStrategy: Strategy = {
  setDefaults({ spec }) {
    if (spec) spec.minReplicas ??= 1;
  },
};
