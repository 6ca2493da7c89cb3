/**
 * The launcher's frames (native/launcher/protocol.h):
 *
 *   frame:  u32 length, big endian | that many bytes of fields
 *   field:  u32 length, big endian | that many bytes `key=value` | a NUL byte (not counted)
 *
 * Keys may repeat and keep their order; values may hold any byte.
 */
import { TendrilError } from '../../util/errors.ts';

export type Field = readonly [key: string, value: string | Uint8Array];

export interface Frame {
  fields: (readonly [key: string, value: Buffer])[];
}

const frameMax = 8 << 20;

/** @throws TendrilError INTERNAL for a key that is empty or holds `=` */
export function encodeFrame(fields: Field[]): Buffer {
  const lengths = fields.map(lengthOf);
  const frame = Buffer.allocUnsafe(4 + lengths.reduce((sum, length) => sum + 5 + length, 0));
  let at = frame.writeUInt32BE(frame.length - 4);
  for (const [i, [key, value]] of fields.entries()) {
    at = frame.writeUInt32BE(lengths[i]!, at);
    if (typeof value === 'string') {
      at += frame.write(`${key}=${value}`, at);
    } else {
      at += frame.write(`${key}=`, at);
      frame.set(value, at);
      at += value.length;
    }
    at = frame.writeUInt8(0, at);
  }
  return frame;
}

function lengthOf([key, value]: Field): number {
  if (key === '' || key.includes('=')) throw new TendrilError('INTERNAL', `no field can be named "${key}"`);
  return Buffer.byteLength(key) + 1 + (typeof value === 'string' ? Buffer.byteLength(value) : value.length);
}

/** @throws TendrilError INTERNAL when the bytes are no fields */
export function decodeFields(bytes: Buffer): Frame {
  const fields: Frame['fields'] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.length - at < 5 ? -1 : bytes.readUInt32BE(at);
    const end = at + 4 + length;
    const equals = bytes.indexOf(0x3d, at + 4);
    if (length < 0 || end >= bytes.length || bytes[end] !== 0 || equals < 0 || equals >= end) {
      throw new TendrilError('INTERNAL', 'the launcher sent a malformed frame');
    }
    fields.push([bytes.toString('utf8', at + 4, equals), bytes.subarray(equals + 1, end)]);
    at = end + 1;
  }
  return { fields };
}

/** The first value of a key as text. */
export function textOf(frame: Frame, key: string): string | undefined {
  return frame.fields.find(([name]) => name === key)?.[1].toString();
}

/** Every value of a key as text. */
export function textsOf(frame: Frame, key: string): string[] {
  return frame.fields.filter(([name]) => name === key).map(([, value]) => value.toString());
}

/** Cuts a stream into frames. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #length = 0;

  /** @throws TendrilError INTERNAL when the bytes are no frames */
  *push(chunk: Buffer): Generator<Frame> {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    while (this.#length >= 4) {
      const bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
      this.#chunks = [bytes];
      const length = bytes.readUInt32BE(0);
      if (length > frameMax)
        throw new TendrilError('INTERNAL', `the launcher sent a frame of ${length} bytes`);
      if (bytes.length < 4 + length) return;
      const rest = bytes.subarray(4 + length);
      this.#chunks = rest.length > 0 ? [rest] : [];
      this.#length = rest.length;
      yield decodeFields(bytes.subarray(4, 4 + length));
    }
  }
}
