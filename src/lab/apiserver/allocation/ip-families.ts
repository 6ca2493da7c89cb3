/**
 * Which address families a Service has: ipFamilyPolicy, ipFamilies and clusterIPs, each given or not, brought
 * together (KEP-563; pkg/registry/core/service/storage/alloc.go). Writes to the draft.
 */
import { tryParseIp } from '../../../net/ip.ts';
import type { JsonObject } from '../json.ts';
import { duplicate, type FieldError, invalidValue } from '../validation/field-error.ts';

export type IpFamily = 'IPv4' | 'IPv6';

export const familyOf = (ip: string): IpFamily | undefined => {
  const parsed = tryParseIp(ip);
  return parsed && (parsed.family === 4 ? 'IPv4' : 'IPv6');
};

/** clusterIP and clusterIPs[0] are one field under two names; whichever the client wrote counts. */
export function normalizeClusterIps(spec: JsonObject, old: JsonObject | undefined): void {
  if (old === undefined) {
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    else if (!spec.clusterIP && spec.clusterIPs?.length) spec.clusterIP = spec.clusterIPs[0];
    return;
  }
  const changedOne = (spec.clusterIP ?? '') !== (old.clusterIP ?? '');
  const changedAll = JSON.stringify(spec.clusterIPs ?? []) !== JSON.stringify(old.clusterIPs ?? []);
  if (changedOne && !changedAll) spec.clusterIPs = spec.clusterIP ? [spec.clusterIP] : [];
  else if (changedAll && !changedOne) spec.clusterIP = spec.clusterIPs?.[0] ?? '';
}

/** A client that leaves allocated values out keeps them. */
export function keepClusterIps(spec: JsonObject, old: JsonObject | undefined): void {
  if (old === undefined || old.type === 'ExternalName' || spec.type === 'ExternalName') return;
  if (spec.clusterIP || spec.clusterIPs?.length) return;
  spec.clusterIP = old.clusterIP;
  spec.clusterIPs = [...(old.clusterIPs ?? [])];
  spec.ipFamilies ??= old.ipFamilies;
  spec.ipFamilyPolicy ??= old.ipFamilyPolicy;
}

function checkGiven(spec: JsonObject, configured: readonly IpFamily[]): FieldError[] {
  const errors: FieldError[] = [];
  const ips = (spec.clusterIPs ?? []) as string[];
  const families = (spec.ipFamilies ?? []) as IpFamily[];
  const single = spec.ipFamilyPolicy === undefined || spec.ipFamilyPolicy === 'SingleStack';
  for (const [what, list] of [
    ['clusterIPs', ips],
    ['ipFamilies', families],
  ] as const) {
    if (!single || list.length < 2) continue;
    const why = `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`;
    errors.push(invalidValue('spec.ipFamilyPolicy', spec.ipFamilyPolicy, why));
  }
  families.forEach((family, i) => {
    if (!configured.includes(family))
      errors.push(invalidValue(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster'));
    else if (families.indexOf(family) !== i) errors.push(duplicate(`spec.ipFamilies[${i}]`, family));
  });
  ips.forEach((ip, i) => {
    if (ip === 'None') return;
    const family = familyOf(ip);
    if (family === undefined)
      errors.push(invalidValue(`spec.clusterIPs[${i}]`, ip, 'must be a valid IP address'));
    else if (families[i] && families[i] !== family) {
      const why = `expected an ${families[i]} value as indicated by \`ipFamilies[${i}]\``;
      errors.push(invalidValue(`spec.clusterIPs[${i}]`, ip, why));
    }
  });
  return errors;
}

/** From two families to one by the policy alone: the second goes. */
function trimToOne(spec: JsonObject, old: JsonObject | undefined): void {
  if (old === undefined || spec.ipFamilyPolicy !== 'SingleStack' || old.ipFamilyPolicy === 'SingleStack')
    return;
  spec.ipFamilies = (spec.ipFamilies ?? []).slice(0, 1);
  spec.clusterIPs = (spec.clusterIPs ?? []).slice(0, 1);
}

/** Fills in ipFamilyPolicy and ipFamilies. `configured` are the cluster's families, the default one first. */
export function settleIpFamilies(
  spec: JsonObject,
  old: JsonObject | undefined,
  configured: readonly IpFamily[],
): FieldError[] {
  trimToOne(spec, old);
  const errors = checkGiven(spec, configured);
  if (errors.length > 0) return errors;
  const families = [...(spec.ipFamilies ?? [])] as IpFamily[];
  const ips = (spec.clusterIPs ?? []) as string[];
  const headless = ips[0] === 'None';
  // Without a selector nobody knows which addresses the endpoints will have.
  const anyEndpoints = headless && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= anyEndpoints && configured.length > 1 ? 'RequireDualStack' : 'SingleStack';
  if (!headless) {
    ips.forEach((ip, i) => {
      families[i] ??= familyOf(ip)!;
    });
  }
  if (families.length === 0) families.push(configured[0]!);
  if (spec.ipFamilyPolicy === 'RequireDualStack' && configured.length < 2 && !anyEndpoints) {
    return [
      invalidValue(
        'spec.ipFamilyPolicy',
        spec.ipFamilyPolicy,
        'this cluster is not configured for dual-stack services',
      ),
    ];
  }
  if (spec.ipFamilyPolicy !== 'SingleStack' && families.length === 1 && configured.length > 1) {
    families.push(families[0] === 'IPv4' ? 'IPv6' : 'IPv4');
  }
  spec.ipFamilies = families;
  return [];
}
