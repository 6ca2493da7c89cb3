/** The words that records' texts are made of: numbers, names, strings with their escapes (RFC 1035 section 5.1). */
import { TendrilError } from '../../util/errors.ts';
import { labelsOf } from './name.ts';

/** A word of a record. */
export interface Word {
  text: string;
  quoted: boolean;
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

/** What reads a record's words in their order. */
export class Words {
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

  /** @throws BAD_INPUT saying so of the whole record */
  wrong(problem: string): never {
    return fail(this.#text, problem);
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

/** Words, strings in quotes being one; escapes stay as they are, since a name's dots may be escaped. */
export function wordsOf(text: string): Word[] {
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
export function bytesOf(text: string): Uint8Array {
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

export function quotedString(bytes: Uint8Array): string {
  const characters = Array.from(bytes, (byte) => {
    if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
    return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${byte.toString().padStart(3, '0')}`;
  });
  return `"${characters.join('')}"`;
}

const isAbsolute = (name: string): boolean => /(^|[^\\])(\\\\)*\.$/.test(name);
/** With its final dot; what would mean something else in a zone file is escaped. */
export function dotted(name: string): string {
  if (name === '') return '.';
  const safe = name.replaceAll(/\\[\s\S]|[;"()@$]/g, (one) => (one.length > 1 ? one : `\\${one}`));
  return isAbsolute(safe) ? safe : `${safe}.`;
}

export function wrong(text: string, problem: string): TendrilError {
  return new TendrilError('BAD_INPUT', `the record "${text.trim()}" cannot be read: ${problem}`);
}

export function fail(text: string, problem: string): never {
  throw wrong(text, problem);
}
