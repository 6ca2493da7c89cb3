/** Fields of record data: how each is written as words, and as bytes. */
import { decodeName, malformed } from './name.ts';
import { typeName, typeNumber } from './names-of-numbers.ts';
import { bytesOf, dotted, quotedString, type Words } from './record-words.ts';
import type { Writer } from './writer.ts';

export interface Field {
  /** @throws BAD_INPUT */
  parse(words: Words, to: Writer): void;
  /** The text of what stands at `at`, '' for nothing. @throws BAD_INPUT */
  format(bytes: Uint8Array, at: number): { text: string; next: number };
}

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function numberAt(bytes: Uint8Array, at: number, width: 1 | 2 | 4): number {
  if (at + width > bytes.length) throw malformed('a number runs past the end');
  const all = view(bytes);
  return width === 1 ? all.getUint8(at) : width === 2 ? all.getUint16(at) : all.getUint32(at);
}

function putNumber(to: Writer, width: 1 | 2 | 4, value: number): void {
  if (width === 1) to.u8(value);
  else if (width === 2) to.u16(value);
  else to.u32(value);
}

/** Of so many bytes. */
export const number = (width: 1 | 2 | 4): Field => ({
  parse: (words, to) => putNumber(to, width, words.number('a number', 2 ** (8 * width) - 1)),
  format: (bytes, at) => ({ text: String(numberAt(bytes, at, width)), next: at + width }),
});

export const name: Field = {
  parse: (words, to) => to.plainName(words.name('a name')),
  format: (bytes, at) => {
    const { name: found, next } = decodeName(bytes, at);
    return { text: dotted(found), next };
  },
};

/** The type that a signature is of. */
export const type: Field = {
  parse: (words, to) => to.u16(typeOf(words.word('a type'), words)),
  format: (bytes, at) => ({ text: typeName(numberAt(bytes, at, 2)), next: at + 2 }),
};

function typeOf(word: string, words: Words): number {
  return typeNumber(word.toUpperCase()) ?? words.wrong(`"${word}" is no type`);
}

/** `20260102030405`, or seconds since 1970; UTC, modulo 2^32 (RFC 4034 section 3.2). */
export const time: Field = {
  parse: (words, to) => {
    const word = words.word('a time');
    const [, year, month, day, hour, minute, second] =
      /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(word) ?? [];
    const seconds =
      year === undefined
        ? Number(/^\d{1,10}$/.exec(word)?.[0])
        : Date.UTC(+year, +month! - 1, +day!, +hour!, +minute!, +second!) / 1000;
    if (Number.isNaN(seconds)) words.wrong(`"${word}" is no time`);
    to.u32(seconds % 2 ** 32);
  },
  format: (bytes, at) => {
    const moment = new Date(numberAt(bytes, at, 4) * 1000).toISOString();
    return { text: moment.slice(0, 19).replaceAll(/\D/g, ''), next: at + 4 };
  },
};

const restOf = (words: Words): string =>
  words
    .rest()
    .map(({ text: word }) => word)
    .join('');

/** All that is left, in hexadecimal. */
export const hex: Field = {
  parse: (words, to) => to.bytes(fromHex(restOf(words), words)),
  format: (bytes, at) => ({ text: toHex(bytes.subarray(at)), next: bytes.length }),
};

const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex').toUpperCase();

function fromHex(word: string, words: Words): Uint8Array {
  return /^([\da-f]{2})*$/i.test(word)
    ? Buffer.from(word, 'hex')
    : words.wrong(`"${word}" is not hexadecimal`);
}

/** All that is left, in base64. */
export const base64: Field = {
  parse: (words, to) => {
    const word = restOf(words);
    if (!/^[A-Za-z\d+/]*={0,2}$/.test(word)) words.wrong(`"${word}" is not base64`);
    to.bytes(Buffer.from(word, 'base64'));
  },
  format: (bytes, at) => ({ text: Buffer.from(bytes.subarray(at)).toString('base64'), next: bytes.length }),
};

