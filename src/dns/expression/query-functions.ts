/** What expressions may ask about a query (CoreDNS plugin/pkg/expression; the README of its plugin view). */
import { cidrContains, tryParseCidr } from '../../net/cidr.ts';
import { tryParseIp } from '../../net/ip.ts';
import { messageByteLength } from '../message/byte-length.ts';
import { classicUdpBytes } from '../message/constants.ts';
import { className, typeName } from '../message/names-of-numbers.ts';
import type { Query } from '../plugin.ts';
import type { ExpressionValue, Kind, Names } from './values.ts';

const tells = (gives: Kind, call: (query: Query) => ExpressionValue) => ({ takes: [], gives, call });

export const queryFunctions: Names<Query>['functions'] = new Map<
  string,
  { takes: readonly Kind[]; gives: Kind; call(query: Query, ...args: never[]): ExpressionValue }
>([
  ['bufsize', tells('number', bufferSize)],
  ['class', tells('string', ({ message }) => className(message.questions[0]!.class))],
  ['client_ip', tells('string', ({ client }) => client.address)],
  ['do', tells('bool', ({ message }) => message.edns?.dnssecOk ?? false)],
  ['id', tells('number', ({ message }) => message.id)],
  ['name', tells('string', ({ name }) => `${name}.`)],
  ['opcode', tells('number', ({ message }) => message.opcode)],
  ['port', tells('string', ({ client }) => String(client.port))],
  ['proto', tells('string', ({ transport }) => (transport === 'udp' ? 'udp' : 'tcp'))],
  ['server_ip', tells('string', ({ server }) => server?.address ?? '')],
  ['server_port', tells('string', ({ server }) => String(server?.port ?? ''))],
  ['size', tells('number', ({ message }) => messageByteLength(message))],
  ['type', tells('string', ({ type }) => typeName(type))],
  ['incidr', { takes: ['string', 'string'], gives: 'bool', call: (_: Query, ip: string, cidr: string) => isWithin(ip, cidr) }], // biome-ignore format: a table
  ['metadata', { takes: ['string'], gives: 'string', call: ({ metadata }: Query, label: string) => metadata?.get(label) ?? '' }], // biome-ignore format: a table
]);

function bufferSize({ message, transport }: Query): number {
  return transport === 'udp' ? Math.max(message.edns?.udpBytes ?? 0, classicUdpBytes) : 65_535;
}

/** @throws Error where either is none */
export function isWithin(ip: string, cidr: string): boolean {
  const [address, block] = [tryParseIp(ip), tryParseCidr(cidr)];
  if (address === undefined) throw new Error(`"${ip}" is no IP address`);
  if (block === undefined || !cidr.includes('/')) throw new Error(`"${cidr}" is no CIDR`);
  return cidrContains(block, address);
}
