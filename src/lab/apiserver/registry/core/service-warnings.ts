/** What the API server accepts of a Service but speaks of: GetWarningsForService of pkg/api/service. */
import { isHeadless } from '../../allocation/cluster-ip-fields.ts';
import type { JsonObject } from '../../json.ts';
import { ipWarnings } from '../../validation/ip-fields.ts';

function ofHeadless(spec: JsonObject): string[] {
  const ignored: [string, unknown][] = [
    ['loadBalancerIP', spec.loadBalancerIP],
    ['externalIPs', spec.externalIPs?.length],
    ['SessionAffinity', spec.sessionAffinity !== 'None'],
  ];
  return ignored.filter(([, set]) => set).map(([key]) => `spec.${key} is ignored for headless services`);
}

function ofType(spec: JsonObject): string[] {
  const external = spec.type === 'ExternalName';
  const warnings: string[] = [];
  if (external && spec.externalIPs?.length)
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (!external && spec.externalName)
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  return warnings;
}

export function serviceWarnings({ spec }: JsonObject): string[] {
  const addresses = ['clusterIPs', 'externalIPs'].flatMap((key) =>
    ((spec[key] ?? []) as string[]).flatMap((ip, i) => ipWarnings(ip, `spec.${key}[${i}]`)),
  );
  const close = spec.trafficDistribution === 'PreferClose';
  return [
    ...(isHeadless(spec) ? ofHeadless(spec) : []),
    ...addresses,
    ...ofType(spec),
    ...(close ? ['spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'] : []),
  ];
}
