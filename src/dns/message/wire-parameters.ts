/** The parameters of SVCB and HTTPS records: `alpn=h2,h3 port=8443` (RFC 9460 sections 2.1 and 7). */
import { formatIp, ipFromBytes, tryParseIp } from '../../net/ip.ts';
import { malformed } from './name.ts';
import { bytesOf, quotedString, type Word, type Words } from './record-words.ts';
import type { Field } from './wire-fields.ts';

const keys = [
  'mandatory',
  'alpn',
  'no-default-alpn',
  'port',
  'ipv4hint',
  'ech',
  'ipv6hint',
  'dohpath',
  'ohttp',
];

function keyNumber(text: string, words: Words): number {
  const known = keys.indexOf(text);
  const number = Number(/^key(\d{1,5})$/.exec(text)?.[1]);
  if (known >= 0) return known;
  return number <= 0xffff ? number : words.wrong(`"${text}" is no parameter`);
}

const keyText = (number: number): string => keys[number] ?? `key${number}`;
const u16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff);
const join = (pieces: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(pieces));

export const parameters: Field = {
  parse: (words, to) => {
    const list = joinedWords(words.rest()).map((text) => parameterOf(text, words));
    for (const [key, value] of list.sort(([a], [b]) => a - b)) to.u16(key).u16(value.length).bytes(value);
  },
  format: (bytes, start) => {
    const texts: string[] = [];
    const all = Buffer.from(bytes);
    let last = -1;
    for (let at = start; at < bytes.length; ) {
      if (at + 4 > bytes.length) throw malformed('a parameter runs past the end');
      const end = at + 4 + all.readUInt16BE(at + 2);
      if (end > bytes.length) throw malformed('a parameter runs past the end');
      const key = all.readUInt16BE(at);
      if (key <= last) throw malformed('parameters out of order');
      last = key;
      texts.push(parameterText(key, bytes.subarray(at + 4, end)));
      at = end;
    }
    return { text: texts.join(' '), next: bytes.length };
  },
};

/** A quoted value is a word of its own behind its `key=`. */
function joinedWords(words: readonly Word[]): string[] {
  const joined: string[] = [];
  for (const { text, quoted: isValue } of words) {
    if (isValue && joined.at(-1)?.endsWith('=')) joined.push(joined.pop() + text);
    else joined.push(text);
  }
  return joined;
}

function parameterOf(word: string, words: Words): [number, Uint8Array] {
  const [, name, value = ''] = /^([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
  if (name === undefined) return words.wrong(`"${word}" is no parameter`);
  const key = keyNumber(name, words);
  return [key, valueBytes(key, value, words)];
}

function valueBytes(key: number, text: string, words: Words): Uint8Array {
  const list = text.split(',');
  switch (keyText(key)) {
    case 'mandatory':
      return join(list.map((one) => keyNumber(one, words)).sort((a, b) => a - b).map(u16)); // biome-ignore format: one line
    case 'alpn':
      return join(list.map(bytesOf).map((id) => join([Uint8Array.of(id.length), id])));
    case 'no-default-alpn':
    case 'ohttp':
      return text === '' ? new Uint8Array() : words.wrong(`${keyText(key)} has no value`);
    case 'port':
      return Number(text) <= 0xffff && /^\d+$/.test(text) ? u16(Number(text)) : words.wrong(`"${text}" is no port`); // biome-ignore format: one line
    case 'ipv4hint':
      return join(list.map((one) => addressOf(one, 4, words)));
    case 'ipv6hint':
      return join(list.map((one) => addressOf(one, 6, words)));
    case 'ech':
      return Buffer.from(text, 'base64');
    default:
      return bytesOf(text);
  }
}

function addressOf(text: string, family: 4 | 6, words: Words): Uint8Array {
  const ip = tryParseIp(text);
  return ip?.family === family ? ip.bytes : words.wrong(`"${text}" is no IPv${family} address`);
}

const withValue = new Set(['mandatory', 'alpn', 'port', 'ipv4hint', 'ipv6hint']);
const withoutValue = new Set(['no-default-alpn', 'ohttp']);

function parameterText(key: number, value: Uint8Array): string {
  const name = keyText(key);
  const isEmpty = value.length === 0;
  if (isEmpty ? withValue.has(name) : withoutValue.has(name)) throw malformed(`a strange ${name}`);
  return isEmpty ? name : `${name}=${valueText(name, value)}`;
}

function valueText(name: string, value: Uint8Array): string {
  switch (name) {
    case 'mandatory':
      return quoted(pieces(value, 2).map((piece) => keyText((piece[0]! << 8) | piece[1]!)));
    case 'alpn':
      return `"${[...strings(value)].map((id) => quotedString(id).slice(1, -1)).join(',')}"`;
    case 'port':
      if (value.length !== 2) throw malformed('a port of a wrong length');
      return quoted([String((value[0]! << 8) | value[1]!)]);
    case 'ipv4hint':
      return quoted(pieces(value, 4).map((piece) => formatIp({ family: 4, bytes: piece })));
    case 'ipv6hint':
      return quoted(pieces(value, 16).map((piece) => formatIp(ipFromBytes(piece))));
    case 'ech':
      return quoted([Buffer.from(value).toString('base64')]);
    default:
      return quotedString(value);
  }
}

const quoted = (texts: readonly string[]): string => `"${texts.join(',')}"`;

function pieces(value: Uint8Array, width: number): Uint8Array[] {
  if (value.length % width !== 0) throw malformed('a parameter of a wrong length');
  return Array.from({ length: value.length / width }, (_, i) => value.subarray(width * i, width * (i + 1)));
}

function* strings(value: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < value.length; at += 1 + value[at]!) {
    if (at + 1 + value[at]! > value.length) throw malformed('an identifier runs past its parameter');
    const id = value.subarray(at + 1, at + 1 + value[at]!);
    // A comma would end it in the text.
    if (id.length === 0 || id.includes(0x2c)) throw malformed('an identifier without a text');
    yield id;
  }
}
