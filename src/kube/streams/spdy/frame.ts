/**
 * SPDY/3.1's frames, as far as Kubernetes' clients use them.
 *
 *   control:  1 | 15 bits version | 16 bits type | 8 bits flags | 24 bits length | that many bytes
 *   data:     0 | 31 bits stream  |                8 bits flags | 24 bits length | that many bytes
 *
 * Windows and settings are read and mean nothing: neither moby/spdystream, which clients use, nor this server limits
 * itself by them.
 */
import { HeaderDecoder, type HeaderEncoder, SpdyError, type SpdyHeaders } from './header-block.ts';

export type SpdyFrame =
  | { type: 'data'; streamId: number; fin: boolean; data: Buffer }
  | { type: 'syn-stream' | 'syn-reply' | 'headers'; streamId: number; fin: boolean; headers: SpdyHeaders }
  | { type: 'rst-stream'; streamId: number; status: number }
  | { type: 'ping'; id: number }
  | { type: 'goaway'; lastStreamId: number; status: number };

export const resetStatus = { protocolError: 1, refusedStream: 3, cancel: 5 } as const;

const version = 3;
const types = { 'syn-stream': 1, 'syn-reply': 2, 'rst-stream': 3, ping: 6, goaway: 7, headers: 8 } as const;
const ignored = { settings: 4, windowUpdate: 9 } as const;
/** Before the headers: a stream, and in SYN_STREAM its parent, priority and slot. */
const prefixBytes = { 'syn-stream': 10, 'syn-reply': 4, headers: 4 } as const;
const finFlag = 1;
/** Far more than clients' headers need. */
const maxControlBytes = 64 * 1024;
const maxDataBytes = 2 ** 24 - 1;

/** Data of more than 16 MiB must come in several frames. */
export function encodeFrame(frame: SpdyFrame, headers: HeaderEncoder): Buffer {
  if (frame.type === 'data')
    return Buffer.concat([head(frame.streamId, frame.fin, frame.data.length), frame.data]);
  const payload = controlPayload(frame, headers);
  const first = (0x8000_0000 | (version << 16) | types[frame.type]) >>> 0;
  return Buffer.concat([head(first, 'fin' in frame && frame.fin, payload.length), payload]);
}

function controlPayload(frame: Exclude<SpdyFrame, { type: 'data' }>, headers: HeaderEncoder): Buffer {
  switch (frame.type) {
    case 'ping':
      return numbers(frame.id);
    case 'rst-stream':
      return numbers(frame.streamId, frame.status);
    case 'goaway':
      return numbers(frame.lastStreamId, frame.status);
    default: {
      const prefix = Buffer.alloc(prefixBytes[frame.type]);
      prefix.writeUInt32BE(frame.streamId);
      return Buffer.concat([prefix, headers.encode(frame.headers)]);
    }
  }
}

function head(first: number, fin: boolean, length: number): Buffer {
  if (length > maxDataBytes) throw new SpdyError(`a frame of ${length} bytes`);
  return numbers(first, (fin ? finFlag << 24 : 0) + length);
}

function numbers(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i);
  return bytes;
}

/** A data frame that has not come whole. */
interface OpenData {
  streamId: number;
  fin: boolean;
  left: number;
}

/** Cuts a connection's bytes into frames. Data is passed on as it comes, a frame's `fin` with its last bytes. */
export class SpdyFrameReader {
  readonly #headers = new HeaderDecoder();
  #bytes: Buffer = Buffer.alloc(0);
  #data: OpenData | undefined;

  /** @throws SpdyError when the bytes are no frames; nothing can be read after it */
  *push(chunk: Buffer): Generator<SpdyFrame> {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    for (;;) {
      const frame = this.#data === undefined ? this.#next() : this.#nextData(this.#data);
      if (frame === undefined) return;
      if (frame !== 'nothing') yield frame;
    }
  }

  #next(): SpdyFrame | 'nothing' | undefined {
    const bytes = this.#bytes;
    if (bytes.length < 8) return undefined;
    const first = bytes.readUInt32BE();
    const flags = bytes[4]!;
    const length = bytes.readUIntBE(5, 3);
    if (first < 0x8000_0000) {
      if (first === 0) throw new SpdyError('data of stream 0');
      this.#bytes = bytes.subarray(8);
      this.#data = { streamId: first, fin: (flags & finFlag) !== 0, left: length };
      return length === 0 ? this.#nextData(this.#data) : 'nothing';
    }
    if (length > maxControlBytes) throw new SpdyError(`a control frame of ${length} bytes`);
    if (bytes.length < 8 + length) return undefined;
    this.#bytes = bytes.subarray(8 + length);
    if (((first >>> 16) & 0x7fff) !== version) throw new SpdyError('a frame of another version');
    return this.#control(first & 0xffff, flags, bytes.subarray(8, 8 + length));
  }

  #nextData(data: OpenData): SpdyFrame | undefined {
    const piece = this.#bytes.subarray(0, data.left);
    if (piece.length === 0 && data.left > 0) return undefined;
    this.#bytes = this.#bytes.subarray(piece.length);
    data.left -= piece.length;
    if (data.left === 0) this.#data = undefined;
    return { type: 'data', streamId: data.streamId, fin: data.fin && data.left === 0, data: piece };
  }

  #control(type: number, flags: number, payload: Buffer): SpdyFrame | 'nothing' {
    const fin = (flags & finFlag) !== 0;
    switch (type) {
      case types['syn-stream']:
        return { ...this.#withHeaders('syn-stream', payload), fin };
      case types['syn-reply']:
        return { ...this.#withHeaders('syn-reply', payload), fin };
      case types.headers:
        return { ...this.#withHeaders('headers', payload), fin };
      case types['rst-stream']:
        return { type: 'rst-stream', streamId: streamIdOf(payload), status: numberAt(payload, 4) };
      case types.ping:
        return { type: 'ping', id: numberAt(payload, 0) };
      case types.goaway:
        return { type: 'goaway', lastStreamId: numberAt(payload, 0), status: numberAt(payload, 4) };
      case ignored.settings:
      case ignored.windowUpdate:
        return 'nothing';
      default:
        throw new SpdyError(`a frame of type ${type}`);
    }
  }

  #withHeaders<T extends keyof typeof prefixBytes>(type: T, payload: Buffer) {
    const streamId = streamIdOf(payload);
    const start = prefixBytes[type];
    if (payload.length < start) throw new SpdyError('a frame ends early');
    return { type, streamId, headers: this.#headers.decode(payload.subarray(start)) };
  }
}

function streamIdOf(payload: Buffer): number {
  const id = numberAt(payload, 0) & 0x7fff_ffff;
  if (id === 0) throw new SpdyError('a frame of stream 0');
  return id;
}

function numberAt(payload: Buffer, offset: number): number {
  if (payload.length < offset + 4) throw new SpdyError('a frame ends early');
  return payload.readUInt32BE(offset);
}
