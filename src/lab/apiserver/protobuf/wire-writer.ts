/**
 * Protobuf's wire format, written from the end to the beginning, as the code that gogo generates writes it: the length
 * of a message is known once the message is there.
 */
import { wire } from './wire-reader.ts';

const highUnit = 2 ** 32;
/** Shorter texts are copied letter by letter, longer ones by the runtime. */
const shortText = 48;

export class WireWriter {
  #bytes = Buffer.allocUnsafeSlow(64 * 1024);
  #start = this.#bytes.length;

  /** How much has been written: what is written before has its length as the difference of two of these. */
  get length(): number {
    return this.#bytes.length - this.#start;
  }

  /** A copy of all; the writer is as new then. */
  take(): Buffer {
    const copy = Buffer.from(this.#bytes.subarray(this.#start));
    this.#start = this.#bytes.length;
    return copy;
  }

  tag(number: number, wireType: number): void {
    this.varint(number * 8 + wireType);
  }

  /** Closes what began at a length: says how much it is, and of which field. */
  close(number: number, from: number): void {
    this.varint(this.length - from);
    this.tag(number, wire.bytes);
  }

  /** Of a whole number; negative ones take ten bytes. */
  varint(value: number): void {
    if (value >= 0 && value < 0x80) {
      this.#reserve(1);
      this.#bytes[--this.#start] = value;
      return;
    }
    this.#reserve(10);
    const groups = value < 0 || value >= highUnit ? this.#groupsOf(value) : groupsOf32(value);
    for (let i = groups.length - 1; i >= 0; i--)
      this.#bytes[--this.#start] = i === groups.length - 1 ? groups[i]! : groups[i]! | 0x80;
  }

  #groupsOf(value: number): number[] {
    let rest = BigInt.asUintN(64, BigInt(value));
    const groups: number[] = [];
    for (; rest > 0n; rest >>= 7n) groups.push(Number(rest & 0x7fn));
    return groups;
  }

  double(value: number): void {
    this.#reserve(8);
    this.#start -= 8;
    this.#bytes.writeDoubleLE(value, this.#start);
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#start -= value.length;
    this.#bytes.set(value, this.#start);
  }

  /** UTF-8, without its length. */
  text(value: string): void {
    if (value.length <= shortText && this.#ascii(value)) return;
    const length = Buffer.byteLength(value);
    this.#reserve(length);
    this.#start -= length;
    this.#bytes.write(value, this.#start, length);
  }

  /** False, and nothing written, for a text with other letters. */
  #ascii(value: string): boolean {
    this.#reserve(value.length);
    const start = this.#start - value.length;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      this.#bytes[start + i] = code;
    }
    this.#start = start;
    return true;
  }

  #reserve(count: number): void {
    if (this.#start >= count) return;
    const written = this.length;
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, written + count));
    this.#bytes.copy(grown, grown.length - written, this.#start);
    this.#start = grown.length - written;
    this.#bytes = grown;
  }
}

function groupsOf32(value: number): number[] {
  const groups: number[] = [];
  for (let rest = value; rest > 0; rest >>>= 7) groups.push(rest & 0x7f);
  return groups;
}
