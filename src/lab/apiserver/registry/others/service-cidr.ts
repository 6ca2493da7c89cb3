/** Validation of ServiceCIDRs and IPAddresses (pkg/apis/networking/validation). */
import { formatIp, tryParseIp } from '../../../../net/ip.ts';
import type { JsonObject } from '../../json.ts';
import { type FieldError, immutable, invalidValue, required } from '../../validation/field-error.ts';
import { validateCanonicalIp, validateCidr } from '../../validation/ip-fields.ts';
import { isDnsSubdomain, isPathSegment, type NameRule } from '../../validation/names.ts';
import { validateImmutable } from '../../validation/object-meta.ts';
import type { Strategy } from '../resource.ts';

const at = 'spec.cidrs';
const cidrsOf = ({ spec }: JsonObject) => (spec?.cidrs ?? []) as string[];
const familyOf = (cidr: string) => tryParseIp(cidr.split('/')[0]!)?.family;

function validateCidrs(object: JsonObject): FieldError[] {
  const cidrs = cidrsOf(object);
  if (cidrs.length === 0) return [required(at, 'at least one CIDR required')];
  if (cidrs.length > 2) return [invalidValue(at, object.spec, 'may only hold up to 2 values')];
  const errors = cidrs.flatMap((cidr, i) => {
    const wrong = validateCidr(cidr, `${at}[${i}]`);
    return wrong.length > 0 ? wrong : validateCanonicalBlock(cidr, `${at}[${i}]`);
  });
  const [first, second] = cidrs.map(familyOf);
  if (first !== undefined && first === second) {
    const why = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64';
    errors.push(invalidValue(at, cidrs, why));
  }
  return errors;
}

function validateCanonicalBlock(cidr: string, field: string): FieldError[] {
  const [address, prefix] = cidr.split('/');
  const canonical = `${formatIp(tryParseIp(address!)!)}/${Number(prefix)}`;
  if (canonical === cidr) return [];
  return [invalidValue(field, cidr, `must be in canonical form (${JSON.stringify(canonical)})`)];
}

/** A second family may be added; nothing else changes. */
function validateCidrUpdate(next: JsonObject, old: JsonObject): FieldError[] {
  const [now, before] = [cidrsOf(next), cidrsOf(old)];
  if (now.length !== before.length && !(before.length === 1 && now.length === 2)) return [immutable(at, now)];
  return before.flatMap((cidr, i) => (cidr === now[i] ? [] : [immutable(`${at}[${i}]`, now[i])]));
}

export const serviceCidrStrategy: Strategy = {
  // An old one may hold what is refused by now.
  validate: (object, old) =>
    old !== undefined && cidrsOf(old).length === cidrsOf(object).length ? [] : validateCidrs(object),
  validateUpdate: validateCidrUpdate,
};

const isCanonicalIp: NameRule = (name) =>
  validateCanonicalIp(name, '').map(({ message }) => message.replace(/^Invalid value: "[^"]*": /, ''));

function validateParent({ spec }: JsonObject): FieldError[] {
  const parent = spec?.parentRef as JsonObject | undefined;
  const field = 'spec.parentRef';
  if (parent === undefined) return [required(field)];
  const named = (key: string, rule: NameRule, isRequired: boolean): FieldError[] => {
    const value = parent[key];
    if (!value) return isRequired ? [required(`${field}.${key}`)] : [];
    return rule(value).map((why) => invalidValue(`${field}.${key}`, value, why));
  };
  return [
    ...named('group', isDnsSubdomain, false),
    ...named('resource', isPathSegment, true),
    ...named('name', isPathSegment, true),
    ...named('namespace', isPathSegment, false),
  ];
}

export const ipAddressStrategy: Strategy = {
  nameRule: isCanonicalIp,
  validate: validateParent,
  validateUpdate: (next, old) =>
    validateImmutable(next.spec?.parentRef, old.spec?.parentRef, 'spec.parentRef'),
};
