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

function bytesOf(value: string | Uint8Array): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value) : value;
}

/** @throws TendrilError INTERNAL for a key that is empty or holds `=` */
export function encodeFrame(fields: Field[]): Buffer {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (const [key, value] of fields) {
    if (key === '' || key.includes('=')) throw new TendrilError('INTERNAL', `no field can be named "${key}"`);
    const name = Buffer.from(`${key}=`);
    const bytes = bytesOf(value);
    const header = Buffer.alloc(4);
    header.writeUInt32BE(name.length + bytes.length);
    parts.push(header, name, bytes, Buffer.alloc(1));
    length += 5 + name.length + bytes.length;
  }
  const header = Buffer.alloc(4);
  header.writeUInt32BE(length);
  return Buffer.concat([header, ...parts]);
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
