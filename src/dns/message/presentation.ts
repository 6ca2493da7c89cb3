/**
 * Records as text, as zone files have them (RFC 1035 section 5.1; RFC 3597 for types without a form of their own). One
 * record on one line: parentheses and directives are a zone file's.
 */
import { formatIp, tryParseIp } from '../../net/ip.ts';
import { classInternet, recordTypes } from './constants.ts';
import type { ResourceRecord } from './message.ts';
import { className, classNumber, typeName, typeNumber } from './names-of-numbers.ts';
import type { RecordData } from './record-data.ts';
import {
  absoluteName,
  bytesOf,
  dotted,
  fail,
  quotedString,
  ttlSeconds,
  type Word,
  Words,
  wordsOf,
  wrong,
} from './record-words.ts';
import { parseWireData, wireText } from './wire-text.ts';

export { absoluteName, ttlSeconds };

export interface RecordDefaults {
  /** Relative names end there; '' is the root. */
  origin?: string;
  /** Seconds, where the text has none. */
  ttl?: number;
  /** Owner of a record whose text begins with white space. */
  owner?: string;
}

/** `www 300 IN A 192.0.2.1`. @throws TendrilError BAD_INPUT saying what is wrong with it */
export function parseRecord(text: string, defaults: RecordDefaults = {}): ResourceRecord {
  const { origin = '', ttl: usual = 0, owner } = defaults;
  const words = wordsOf(text);
  const name = /^\s/.test(text) ? owner : words.shift()?.text;
  if (name === undefined) throw wrong(text, 'a record begins with its name');
  let ttl = usual;
  let type: number | undefined;
  let kind = classInternet;
  while (type === undefined) {
    const word = words.shift()?.text.toUpperCase();
    if (word === undefined) throw wrong(text, 'a record has a type');
    const seconds = ttlSeconds(word);
    const number = classNumber(word);
    if (seconds !== undefined) ttl = seconds;
    // ANY is a class and a type; a record has neither.
    else if (number !== undefined && word !== 'ANY') kind = number;
    else type = typeNumber(word) ?? fail(text, `"${word}" is no type, class or TTL`);
  }
  const data = parseRecordData(type, words, origin, text);
  return { name: /^\s/.test(text) ? name : absoluteName(name, origin, text), class: kind, ttl, data };
}

/** The text of a record, every name of it with its final dot. */
export function formatRecord({ name, ttl, class: kind, data }: ResourceRecord): string {
  return `${dotted(name)} ${ttl} ${className(kind)} ${typeName(data.type)} ${formatRecordData(data)}`.trimEnd();
}

/** The part of it behind the type. */
export function formatRecordData(data: RecordData): string {
  if ('bytes' in data) return wireText(data.type, data.bytes) ?? bytesText(data.bytes);
  if ('ip' in data) return formatIp(data.ip);
  if ('strings' in data) return data.strings.map(quotedString).join(' ');
  if ('primary' in data) {
    const { primary, mailbox, serial, refresh, retry, expire, minimum } = data;
    return [dotted(primary), dotted(mailbox), serial, refresh, retry, expire, minimum].join(' ');
  }
  const numbers = 'preference' in data ? [data.preference] : 'priority' in data ? [data.priority, data.weight, data.port] : []; // biome-ignore format: one line
  return [...numbers, dotted(data.target)].join(' ');
}

type Reader = (words: Words) => RecordData;

const ofName =
  (type: 2 | 5 | 12): Reader =>
  (words) => ({ type, target: words.name('its name') });

const ofIp =
  (type: 1 | 28, family: 4 | 6): Reader =>
  (words) => {
    const text = words.word('its address');
    const ip = tryParseIp(text);
    if (ip?.family !== family) throw wrong(text, `is no IPv${family} address`);
    return { type, ip };
  };

const readers = new Map<number, Reader>([
  [recordTypes.A, ofIp(recordTypes.A, 4)],
  [recordTypes.AAAA, ofIp(recordTypes.AAAA, 6)],
  [recordTypes.NS, ofName(recordTypes.NS)],
  [recordTypes.CNAME, ofName(recordTypes.CNAME)],
  [recordTypes.PTR, ofName(recordTypes.PTR)],
  [recordTypes.MX, (words) => ({ type: recordTypes.MX, preference: words.number('its preference'), target: words.name('its host') })], // biome-ignore format: a table
  [recordTypes.SRV, (words) => ({ type: recordTypes.SRV, priority: words.number('its priority'), weight: words.number('its weight'), port: words.number('its port'), target: words.name('its target') })], // biome-ignore format: a table
  [recordTypes.TXT, (words) => ({ type: recordTypes.TXT, strings: words.rest().map(({ text }) => bytesOf(text)) })], // biome-ignore format: a table
  [recordTypes.SOA, (words) => ({ type: recordTypes.SOA, primary: words.name('its primary server'), mailbox: words.name('its mailbox'), serial: words.number('its serial', 0xffff_ffff), refresh: words.seconds('its refresh time'), retry: words.seconds('its retry time'), expire: words.seconds('its expiry'), minimum: words.seconds('its minimum') })], // biome-ignore format: a table
]);

function parseRecordData(type: number, list: readonly Word[], origin: string, text: string): RecordData {
  const words = new Words(list, origin, text);
  if (list[0]?.text === '\\#' && !list[0].quoted) return unknownData(type, words, text);
  const read = readers.get(type);
  if (read !== undefined) return ended(read(words), words);
  const bytes =
    parseWireData(type, words) ??
    fail(text, `records of type ${typeName(type)} are written as in RFC 3597: \\# LENGTH HEX`);
  return ended({ type, bytes }, words);
}

function ended(data: RecordData, words: Words): RecordData {
  words.end();
  return data;
}

/** `\# 4 c0000201`. */
function unknownData(type: number, words: Words, text: string): RecordData {
  words.word('the mark');
  const length = words.number('its length');
  const hex = words
    .rest()
    .map((word) => word.text)
    .join('');
  if (!/^([\da-f]{2})*$/i.test(hex) || hex.length !== 2 * length)
    throw wrong(text, `there are not ${length} bytes in hexadecimal`);
  return { type, bytes: Uint8Array.from(Buffer.from(hex, 'hex')) };
}

const bytesText = (bytes: Uint8Array): string =>
  `\\# ${bytes.length} ${Buffer.from(bytes).toString('hex')}`.trimEnd();
