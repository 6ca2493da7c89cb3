/**
 * Texts of types whose data the codec keeps as bytes: DNSSEC's (RFC 4034, RFC 5155) and others that zone files hold.
 * Each type is the list of its fields, which both ways go by.
 */
import { malformed } from './name.ts';
import type { Words } from './record-words.ts';
import {
  base32,
  base64,
  type Field,
  hex,
  name,
  number,
  salt,
  string,
  text,
  time,
  type,
  types,
} from './wire-fields.ts';
import { parameters } from './wire-parameters.ts';
import { Writer } from './writer.ts';

const [u8, u16, u32] = [number(1), number(2), number(4)];
const ds = [u16, u8, u8, hex];
const dnskey = [u16, u8, u8, base64];
const tlsa = [u8, u8, u8, hex];
const svcb = [u16, name, parameters];

const fields: Readonly<Record<number, readonly Field[]>> = {
  /** HINFO. */
  13: [string, string],
  /** RP (RFC 1183). */
  17: [name, name],
  /** AFSDB. */
  18: [u16, name],
  /** NAPTR (RFC 3403). */
  35: [u16, u16, string, string, string, name],
  /** KX (RFC 2230). */
  36: [u16, name],
  /** DNAME (RFC 6672). */
  39: [name],
  /** DS. */
  43: ds,
  /** SSHFP (RFC 4255). */
  44: [u8, u8, hex],
  /** RRSIG. */
  46: [type, u8, u8, u32, time, time, u16, name, base64],
  /** NSEC. */
  47: [name, types],
  /** DNSKEY. */
  48: dnskey,
  /** NSEC3. */
  50: [u8, u8, u16, salt, base32, types],
  /** NSEC3PARAM. */
  51: [u8, u8, u16, salt],
  /** TLSA (RFC 6698). */
  52: tlsa,
  /** SMIMEA (RFC 8162). */
  53: tlsa,
  /** CDS, CDNSKEY (RFC 7344). */
  59: ds,
  60: dnskey,
  /** OPENPGPKEY (RFC 7929). */
  61: [base64],
  /** CSYNC (RFC 7477). */
  62: [u32, u16, types],
  /** ZONEMD (RFC 8976). */
  63: [u32, u8, u8, hex],
  /** SVCB, HTTPS (RFC 9460). */
  64: svcb,
  65: svcb,
  /** URI (RFC 7553). */
  256: [u16, u16, text],
  /** CAA (RFC 8659). */
  257: [u8, string, text],
};

/** The data that the words say; undefined for a type without a text of its own. @throws BAD_INPUT */
export function parseWireData(type: number, words: Words): Uint8Array | undefined {
  const list = fields[type];
  if (list === undefined) return undefined;
  const to = new Writer();
  for (const field of list) field.parse(words, to);
  return Uint8Array.from(to.finish());
}

/** The text of data; undefined for a type without one, and for data that is not of the type's form. */
export function wireText(type: number, bytes: Uint8Array): string | undefined {
  const list = fields[type];
  if (list === undefined) return undefined;
  try {
    const texts: string[] = [];
    let at = 0;
    for (const field of list) {
      const { text: word, next } = field.format(bytes, at);
      if (next > bytes.length) throw malformed('a field runs past the end');
      if (word !== '') texts.push(word);
      at = next;
    }
    return at === bytes.length ? texts.join(' ') : undefined;
  } catch {
    return undefined;
  }
}
