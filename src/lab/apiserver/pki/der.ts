/** ASN.1 in its DER encoding (X.690), as far as certificates need it. */

const classes = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
};

function lengthOf(count: number): Buffer {
  if (count < 0x80) return Buffer.of(count);
  const bytes: number[] = [];
  for (let rest = count; rest > 0; rest >>= 8) bytes.unshift(rest & 0xff);
  return Buffer.of(0x80 | bytes.length, ...bytes);
}

/** A value of any tag. */
export function tagged(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(tag), lengthOf(content.length), content]);
}

export const sequence = (...parts: Uint8Array[]): Buffer => tagged(classes.sequence, ...parts);
export const set = (...parts: Uint8Array[]): Buffer => tagged(classes.set, ...parts);
export const octetString = (content: Uint8Array): Buffer => tagged(classes.octetString, content);
export const utf8 = (text: string): Buffer => tagged(classes.utf8, Buffer.from(text));
export const boolean = (value: boolean): Buffer => tagged(0x01, Buffer.of(value ? 0xff : 0));

/** A positive integer from its big-endian bytes. */
export function integer(bytes: Uint8Array): Buffer {
  const signed = (bytes[0] ?? 0) & 0x80;
  return tagged(classes.integer, signed ? Buffer.of(0) : Buffer.alloc(0), bytes);
}

/** Bits; the last `unused` of them do not count. */
export const bitString = (content: Uint8Array, unused = 0): Buffer =>
  tagged(classes.bitString, Buffer.of(unused), content);

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return tagged(classes.oid, Buffer.from(bytes));
}

/** GeneralizedTime, in seconds. */
export function time(at: Date): Buffer {
  return tagged(classes.time, Buffer.from(`${at.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`));
}

export function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
