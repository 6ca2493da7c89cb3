/**
 * Records as text, as zone files have them (RFC 1035 section 5.1; RFC 3597 for types without a form of their own). One
 * record on one line: parentheses and directives are a zone file's.
 */
import { formatIp, tryParseIp } from '../../net/ip.ts';
import { TendrilError } from '../../util/errors.ts';
import { classInternet, recordTypes } from './constants.ts';
import type { ResourceRecord } from './message.ts';
import { labelsOf } from './name.ts';
import { className, classNumber, typeName, typeNumber } from './names-of-numbers.ts';
import type { RecordData } from './record-data.ts';
import { Writer } from './writer.ts';

export interface RecordDefaults {
  /** Relative names end there; '' is the root. */
  origin?: string;
  /** Seconds, where the text has none. */
  ttl?: number;
  /** Owner of a record whose text begins with white space. */
  owner?: string;
}

/** A word of a record. */
interface Word {
  text: string;
  quoted: boolean;
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
  if ('bytes' in data) return bytesText(data.bytes);
  if ('ip' in data) return formatIp(data.ip);
  if ('strings' in data) return data.strings.map(quotedString).join(' ');
  if ('primary' in data) {
    const { primary, mailbox, serial, refresh, retry, expire, minimum } = data;
    return [dotted(primary), dotted(mailbox), serial, refresh, retry, expire, minimum].join(' ');
  }
  const numbers = 'preference' in data ? [data.preference] : 'priority' in data ? [data.priority, data.weight, data.port] : []; // biome-ignore format: one line
  return [...numbers, dotted(data.target)].join(' ');
}

/** The name with the origin behind it unless it ends in a dot; `@` is the origin itself. */
export function absoluteName(name: string, origin: string, text = name): string {
  const whole =
    name === '@' ? origin : isAbsolute(name) ? name.slice(0, -1) : origin === '' ? name : `${name}.${origin}`;
  try {
    labelsOf(whole);
  } catch {
    throw wrong(text, `"${name}" is no domain name`);
  }
  return whole;
}

/** Seconds of `300` or `1h30m`; undefined for anything else. */
export function ttlSeconds(text: string): number | undefined {
  if (!/^(\d+[SMHDW]?)+$/i.test(text)) return undefined;
  const units: Record<string, number> = { '': 1, S: 1, M: 60, H: 3600, D: 86_400, W: 604_800 };
  const pieces = [...text.matchAll(/(\d+)([SMHDW]?)/gi)];
  const seconds = pieces.reduce(
    (sum, [, count, unit]) => sum + Number(count) * units[unit!.toUpperCase()]!,
    0,
  );
  return seconds <= 0xffff_ffff ? seconds : undefined;
}

type Reader = (words: Words) => RecordData;

/** What reads a record's words in their order. */
class Words {
  readonly #words: readonly Word[];
  readonly #text: string;
  readonly #origin: string;
  #next = 0;

  constructor(words: readonly Word[], origin: string, text: string) {
    this.#words = words;
    this.#origin = origin;
    this.#text = text;
  }

  word(what: string): string {
    return this.#words[this.#next++]?.text ?? fail(this.#text, `${what} is missing`);
  }

  number(what: string, max = 0xffff): number {
    const word = this.word(what);
    return /^\d+$/.test(word) && Number(word) <= max ? Number(word) : fail(this.#text, `${what} is a number up to ${max}, not "${word}"`); // biome-ignore format: one line
  }

  seconds(what: string): number {
    const word = this.word(what);
    return ttlSeconds(word) ?? fail(this.#text, `${what} is a time in seconds, not "${word}"`);
  }

  name(what: string): string {
    return absoluteName(this.word(what), this.#origin, this.#text);
  }

  /** All that is left. */
  rest(): readonly Word[] {
    const left = this.#words.slice(this.#next);
    this.#next = this.#words.length;
    return left;
  }

  end(): void {
    if (this.#next < this.#words.length) fail(this.#text, `"${this.#words[this.#next]!.text}" is too much`);
  }
}

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

/** Types whose data is bytes here, and is read as text all the same. */
const wireReaders: Readonly<Record<number, (words: Words, to: Writer) => void>> = {
  // DNAME (RFC 6672).
  39: (words, to) => to.plainName(words.name('its name')),
  // NAPTR (RFC 3403).
  35: (words, to) => {
    to.u16(words.number('its order')).u16(words.number('its preference'));
    for (const what of ['its flags', 'its services', 'its expression']) characterString(words.word(what), to);
    to.plainName(words.name('its replacement'));
  },
  // CAA (RFC 8659).
  257: (words, to) => {
    to.u8(words.number('its flags', 0xff));
    characterString(words.word('its tag'), to);
    to.bytes(bytesOf(words.word('its value')));
  },
};

function parseRecordData(type: number, list: readonly Word[], origin: string, text: string): RecordData {
  const words = new Words(list, origin, text);
  if (list[0]?.text === '\\#' && !list[0].quoted) return unknownData(type, words, text);
  const read = readers.get(type);
  if (read !== undefined) return ended(read(words), words);
  const write =
    wireReaders[type] ??
    fail(text, `records of type ${typeName(type)} are written as in RFC 3597: \\# LENGTH HEX`);
  const to = new Writer();
  write(words, to);
  return ended({ type, bytes: Uint8Array.from(to.finish()) }, words);
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

function characterString(text: string, to: Writer): void {
  const bytes = bytesOf(text);
  if (bytes.length > 255) throw wrong(text, 'a string has at most 255 bytes');
  to.u8(bytes.length).bytes(bytes);
}

/** Words, strings in quotes being one; escapes stay as they are, since a name's dots may be escaped. */
function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  const pattern = /\s+|;.*$|"((?:\\[\s\S]|[^"\\])*)"|((?:\\[\s\S]|[^\s";\\])+)|([\s\S])/gy;
  for (const [, quoted, plain, stray] of text.matchAll(pattern)) {
    if (stray !== undefined)
      throw wrong(text, stray === '"' ? 'a quote is not closed' : `"${stray}" stands alone`);
    if (quoted !== undefined) words.push({ text: quoted, quoted: true });
    else if (plain !== undefined) words.push({ text: plain, quoted: false });
  }
  return words;
}

/** The bytes of a string, its escapes resolved. */
function bytesOf(text: string): Uint8Array {
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '\\') bytes.push(...Buffer.from(text[i]!));
    else if (/^\d{3}/.test(text.slice(i + 1, i + 4))) {
      bytes.push(Number(text.slice(i + 1, i + 4)) & 0xff);
      i += 3;
    } else bytes.push(...Buffer.from(text[++i] ?? ''));
  }
  return Uint8Array.from(bytes);
}

function quotedString(bytes: Uint8Array): string {
  const characters = Array.from(bytes, (byte) => {
    if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
    return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${byte.toString().padStart(3, '0')}`;
  });
  return `"${characters.join('')}"`;
}

const bytesText = (bytes: Uint8Array): string =>
  `\\# ${bytes.length} ${Buffer.from(bytes).toString('hex')}`.trimEnd();
const isAbsolute = (name: string): boolean => /(^|[^\\])(\\\\)*\.$/.test(name);
const dotted = (name: string): string => (name === '' ? '.' : isAbsolute(name) ? name : `${name}.`);

function wrong(text: string, problem: string): TendrilError {
  return new TendrilError('BAD_INPUT', `the record "${text.trim()}" cannot be read: ${problem}`);
}

function fail(text: string, problem: string): never {
  throw wrong(text, problem);
}
