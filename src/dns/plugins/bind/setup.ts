/** `bind ADDRESS|INTERFACE... { except ... }`: where a server block listens, instead of every address. */
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { tryParseIp } from '../../../net/ip.ts';
import type { Directive, Place } from '../../corefile/directive.ts';
import { corefileError, countArguments, unknownOption } from '../../corefile/options.ts';
import type { PluginSetup } from '../../plugin.ts';

export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

export const setup: PluginSetup = (directives) => {
  const interfaces = networkInterfaces();
  const addresses = directives.flatMap((directive) => boundAddresses(directive, interfaces));
  return { settings: { addresses: [...new Set(addresses)] } };
};

/** The addresses of one directive. @throws COREFILE for what is neither an address nor an interface */
export function boundAddresses(directive: Directive, interfaces: Interfaces): string[] {
  countArguments(directive, 1, Number.POSITIVE_INFINITY);
  const except = (directive.block ?? []).flatMap((line) => {
    if (line.name !== 'except') throw unknownOption(line, 'bind');
    countArguments(line, 1, Number.POSITIVE_INFINITY);
    return line.args.flatMap((word) => addressesOf(word, interfaces, line.at));
  });
  return directive.args
    .flatMap((word) => addressesOf(word, interfaces, directive.at))
    .filter((address) => !except.includes(address));
}

function addressesOf(word: string, interfaces: Interfaces, at: Place): string[] {
  const known = Object.hasOwn(interfaces, word) ? interfaces[word] : undefined;
  if (known !== undefined) return known.map((one) => withZone(one, word));
  if (tryParseIp(word.split('%')[0]!) !== undefined) return [word];
  throw corefileError(
    at,
    `"${word}" is neither an IP address nor an interface`,
    'See them with: ip address.',
  );
}

/** A link-local IPv6 address means nothing without its interface. */
function withZone({ address, family }: NetworkInterfaceInfo, name: string): string {
  return family === 'IPv6' && /^fe[89ab]/i.test(address) ? `${address}%${name}` : address;
}
