/**
 * Results across versions. Inside, every result has the shape of the latest version; at the border it is
 * turned into what the configuration's version asks for, and back.
 */
import { CniError, cniCodes } from './cni-error.ts';
import { type CniAddress, type CniResult, type CniRoute, compareVersions, latestVersion } from './spec.ts';

/** `ips[].version` was required before 1.0.0. */
type OlderAddress = CniAddress & { version?: '4' | '6' };

/** The result as a client of `version` expects it. */
export function encodeResult(result: CniResult, version: string): Record<string, unknown> {
  const { interfaces, ips, routes, dns } = result;
  const is11 = compareVersions(version, '1.1.0') >= 0;
  return withoutUndefined({
    cniVersion: version,
    interfaces: interfaces?.map(({ mtu, ...rest }) => (is11 && mtu !== undefined ? { ...rest, mtu } : rest)),
    ips: compareVersions(version, '1.0.0') >= 0 ? ips : ips?.map(olderAddress),
    routes: is11 ? routes : routes?.map(({ mtu: _, ...rest }) => rest),
    dns,
  });
}

/**
 * A result of any supported version, in the shape of the latest. `cniVersion` stays what it was.
 * @throws CniError 6 where it is none
 */
export function decodeResult(value: unknown): CniResult {
  if (!isObject(value)) throw undecodable('is not an object');
  const { interfaces, ips, routes, dns, cniVersion } = value;
  for (const [name, list] of Object.entries({ interfaces, ips, routes })) {
    if (list !== undefined && list !== null && !(Array.isArray(list) && list.every(isObject))) {
      throw undecodable(`has ${name} that is not a list of objects`);
    }
  }
  const addresses = (ips ?? undefined) as OlderAddress[] | undefined;
  if (addresses?.some(({ address }) => typeof address !== 'string'))
    throw undecodable('has an IP without address');
  return withoutUndefined({
    cniVersion: typeof cniVersion === 'string' ? cniVersion : latestVersion,
    interfaces: (interfaces ?? undefined) as CniResult['interfaces'],
    ips: addresses?.map(({ version: _, ...rest }) => rest),
    routes: (routes ?? undefined) as CniRoute[] | undefined,
    dns: (dns ?? undefined) as CniResult['dns'],
  }) as unknown as CniResult;
}

function olderAddress(address: CniAddress): OlderAddress {
  return { version: address.address.includes(':') ? '6' : '4', ...address };
}

function undecodable(what: string): CniError {
  return new CniError(cniCodes.decodingFailure, `the result ${what}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withoutUndefined(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
