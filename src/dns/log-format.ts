/** Lines about a query and its answer, by a format with placeholders (CoreDNS plugin/pkg/replacer). */

import { messageByteLength } from './message/byte-length.ts';
import { classicUdpBytes } from './message/constants.ts';
import type { Message } from './message/message.ts';
import { className, rcodeName, typeName } from './message/names-of-numbers.ts';
import type { Answer, Query } from './plugin.ts';

export const commonFormat =
  '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode} {>rflags} {rsize} {duration}';
export const combinedFormat = `${commonFormat} "{>opcode}"`;

/** What there is to tell; without an answer its placeholders become `-`. */
export interface Told {
  query: Query;
  answer?: Answer;
  /** From the query to the answer, ms. */
  durationMs?: number;
}

const nothing = '-';
const flagNames = [
  ['response', 'qr'],
  ['authoritative', 'aa'],
  ['truncated', 'tc'],
  ['recursionDesired', 'rd'],
  ['recursionAvailable', 'ra'],
  ['authenticData', 'ad'],
  ['checkingDisabled', 'cd'],
] as const;

const flagsOf = (message: Message) =>
  flagNames
    .filter(([field]) => message[field])
    .map(([, name]) => name)
    .join(',');
/** To the nanosecond, without an exponent. */
const seconds = (ms: number) => (ms / 1000).toFixed(9).replace(/\.?0+$/, '');
const bracketed = (address: string) => (address.includes(':') ? `[${address}]` : address);

const placeholders: Readonly<Record<string, (told: Told) => string>> = {
  '{type}': ({ query }) => typeName(query.type),
  '{name}': ({ query }) => `${query.name}.`,
  '{class}': ({ query }) => className(query.message.questions[0]!.class),
  '{proto}': ({ query }) => (query.transport === 'udp' ? 'udp' : 'tcp'),
  '{size}': ({ query }) => String(messageByteLength(query.message)),
  '{remote}': ({ query }) => bracketed(query.client.address),
  '{port}': ({ query }) => String(query.client.port),
  '{local}': ({ query }) => (query.server ? bracketed(query.server.address) : nothing),
  '{>id}': ({ query }) => String(query.message.id),
  '{>opcode}': ({ query }) => String(query.message.opcode),
  '{>do}': ({ query }) => String(query.message.edns?.dnssecOk ?? false),
  '{>bufsize}': ({ query }) => String(Math.max(query.message.edns?.udpBytes ?? 0, classicUdpBytes)),
  '{rcode}': ({ answer }) => (answer ? rcodeName(answer.rcode) : nothing),
  '{rsize}': ({ answer }) => (answer ? String(messageByteLength(answer)) : nothing),
  '{>rflags}': ({ answer }) => (answer && flagsOf(answer)) || nothing,
  '{duration}': ({ durationMs }) => (durationMs === undefined ? nothing : `${seconds(durationMs)}s`),
};

/** The format as a function; what is no placeholder stays as it is. `{/LABEL}` is metadata. */
export function compileFormat(format: string): (told: Told) => string {
  const pieces = format.split(/(\{[^{}]*\})/).map((piece): ((told: Told) => string) => {
    if (Object.hasOwn(placeholders, piece)) return placeholders[piece]!;
    const label = /^\{\/(.*)\}$/.exec(piece)?.[1];
    if (label !== undefined) return ({ query }) => query.metadata?.get(label) ?? nothing;
    return () => piece;
  });
  return (told) => pieces.map((piece) => piece(told)).join('');
}
