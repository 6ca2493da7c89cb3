/**
 * Fields that hold addresses and blocks, in the words and with the strictness of Kubernetes 1.36
 * (apimachinery, util/validation/ip.go; StrictIPCIDRValidation is on there). What an object held before, it may keep.
 */
import { type Cidr, cidrContains, cidrOf, familyBits, parseCidr } from '../../../net/cidr.ts';
import { formatIp, type Ip, isLinkLocal, isLoopback, isUnspecified, tryParseIp } from '../../../net/ip.ts';
import { type FieldError, invalidValue } from './field-error.ts';

/** `010.1.2.3` is read as 10.1.2.3, so that the answer can say what is wrong with it. */
const withoutLeadingZeros = (text: string) =>
  text.includes(':') ? text : text.replace(/(^|\.)0+(?=\d)/g, '$1');

const isMapped = (text: string) => text.includes(':') && tryParseIp(text)?.family === 4;

/** Why a text is no address that a new object may hold. */
export function wrongIp(text: string): string[] {
  if (tryParseIp(withoutLeadingZeros(text)) === undefined)
    return ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'];
  if (tryParseIp(text) === undefined) return ['must not have leading 0s'];
  return isMapped(text) ? ['must not be an IPv4-mapped IPv6 address'] : [];
}

export function validateIp(text: string, field: string, kept: readonly string[] = []): FieldError[] {
  return kept.includes(text) ? [] : wrongIp(text).map((why) => invalidValue(field, text, why));
}

/** For newer fields: the canonical text only. */
export function validateCanonicalIp(text: string, field: string): FieldError[] {
  const errors = validateIp(text, field);
  if (errors.length > 0) return errors;
  const canonical = formatIp(tryParseIp(text)!);
  return canonical === text
    ? []
    : [invalidValue(field, text, `must be in canonical form (${JSON.stringify(canonical)})`)];
}

function split(text: string): { address: string; prefix: string } {
  const [address = '', prefix = ''] = text.split('/');
  return { address, prefix };
}

/** The block, host bits cleared; undefined for what is none, however it is read. */
function readCidr(text: string): Cidr | undefined {
  const { address, prefix } = split(text);
  const ip = tryParseIp(withoutLeadingZeros(address));
  if (ip === undefined || !/^\d+$/.test(prefix) || text.split('/').length !== 2) return undefined;
  return Number(prefix) > familyBits(ip.family) ? undefined : cidrOf(ip, Number(prefix));
}

function wrongCidr(text: string): string[] {
  if (isMapped(split(text).address)) return ['must not have an IPv4-mapped IPv6 address'];
  if (readCidr(text) === undefined)
    return ['must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'];
  const { address, prefix } = split(text);
  if (tryParseIp(address) === undefined || /^0\d/.test(prefix))
    return ['must not have leading 0s in IP or prefix length'];
  try {
    parseCidr(text);
    return [];
  } catch {
    return ['must not have bits set beyond the prefix length'];
  }
}

export function validateCidr(text: string, field: string, kept: readonly string[] = []): FieldError[] {
  return kept.includes(text) ? [] : wrongCidr(text).map((why) => invalidValue(field, text, why));
}

/** Whether the second block lies in the first and is smaller. Undefined where one of them is no block. */
export function isStrictSubset(outer: string, inner: string): boolean | undefined {
  const [a, b] = [readCidr(outer), readCidr(inner)];
  if (a === undefined || b === undefined) return undefined;
  return a.ip.family === b.ip.family && a.prefix < b.prefix && cidrContains(a, b.ip);
}

const isLinkLocalMulticast = ({ family, bytes }: Ip) =>
  family === 4
    ? bytes[0] === 224 && bytes[1] === 0 && bytes[2] === 0
    : bytes[0] === 0xff && (bytes[1]! & 0x0f) === 2;

/** Addresses that traffic of Services may not be sent to: a node's own loopback, and links. */
export function validateEndpointIp(text: string, field: string): FieldError[] {
  const ip = tryParseIp(text);
  if (ip === undefined) return [invalidValue(field, text, 'must be a valid IP address')];
  const refusals: [boolean, string][] = [
    [isUnspecified(ip), `may not be unspecified (${text})`],
    [isLoopback(ip), 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    [isLinkLocal(ip), 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
    [isLinkLocalMulticast(ip), 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'],
  ];
  return refusals.filter(([applies]) => applies).map(([, why]) => invalidValue(field, text, why));
}

/** For fields that take any text of an address: the canonical one is advised. */
export function ipWarnings(text: string, field: string): string[] {
  const ip = tryParseIp(text);
  if (ip === undefined || ip.family === 4 || formatIp(ip) === text) return [];
  return [
    `${field}: IPv6 address ${JSON.stringify(text)} should be in RFC 5952 canonical format (${JSON.stringify(formatIp(ip))})`,
  ];
}
