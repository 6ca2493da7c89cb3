/** NetworkPolicies: defaults and validation, as pkg/apis/networking. */
import type { JsonObject } from '../../json.ts';
import {
  type FieldError,
  fieldForbidden,
  invalidValue,
  notSupported,
  required,
} from '../../validation/field-error.ts';
import { isStrictSubset, validateCidr } from '../../validation/ip-fields.ts';
import { validateLabelSelector } from '../../validation/label-selector.ts';
import { isPortName, isPortNumber } from '../../validation/names.ts';
import type { Strategy } from '../resource.ts';

const protocols = ['TCP', 'UDP', 'SCTP'];
const policyTypes = ['Ingress', 'Egress'];

function validateEndPort({ port, endPort }: JsonObject, field: string): FieldError[] {
  if (endPort === undefined) return [];
  if (port === undefined)
    return [invalidValue(field, endPort, 'may not be specified when `port` is not specified')];
  if (typeof port === 'string')
    return [invalidValue(field, endPort, 'may not be specified when `port` is non-numeric')];
  // Kubernetes shows the port here, not the end port.
  const below = endPort < port ? [invalidValue(field, port, 'must be greater than or equal to `port`')] : [];
  return [...below, ...isPortNumber(endPort).map((why) => invalidValue(field, endPort, why))];
}

function validatePort(port: JsonObject, field: string): FieldError[] {
  const { protocol, port: number } = port;
  const wrong = typeof number === 'string' ? isPortName(number) : isPortNumber(number ?? 1);
  return [
    ...(protocols.includes(protocol) ? [] : [notSupported(`${field}.protocol`, protocol, protocols)]),
    ...wrong.map((why) => invalidValue(`${field}.port`, number, why)),
    ...validateEndPort(port, `${field}.endPort`),
  ];
}

function validateBlock({ cidr, except = [] }: JsonObject, field: string, kept: string[]): FieldError[] {
  if (!cidr) return [required(`${field}.cidr`)];
  const holes = (except as string[]).flatMap((hole, i) => {
    const at = `${field}.except[${i}]`;
    const outside = isStrictSubset(cidr, hole) === false;
    return [
      ...validateCidr(hole, at, kept),
      ...(outside ? [invalidValue(at, hole, 'must be a strict subset of `cidr`')] : []),
    ];
  });
  return [...validateCidr(cidr, `${field}.cidr`, kept), ...holes];
}

function validatePeer(peer: JsonObject, field: string, kept: string[]): FieldError[] {
  const { ipBlock, podSelector, namespaceSelector } = peer;
  if (!ipBlock && !podSelector && !namespaceSelector) return [required(field, 'must specify a peer')];
  const both = ipBlock && (podSelector || namespaceSelector);
  return [
    ...validateLabelSelector(podSelector, `${field}.podSelector`),
    ...validateLabelSelector(namespaceSelector, `${field}.namespaceSelector`),
    ...(ipBlock ? validateBlock(ipBlock, `${field}.ipBlock`, kept) : []),
    ...(both ? [fieldForbidden(field, 'may not specify both ipBlock and another peer')] : []),
  ];
}

const directions = [
  { key: 'ingress', peers: 'from' },
  { key: 'egress', peers: 'to' },
] as const;

function validateRules(spec: JsonObject, kept: string[]): FieldError[] {
  return directions.flatMap(({ key, peers }) =>
    ((spec[key] ?? []) as JsonObject[]).flatMap((rule, i) => {
      const at = `spec.${key}[${i}]`;
      const ports = (rule.ports ?? []) as JsonObject[];
      const ends = (rule[peers] ?? []) as JsonObject[];
      return [
        ...ports.flatMap((port, j) => validatePort(port, `${at}.ports[${j}]`)),
        ...ends.flatMap((peer, j) => validatePeer(peer, `${at}.${peers}[${j}]`, kept)),
      ];
    }),
  );
}

/** Blocks anywhere in it: what a policy held before it may hold anywhere. */
function blocksOf(policy: JsonObject | undefined): string[] {
  return directions.flatMap(({ key, peers }) =>
    ((policy?.spec?.[key] ?? []) as JsonObject[])
      .flatMap((rule) => (rule[peers] ?? []) as JsonObject[])
      .flatMap(({ ipBlock }) => (ipBlock ? [ipBlock.cidr, ...(ipBlock.except ?? [])] : [])),
  );
}

function validateTypes(types: string[]): FieldError[] {
  const field = 'spec.policyTypes';
  if (types.length > 2) return [invalidValue(field, types, 'may not specify more than two policyTypes')];
  return types.flatMap((type, i) =>
    policyTypes.includes(type) ? [] : [notSupported(`${field}[${i}]`, type, policyTypes)],
  );
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
  validate: ({ spec }, old) => [
    ...validateLabelSelector(spec.podSelector, 'spec.podSelector'),
    ...validateRules(spec, blocksOf(old)),
    ...validateTypes(spec.policyTypes),
  ],
};
