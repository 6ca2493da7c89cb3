/** What plugins' set-ups share when they read their directives. */
import { type Cidr, nthIp, subnet, tryParseCidr } from '../../net/cidr.ts';
import type { Ip } from '../../net/ip.ts';
import { TendrilError } from '../../util/errors.ts';
import { canonicalName, labelsOf } from '../message/name.ts';
import type { PluginContext } from '../plugin.ts';
import type { Directive, Place } from './directive.ts';

/** An error of the Corefile: every one begins with file and line. */
export function corefileError(at: Place, problem: string, remedy?: string): TendrilError {
  return new TendrilError('COREFILE', `${at.file}:${at.line}: ${problem}`, { remedy });
}

/** @throws COREFILE where a directive has not between `min` and `max` arguments */
export function countArguments({ name, args, at }: Directive, min: number, max = min): void {
  if (args.length >= min && args.length <= max) return;
  const wanted =
    max === Number.POSITIVE_INFINITY ? `at least ${min}` : min === max ? `${min}` : `${min} to ${max}`;
  throw corefileError(at, `${name} takes ${wanted} argument(s), here are ${args.length}`);
}

/** The one directive of a plugin that may stand once in a server block. @throws COREFILE for another */
export function onlyDirective(directives: readonly Directive[]): Directive {
  const [only, second] = directives;
  if (second !== undefined) throw corefileError(second.at, `${second.name} stands twice in one server block`);
  return only!;
}

/** A plugin's zones: its arguments', or else the server block's. @throws COREFILE for what is no domain name or CIDR */
export function zonesOf(args: readonly string[], context: Pick<PluginContext, 'zones'>, at: Place): string[] {
  return args.length === 0 ? [...context.zones] : [...new Set(args.flatMap((arg) => zonesOfText(arg, at)))];
}

/** The canonical zones that a name or CIDR of the Corefile stands for. @throws COREFILE */
export function zonesOfText(text: string, at: Place): string[] {
  const cidr = tryParseCidr(text);
  if (cidr !== undefined) return reverseZones(cidr);
  try {
    labelsOf(text);
  } catch (cause) {
    throw corefileError(at, `"${text}" is neither a domain name nor a CIDR`, String(cause));
  }
  return [canonicalName(text === '.' ? '' : text)];
}

/** Reverse zones that make up a CIDR; several where its prefix ends inside an octet or a nibble (RFC 1035, RFC 3596). */
export function reverseZones(cidr: Cidr): string[] {
  const { family } = cidr.ip;
  const step = family === 4 ? 8 : 4;
  const prefix = Math.ceil(cidr.prefix / step) * step;
  const count = 2 ** (prefix - cidr.prefix);
  return Array.from({ length: count }, (_, i) =>
    reverseZone(nthIp(subnet(cidr, prefix, i), 0), prefix / step),
  );
}

function reverseZone(ip: Ip, labels: number): string {
  const digits = ip.family === 4 ? [...ip.bytes].map(String) : [...Buffer.from(ip.bytes).toString('hex')];
  return [...digits.slice(0, labels).reverse(), ip.family === 4 ? 'in-addr.arpa' : 'ip6.arpa'].join('.');
}

const unitMs: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go's durations (`1h2m3.5s`, `0`), in ms. @throws COREFILE */
export function durationMs(text: string, at: Place): number {
  if (text === '0') return 0;
  const pieces = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  if (pieces.length === 0 || pieces.map(([whole]) => whole).join('') !== text)
    throw corefileError(
      at,
      `"${text}" is no duration`,
      'Write it with its unit, such as 30s, 500ms or 1h30m.',
    );
  return pieces.reduce((sum, [, value, unit]) => sum + Number(value) * unitMs[unit!]!, 0);
}

/** A whole number within bounds. @throws COREFILE */
export function wholeNumber(text: string, { min, max }: { min: number; max: number }, at: Place): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw corefileError(at, `"${text}" is no whole number from ${min} to ${max}`);
}

/** @throws COREFILE where a directive has lines in braces and takes none */
export function refuseBlock({ name, block }: Directive): void {
  const [line] = block ?? [];
  if (line !== undefined) throw unknownOption(line, name);
}

/** The error for a line that a plugin's block does not know. */
export function unknownOption({ name, at }: Directive, plugin: string): TendrilError {
  return corefileError(at, `${plugin} has no option "${name}"`);
}

/** The first, and only, argument of an option. @throws COREFILE */
export function onlyArgument(line: Directive): string {
  countArguments(line, 1);
  return line.args[0]!;
}

/** `fallthrough [ZONES...]`: the zones whose names go on to the next plugin; all where none is named. @throws COREFILE */
export function fallthroughZones({ args, at }: Directive): string[] {
  return args.length === 0 ? [''] : args.flatMap((zone) => zonesOfText(zone, at));
}