/** Bytes behind their length. */
function counted(bytes: Uint8Array, at: number): { inside: Uint8Array; next: number } {
  const next = at + 1 + numberAt(bytes, at, 1);
  if (next > bytes.length) throw malformed('a string runs past the end');
  return { inside: bytes.subarray(at + 1, next), next };
}

function putCounted(bytes: Uint8Array, words: Words, to: Writer): void {
  if (bytes.length > 255) words.wrong('a string has at most 255 bytes');
  to.u8(bytes.length).bytes(bytes);
}

export const string: Field = {
  parse: (words, to) => putCounted(bytesOf(words.word('a string')), words, to),
  format: (bytes, at) => {
    const { inside, next } = counted(bytes, at);
    const plain = Buffer.from(inside).toString('latin1');
    return { text: /^[A-Za-z\d]+$/.test(plain) ? plain : quotedString(inside), next };
  },
};

/** One string to the end. */
export const text: Field = {
  parse: (words, to) => to.bytes(bytesOf(words.word('a text'))),
  format: (bytes, at) => ({ text: quotedString(bytes.subarray(at)), next: bytes.length }),
};

/** `-`, or hexadecimal (RFC 5155 section 3.3). */
export const salt: Field = {
  parse: (words, to) => {
    const word = words.word('a salt');
    putCounted(word === '-' ? new Uint8Array() : fromHex(word, words), words, to);
  },
  format: (bytes, at) => {
    const { inside, next } = counted(bytes, at);
    return { text: toHex(inside) || '-', next };
  },
};

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUV';

/** A hash in base32 with the extended hexadecimal alphabet, without padding (RFC 4648 section 7). */
export const base32: Field = {
  parse: (words, to) => {
    const word = words.word('a hash').toUpperCase();
    const bits = [...word].map((digit) => digits.indexOf(digit).toString(2).padStart(5, '0')).join('');
    if (!/^[01]+$/.test(bits)) words.wrong(`"${word}" is not base32`);
    const octets = bits.match(/.{8}/g) ?? [];
    putCounted(
      Uint8Array.from(octets, (octet) => Number.parseInt(octet, 2)),
      words,
      to,
    );
  },
  format: (bytes, at) => {
    const { inside, next } = counted(bytes, at);
    const bits = Array.from(inside, (byte) => byte.toString(2).padStart(8, '0')).join('');
    const groups = bits.match(/.{1,5}/g) ?? [];
    return { text: groups.map((group) => digits[Number.parseInt(group.padEnd(5, '0'), 2)]).join(''), next };
  },
};

/** The types that a name has, as windows of a bit map (RFC 4034 section 4.1.2). */
export const types: Field = {
  parse: (words, to) => {
    const windows = new Map<number, number[]>();
    const all = words.rest().map(({ text: word }) => typeOf(word, words));
    for (const one of [...new Set(all)].sort((a, b) => a - b)) {
      const octets = windows.get(one >> 8) ?? [];
      windows.set(one >> 8, octets);
      const octet = (one & 0xff) >> 3;
      while (octets.length <= octet) octets.push(0);
      octets[octet]! |= 0x80 >> (one & 7);
    }
    for (const [window, octets] of windows) to.u8(window).u8(octets.length).bytes(Uint8Array.from(octets));
  },
  format: (bytes, start) => {
    const found: string[] = [];
    let at = start;
    let last = -1;
    while (at < bytes.length) {
      if (bytes[at]! <= last) throw malformed('windows of types out of order');
      last = bytes[at]!;
      const { inside, next } = counted(bytes, at + 1);
      for (let bit = 0; bit < 8 * inside.length; bit++)
        if (inside[bit >> 3]! & (0x80 >> (bit & 7))) found.push(typeName((bytes[at]! << 8) | bit));
      at = next;
    }
    return { text: found.join(' '), next: bytes.length };
  },
};
