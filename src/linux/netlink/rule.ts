/** Routing policy rules: RTM_NEWRULE and its kin, struct fib_rule_hdr (ip-rule(8)). Those that name a table. */
import { type Cidr, formatCidr } from '../../net/cidr.ts';
import { familyNumber, familyOf, ipOf } from './address.ts';
import {
  concat,
  decodeAttributes,
  headerView,
  malformed,
  maybeU32,
  raw,
  readText,
  text,
  u32,
  when,
} from './attribute.ts';
import type { Rule } from './route-netlink.ts';

export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
export const RTM_GETRULE = 34;

const FRA_DST = 1;
const FRA_SRC = 2;
const FRA_IIFNAME = 3;
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_TABLE = 15;
const FRA_FWMASK = 16;
const FR_ACT_TO_TBL = 1;
const headerSize = 12;

export function encodeRule(rule: Rule): Uint8Array {
  const header = new Uint8Array(headerSize);
  header[0] = familyNumber(rule.family);
  header[1] = rule.to?.prefix ?? 0;
  header[2] = rule.from?.prefix ?? 0;
  header[4] = rule.table > 255 ? 0 : rule.table;
  header[7] = FR_ACT_TO_TBL;
  return concat(header, [
    when(rule.to, (cidr) => raw(FRA_DST, cidr.ip.bytes)),
    when(rule.from, (cidr) => raw(FRA_SRC, cidr.ip.bytes)),
    u32(FRA_PRIORITY, rule.priority),
    u32(FRA_TABLE, rule.table),
    when(rule.mark, ({ value }) => u32(FRA_FWMARK, value)),
    when(rule.mark, ({ mask }) => u32(FRA_FWMASK, mask)),
    when(rule.incomingInterface, (name) => text(FRA_IIFNAME, name)),
  ]);
}

export function encodeRuleFilter(family: 4 | 6): Uint8Array {
  const header = new Uint8Array(headerSize);
  header[0] = familyNumber(family);
  return header;
}

/** Undefined for rules that do not lead to a table. @throws KernelError EBADMSG */
export function decodeRule(payload: Uint8Array): Rule | undefined {
  const header = headerView(payload, headerSize);
  const family = familyOf(header.getUint8(0));
  if (family === undefined || header.getUint8(7) !== FR_ACT_TO_TBL) return undefined;
  const attributes = decodeAttributes(payload.subarray(headerSize));
  const cidr = (type: number, prefix: number): Cidr | undefined => {
    const bytes = attributes.get(type);
    if (bytes === undefined) return undefined;
    if (prefix > 8 * bytes.length) throw malformed('prefix');
    return { ip: ipOf(family, bytes), prefix };
  };
  const rule: Rule = {
    family,
    // The kernel leaves the priority out where it is 0.
    priority: maybeU32(attributes.get(FRA_PRIORITY)) ?? 0,
    table: maybeU32(attributes.get(FRA_TABLE)) ?? header.getUint8(4),
  };
  const from = cidr(FRA_SRC, header.getUint8(2));
  const to = cidr(FRA_DST, header.getUint8(1));
  const value = maybeU32(attributes.get(FRA_FWMARK));
  const mask = maybeU32(attributes.get(FRA_FWMASK));
  const name = attributes.get(FRA_IIFNAME);
  if (from !== undefined) rule.from = from;
  if (to !== undefined) rule.to = to;
  if (value !== undefined || mask !== undefined) rule.mark = { value: value ?? 0, mask: mask ?? 0xffffffff };
  if (name !== undefined) rule.incomingInterface = readText(name);
  return rule;
}

export function describeRule(rule: Rule): string {
  const parts = [
    `${rule.priority}:`,
    rule.from && `from ${formatCidr(rule.from)}`,
    rule.to && `to ${formatCidr(rule.to)}`,
    rule.mark && `fwmark 0x${rule.mark.value.toString(16)}/0x${rule.mark.mask.toString(16)}`,
    rule.incomingInterface && `iif ${rule.incomingInterface}`,
    `lookup ${rule.table} (IPv${rule.family})`,
  ];
  return parts.filter((part) => part !== undefined && part !== '').join(' ');
}
