/**
 * Which address families a Service has: ipFamilyPolicy, ipFamilies and clusterIPs, each given or not, brought
 * together (KEP-563; pkg/registry/core/service/storage/{alloc,storage}.go). Writes to the draft.
 */
import { equalJson, type JsonObject } from '../json.ts';
import { type FieldError, invalidValue } from '../validation/field-error.ts';
import { familyOf, type IpFamily, isHeadless, validateClusterIpFields } from './cluster-ip-fields.ts';

/** A client that leaves allocated values out keeps them. */
export function keepClusterIps(spec: JsonObject, old: JsonObject | undefined): void {
  if (old === undefined || old.type === 'ExternalName' || spec.type === 'ExternalName') return;
  if (!spec.clusterIP) spec.clusterIP = old.clusterIP;
  if (!spec.clusterIPs?.length && old.clusterIPs?.length) spec.clusterIPs = [...old.clusterIPs];
}

const sameIps = (a: JsonObject, b: JsonObject) => equalJson(a.clusterIPs ?? [], b.clusterIPs ?? []);
const sameFamilies = (a: JsonObject, b: JsonObject) => equalJson(a.ipFamilies ?? [], b.ipFamilies ?? []);

/** clusterIP and clusterIPs[0] are one field under two names: old clients know the first alone. */
export function normalizeClusterIps(spec: JsonObject, old: JsonObject | undefined): void {
  if (old === undefined) {
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  const [now, before] = [spec.clusterIP ?? '', old.clusterIP ?? ''];
  if (old.clusterIPs?.length && !spec.clusterIPs?.length && now === before)
    spec.clusterIPs = [...old.clusterIPs];
  if (now === before || !sameIps(spec, old)) return;
  spec.clusterIPs = now === '' ? [] : [now];
}

/** From two families to one by the policy alone: the second goes. Without it none may be given back. */
function release(spec: JsonObject, old: JsonObject): FieldError[] {
  if (spec.ipFamilyPolicy === 'SingleStack') {
    if (sameIps(spec, old)) spec.clusterIPs = (spec.clusterIPs ?? []).slice(0, 1);
    if (sameFamilies(spec, old)) spec.ipFamilies = (spec.ipFamilies ?? []).slice(0, 1);
    return [];
  }
  const reduced = (key: string) =>
    spec[key]?.length === 1 && old[key]?.length === 2 && spec[key][0] === old[key][0];
  return [
    ['clusterIPs', 'cluster IP'],
    ['ipFamilies', 'IP family'],
  ]
    .filter(([key]) => reduced(key!))
    .map(([, what]) =>
      invalidValue(
        'spec.ipFamilyPolicy',
        spec.ipFamilyPolicy,
        `must be 'SingleStack' to release the secondary ${what}`,
      ),
    );
}

function tooManyForOne(spec: JsonObject): FieldError[] {
  if (spec.ipFamilyPolicy !== 'SingleStack') return [];
  const counted = [
    [spec.clusterIPs, 'cluster IPs'],
    [spec.ipFamilies, 'IP families'],
  ] as [string[] | undefined, string][];
  return counted
    .filter(([list]) => list?.length === 2)
    .map(([, what]) =>
      invalidValue(
        'spec.ipFamilyPolicy',
        spec.ipFamilyPolicy,
        `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`,
      ),
    );
}

/** Families of requested addresses that the client has not named. */
function inferFamilies(spec: JsonObject, configured: readonly IpFamily[]): FieldError[] {
  const ips = (spec.clusterIPs ?? []) as string[];
  const families = [...(spec.ipFamilies ?? [])] as IpFamily[];
  const errors: FieldError[] = [];
  if (isHeadless(spec)) return errors;
  for (const [i, ip] of ips.entries()) {
    const family = familyOf(ip)!;
    if (i < families.length) continue;
    if (configured.includes(family)) families.push(family);
    else
      errors.push(invalidValue(`spec.clusterIPs[${i}]`, ips, `${family} is not configured on this cluster`));
  }
  spec.ipFamilies = families;
  return errors;
}

function checkConfigured(spec: JsonObject, configured: readonly IpFamily[]): FieldError[] {
  const families = (spec.ipFamilies ?? []) as IpFamily[];
  const why = 'this cluster is not configured for dual-stack services';
  const single = spec.ipFamilyPolicy === 'RequireDualStack' && configured.length < 2;
  return [
    ...(single ? [invalidValue('spec.ipFamilyPolicy', spec.ipFamilyPolicy, why)] : []),
    ...families.flatMap((family, i) =>
      configured.includes(family)
        ? []
        : [invalidValue(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster')],
    ),
  ];
}

function fillIn(spec: JsonObject, first: IpFamily, both: boolean): void {
  const families = (spec.ipFamilies?.length ? spec.ipFamilies : [first]) as IpFamily[];
  const other = families[0] === 'IPv4' ? 'IPv6' : 'IPv4';
  const wantsBoth = spec.ipFamilyPolicy !== 'SingleStack' && both;
  spec.ipFamilies = wantsBoth && families.length === 1 ? [...families, other] : families;
}

/** One that prefers two families is not raised or lowered because the cluster has changed. */
function isAsBefore(spec: JsonObject, old: JsonObject | undefined): boolean {
  const prefers = (s: JsonObject | undefined) => s?.ipFamilyPolicy === 'PreferDualStack';
  if (old === undefined || spec.type !== old.type || !prefers(spec) || !prefers(old)) return false;
  return sameIps(spec, old) && sameFamilies(spec, old);
}

/** Fills in ipFamilyPolicy and ipFamilies. `configured` are the cluster's families, the default one first. */
export function settleIpFamilies(
  spec: JsonObject,
  old: JsonObject | undefined,
  configured: readonly IpFamily[],
): FieldError[] {
  if (isAsBefore(spec, old)) return [];
  // Without a selector nobody knows which addresses the endpoints will have.
  const anyEndpoints = isHeadless(spec) && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= old?.ipFamilyPolicy ?? (anyEndpoints ? 'RequireDualStack' : 'SingleStack');
  const given = validateClusterIpFields(spec, old);
  if (given.length > 0) return given;
  const released = old === undefined ? [] : release(spec, old);
  const errors = [...released, ...tooManyForOne(spec), ...inferFamilies(spec, configured)];
  if (errors.length > 0) return errors;
  const unserved = anyEndpoints ? [] : checkConfigured(spec, configured);
  if (unserved.length === 0) fillIn(spec, configured[0]!, anyEndpoints || configured.length > 1);
  return unserved;
}
