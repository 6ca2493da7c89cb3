/** Protobuf's wire format, read as the code that gogo generates reads it. */

/** The bytes are not what they are said to be. */
export class MalformedError extends Error {}

export const wire = { varint: 0, fixed64: 1, bytes: 2, startGroup: 3, endGroup: 4, fixed32: 5 } as const;

const end = 'unexpected EOF';
const highUnit = 2 ** 32;

/** Reads forward over a part of some bytes. Every method throws MalformedError. */
export class WireReader {
  readonly bytes: Buffer;
  readonly end: number;
  position: number;
  /** Of the field read last. */
  number = 0;
  wireType = 0;
  #low = 0;
  #high = 0;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  /** Goes on to the next field; false at the end. */
  nextField(): boolean {
    if (this.position >= this.end) return false;
    this.#varint();
    this.wireType = this.#low & 7;
    this.number = ((this.#low >>> 3) | (this.#high << 29)) >>> 0;
    if (this.wireType === wire.endGroup) throw new MalformedError('proto: wiretype end group for non-group');
    if (this.number === 0 || this.number > 0x7fffffff)
      throw new MalformedError(`proto: illegal tag ${this.number | 0} (wire type ${this.wireType})`);
    return true;
  }

  expect(wireType: number, what: string): void {
    if (this.wireType === wireType) return;
    throw new MalformedError(`proto: wrong wireType = ${this.wireType} for field ${what}`);
  }

  int32(): number {
    this.#varint();
    return this.#low | 0;
  }

  /** Beyond 2^53 it is as near as a number comes, as in JSON. */
  int64(): number {
    this.#varint();
    return (this.#high | 0) * highUnit + this.#low;
  }

  boolean(): boolean {
    this.#varint();
    return (this.#low | this.#high) !== 0;
  }

  double(): number {
    this.#skipBytes(8);
    return this.bytes.readDoubleLE(this.position - 8);
  }

  /** Of what follows; goes on behind it. */
  part(): WireReader {
    const length = this.length();
    return new WireReader(this.bytes, this.position - length, this.position);
  }

  /** UTF-8; what is not is replaced. */
  string(): string {
    const length = this.length();
    return this.bytes.toString('utf8', this.position - length, this.position);
  }

  /** Goes behind something that tells its length, and says that. */
  length(): number {
    this.#varint();
    if (this.#high !== 0 || this.#low > 0x7fffffff)
      throw new MalformedError('proto: negative length found during unmarshaling');
    const length = this.#low;
    this.#skipBytes(length);
    return length;
  }

  /** Goes behind the value of a field that nobody knows; groups may hold groups. */
  skip(): void {
    let depth = 0;
    do {
      if (this.wireType === wire.startGroup) depth++;
      else if (this.wireType === wire.endGroup) depth--;
      else this.#skipValue();
      if (depth === 0) return;
      this.#varint();
      this.wireType = this.#low & 7;
    } while (depth > 0);
  }

  #skipValue(): void {
    if (this.wireType === wire.varint) this.#varint();
    else if (this.wireType === wire.fixed64) this.#skipBytes(8);
    else if (this.wireType === wire.bytes) this.length();
    else if (this.wireType === wire.fixed32) this.#skipBytes(4);
    else throw new MalformedError(`proto: illegal wireType ${this.wireType}`);
  }

  #skipBytes(count: number): void {
    if (this.position + count > this.end) throw new MalformedError(end);
    this.position += count;
  }

  /** Its low and high half, each unsigned. */
  #varint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.position >= this.end) throw new MalformedError(end);
      const byte = this.bytes[this.position++]!;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        return;
      }
    }
    throw new MalformedError('proto: integer overflow');
  }
}
