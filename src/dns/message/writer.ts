/** Writes a DNS message: big-endian numbers, and names compressed against what is written already. */
import { maxLabelBytes, maxNameBytes } from './constants.ts';
import { labelsOf, malformed } from './name.ts';

/** A compression pointer has 14 bits. */
const maxPointer = 0x3fff;
/** Names whose characters are their bytes: nearly all. */
const plainName = /^[!-[\]-~]*$/;

export class Writer {
  #buffer = Buffer.allocUnsafe(512);
  #length = 0;
  /** Offset of each suffix written so far, by its text. */
  readonly #suffixes = new Map<string, number>();

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#length = this.#buffer.writeUInt8(value, this.#length);
    return this;
  }

  u16(value: number): this {
    this.#reserve(2);
    this.#length = this.#buffer.writeUInt16BE(value, this.#length);
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#length = this.#buffer.writeUInt32BE(value, this.#length);
    return this;
  }

  bytes(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** A name, compressed where a suffix of it stands earlier in the message. Letter by letter the same: case is kept (RFC 4343). */
  name(name: string): this {
    if (!plainName.test(name)) return this.#escapedName(name);
    const end = name.endsWith('.') ? name.length - 1 : name.length;
    if (end + 2 > maxNameBytes || name.endsWith('..')) throw malformed(`"${name}" is no domain name`);
    for (let start = 0; start < end; ) {
      const suffix = name.slice(start, end);
      const offset = this.#suffixes.get(suffix);
      if (offset !== undefined) return this.u16(0xc000 | offset);
      if (this.#length <= maxPointer) this.#suffixes.set(suffix, this.#length);
      const dot = name.indexOf('.', start);
      const stop = dot === -1 ? end : dot;
      const size = stop - start;
      if (size === 0 || size > maxLabelBytes) throw malformed(`"${name}" is no domain name`);
      this.#reserve(1 + size);
      this.#buffer[this.#length] = size;
      this.#buffer.write(name.slice(start, stop), this.#length + 1, 'latin1');
      this.#length += 1 + size;
      start = stop + 1;
    }
    return this.u8(0);
  }

  /** From now on names in lower case that end as this one, written at `offset`, take its case with its place. */
  lendCase(name: string, offset: number): void {
    const end = name.endsWith('.') ? name.length - 1 : name.length;
    if (!plainName.test(name)) return;
    for (let start = 0; start < end; ) {
      const suffix = name.slice(start, end).toLowerCase();
      if (!this.#suffixes.has(suffix)) this.#suffixes.set(suffix, offset + start);
      const dot = name.indexOf('.', start);
      start = (dot === -1 ? end : dot) + 1;
    }
  }

  #escapedName(name: string): this {
    const labels = labelsOf(name);
    // `latin1` keeps one character per byte.
    const keys = labels.map((label) =>
      Buffer.from(label).toString('latin1').replaceAll('\\', '\\\\').replaceAll('.', '\\.'),
    );
    for (let i = 0; i < labels.length; i++) {
      const suffix = keys.slice(i).join('.');
      const offset = this.#suffixes.get(suffix);
      if (offset !== undefined) return this.u16(0xc000 | offset);
      if (this.#length <= maxPointer) this.#suffixes.set(suffix, this.#length);
      this.u8(labels[i]!.length).bytes(labels[i]!);
    }
    return this.u8(0);
  }

  /** A name that may not be compressed. */
  plainName(name: string): this {
    for (const label of labelsOf(name)) this.u8(label.length).bytes(label);
    return this.u8(0);
  }

  /** Writes a 16-bit length, then what `body` writes, which the length counts. */
  lengthPrefixed(body: () => void): this {
    const at = this.#length;
    this.u16(0);
    body();
    this.#buffer.writeUInt16BE(this.#length - at - 2, at);
    return this;
  }

  /** Forgets everything behind `length`, as if it had never been written. */
  truncate(length: number): void {
    this.#length = length;
    for (const [suffix, offset] of this.#suffixes) if (offset >= length) this.#suffixes.delete(suffix);
  }

  patchU16(offset: number, value: number): void {
    this.#buffer.writeUInt16BE(value, offset);
  }

  /** The message so far; a view that the next write may invalidate. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}
