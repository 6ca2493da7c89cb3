/**
 * What clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy must be to each other, whatever else a Service is:
 * ValidateServiceClusterIPsRelatedFields of pkg/apis/core/validation. Asked for before allocation and after it.
 */
import { tryParseIp } from '../../../net/ip.ts';
import type { JsonObject } from '../json.ts';
import {
  duplicate,
  type FieldError,
  invalidValue,
  notSupported,
  required,
} from '../validation/field-error.ts';
import { validateIp } from '../validation/ip-fields.ts';

export type IpFamily = 'IPv4' | 'IPv6';

export const familyOf = (ip: string): IpFamily | undefined => {
  const parsed = tryParseIp(ip);
  return parsed && (parsed.family === 4 ? 'IPv4' : 'IPv6');
};

export const isHeadless = (spec: JsonObject): boolean => spec.clusterIP === 'None';

const at = 'spec.clusterIPs';

function validateFamilies(families: readonly string[]): FieldError[] {
  const supported = ['IPv4', 'IPv6'];
  return families.flatMap((family, i) => [
    ...(supported.includes(family) ? [] : [notSupported(`spec.ipFamilies[${i}]`, family, supported)]),
    ...(families.indexOf(family) === i ? [] : [duplicate(`spec.ipFamilies[${i}]`, family)]),
  ]);
}

/** clusterIP is clusterIPs[0] under another name. */
function validateFirst({ clusterIP }: JsonObject, ips: readonly string[]): FieldError[] {
  if (!clusterIP)
    return ips.length === 0 ? [] : [invalidValue(at, ips, 'must be empty when `clusterIP` is not specified')];
  if (ips.length === 0) return [required(at)];
  return ips[0] === clusterIP ? [] : [invalidValue(at, ips, 'first value must match `clusterIP`')];
}

function validateEach(ips: readonly string[], kept: readonly string[]): FieldError[] {
  return ips.flatMap((ip, i) => {
    if (i > 0 || ip !== 'None') return validateIp(ip, `${at}[${i}]`, kept);
    return ips.length > 1 ? [invalidValue(at, ips, "'None' must be the first and only value")] : [];
  });
}

/** Where all of them are addresses. */
function validateTogether(ips: readonly string[], families: readonly IpFamily[]): FieldError[] {
  const errors: FieldError[] = [];
  if (ips.length > 1 && new Set(ips.map(familyOf)).size !== ips.length)
    errors.push(invalidValue(at, ips, 'may specify no more than one IP for each IP family'));
  ips.forEach((ip, i) => {
    const family = families[i];
    if (ip === 'None' || family === undefined || familyOf(ip) === family) return;
    const why = `expected an ${family} value as indicated by \`ipFamilies[${i}]\``;
    errors.push(invalidValue(`${at}[${i}]`, ip, why));
  });
  return errors;
}

/** `old` is the spec before, whose addresses may stay as they were written. */
export function validateClusterIpFields(spec: JsonObject, old: JsonObject | undefined): FieldError[] {
  if (spec.type === 'ExternalName') return [];
  const ips = (spec.clusterIPs ?? []) as string[];
  const families = (spec.ipFamilies ?? []) as IpFamily[];
  const policies = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];
  const { ipFamilyPolicy: policy } = spec;
  const wrong = validateEach(ips, old?.clusterIPs ?? []);
  return [
    ...validateFirst(spec, ips),
    ...validateFamilies(families),
    ...(policy === undefined || policies.includes(policy)
      ? []
      : [notSupported('spec.ipFamilyPolicy', policy, policies)]),
    ...wrong,
    ...(ips.length > 2 ? [invalidValue(at, ips, 'may only hold up to 2 values')] : []),
    ...(wrong.length > 0 ? [] : validateTogether(ips, families)),
  ];
}
