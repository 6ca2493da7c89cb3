/**
 * Headers as SPDY has them: a count, then names and values with their lengths, compressed as one zlib stream for each
 * direction of a connection, flushed to a byte after each block (SPDY/3.1, section 2.6.10).
 *
 * Node.js inflates synchronously only what is whole. A flushed block is, but for the 32 KiB before it that it may refer
 * to; so those are kept, and given as the dictionary. Blocks of our own are stored, not compressed: they are a few bytes.
 */
import { constants, deflateSync, inflateRawSync } from 'node:zlib';
import { TendrilError } from '../../../util/errors.ts';
import { headerDictionary } from './dictionary.ts';

/** Names are lower case. Several values of a name are joined by a NUL. */
export type SpdyHeaders = ReadonlyMap<string, string>;

export class SpdyError extends TendrilError {
  constructor(message: string) {
    super('BAD_INPUT', `SPDY: ${message}`);
  }
}

const windowBytes = 32 * 1024;
/** Far more than clients' headers need: what is inflated keeps everybody else waiting. */
const maxHeaderBytes = 32 * 1024;
const maxHeaders = 100;
/** Of the zlib stream, with the dictionary's checksum. */
const zlibHeader = deflateSync('', { dictionary: headerDictionary }).subarray(0, 6);
const usesDictionary = 0x20;

export class HeaderDecoder {
  #window: Buffer | undefined;

  /** The blocks of a connection, one after the other. @throws SpdyError */
  decode(block: Buffer): SpdyHeaders {
    const compressed = this.#window === undefined ? this.#begin(block) : block;
    const plain = inflate(compressed, this.#window!);
    this.#window = Buffer.concat([this.#window!, plain]).subarray(-windowBytes);
    return parse(plain);
  }

  #begin(block: Buffer): Buffer {
    if (block.length < 2 || (block[0]! & 0x0f) !== 8 || block.readUInt16BE() % 31 !== 0)
      throw new SpdyError('headers are no zlib stream');
    if ((block[1]! & usesDictionary) === 0) {
      this.#window = Buffer.alloc(0);
      return block.subarray(2);
    }
    if (!block.subarray(2, 6).equals(zlibHeader.subarray(2)))
      throw new SpdyError('headers of another dictionary');
    this.#window = headerDictionary;
    return block.subarray(6);
  }
}

function inflate(bytes: Buffer, window: Buffer): Buffer {
  try {
    return inflateRawSync(bytes, {
      ...(window.length > 0 ? { dictionary: window } : {}),
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: maxHeaderBytes,
    });
  } catch (error) {
    throw new SpdyError(`headers cannot be inflated: ${(error as Error).message}`);
  }
}

function parse(bytes: Buffer): SpdyHeaders {
  let at = 0;
  const number = () => {
    if (bytes.length - at < 4) throw new SpdyError('headers end early');
    at += 4;
    return bytes.readUInt32BE(at - 4);
  };
  const text = () => {
    const length = number();
    if (bytes.length - at < length) throw new SpdyError('headers end early');
    at += length;
    return bytes.toString('latin1', at - length, at);
  };
  const count = number();
  if (count > maxHeaders) throw new SpdyError(`${count} headers`);
  const headers = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const name = text();
    if (name === '' || name !== name.toLowerCase())
      throw new SpdyError(`a header named ${JSON.stringify(name)}`);
    if (headers.has(name)) throw new SpdyError(`two headers named ${name}`);
    headers.set(name, text());
  }
  if (at !== bytes.length) throw new SpdyError('bytes behind the headers');
  return headers;
}

export class HeaderEncoder {
  #begun = false;

  /** The blocks of a connection, one after the other. @throws SpdyError for more than fits into 64 KiB */
  encode(headers: SpdyHeaders): Buffer {
    const plain = format(headers);
    if (plain.length > 0xffff) throw new SpdyError('too many headers');
    const begin = this.#begun ? [] : [zlibHeader];
    this.#begun = true;
    // The empty one is a flush: Go's reader gives out no byte before it.
    return Buffer.concat([...begin, stored(plain.length), plain, stored(0)]);
  }
}

/** The head of a block that is not compressed (RFC 1951, section 3.2.4). */
function stored(length: number): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt16LE(length, 1);
  head.writeUInt16LE(~length & 0xffff, 3);
  return head;
}

function format(headers: SpdyHeaders): Buffer {
  const number = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const texts = [...headers].flat().map((text) => Buffer.from(text, 'latin1'));
  return Buffer.concat([number(headers.size), ...texts.flatMap((text) => [number(text.length), text])]);
}

/** The first value of a header, or an empty one. */
export function firstValue(headers: SpdyHeaders, name: string): string {
  return headers.get(name)?.split('\0')[0] ?? '';
}
