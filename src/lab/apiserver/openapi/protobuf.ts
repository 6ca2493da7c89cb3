/** The wire format of protocol buffers, as far as messages of strings, booleans and messages need it. */

/** A field's bytes; the parts of a message in any order. */
export type Encoded = Buffer;

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

function lengthDelimited(field: number, content: Buffer): Encoded {
  return Buffer.concat([varint((field << 3) | 2), varint(content.length), content]);
}

/** Empty for undefined: absent fields take no bytes. */
export function text(field: number, value: string | undefined): Encoded {
  return value === undefined ? Buffer.alloc(0) : lengthDelimited(field, Buffer.from(value));
}

export function texts(field: number, values: readonly string[] | undefined): Encoded {
  return Buffer.concat((values ?? []).map((v) => text(field, v)));
}

export function flag(field: number, value: boolean | undefined): Encoded {
  return value === true ? Buffer.concat([varint(field << 3), varint(1)]) : Buffer.alloc(0);
}

/** A message within a message; also where it is empty. */
export function message(field: number, ...parts: Encoded[]): Encoded {
  return lengthDelimited(field, Buffer.concat(parts));
}
