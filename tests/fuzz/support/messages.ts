/** Messages of protobuf that are nearly what a kind's are, made of what a fuzzer chooses. */
import type { Field, MessageType, Scalar } from '../../../src/lab/apiserver/protobuf/message-types.ts';

const maxDepth = 8;

/** Bytes that are chosen from, one after the other; zeros when they are used up. */
export class Choices {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Less than `count`. */
  below(count: number): number {
    return (this.#bytes[this.#at++] ?? 0) % count;
  }

  one<T>(...of: T[]): T {
    return of[this.below(of.length)]!;
  }
}

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

const tag = (number: number, wireType: number) => varint(number * 8 + wireType);

export function lengthDelimited(number: number, content: Buffer, claimed = content.length): Buffer {
  return Buffer.concat([tag(number, 2), varint(claimed), content]);
}

const texts = ['', 'a', 'web', '日本', '10', '1Gi', '{"a":1}', '__proto__', 'constructor', '\u0000'];
const numbers = [0, 1, 2, -1, 443, 2 ** 31, 2 ** 32 + 5, -(2 ** 53), 253402300799];

function content(choices: Choices, scalar: Scalar): Buffer {
  const text = Buffer.from(choices.one(...texts));
  switch (scalar) {
    case 's':
      return choices.below(10) === 0 ? Buffer.from([0xff, 0xc0]) : text;
    case 't':
    case 'u':
      return Buffer.concat([1, 2].flatMap((n) => [tag(n, 0), varint(choices.one(...numbers))]));
    case 'x':
      return Buffer.concat([
        tag(1, 0),
        varint(choices.below(3)),
        tag(2, 0),
        varint(5),
        lengthDelimited(3, text),
      ]);
    default:
      return lengthDelimited(1, text);
  }
}

function value(choices: Choices, { number, scalar, message }: Field, depth: number): Buffer {
  if (choices.below(40) === 0) return Buffer.concat([tag(number, choices.below(8)), varint(7)]);
  if (scalar === 'b' || scalar === 'i' || scalar === 'l')
    return Buffer.concat([tag(number, 0), varint(choices.one(...numbers))]);
  if (scalar === 'f') return Buffer.concat([tag(number, 1), Buffer.alloc(8, choices.below(256))]);
  const inner = scalar === undefined ? nearly(choices, message!, depth + 1) : content(choices, scalar);
  const claimed = choices.below(60) === 0 ? choices.one(0, inner.length + 1, 2 ** 31, -1) : inner.length;
  return lengthDelimited(number, inner, claimed);
}

function entry(choices: Choices, field: Field, depth: number): Buffer {
  const key = lengthDelimited(1, Buffer.from(choices.one(...texts)));
  const parts = [key, value(choices, { ...field, number: 2 }, depth)];
  return lengthDelimited(field.number, Buffer.concat(choices.below(4) === 0 ? parts.reverse() : parts));
}

/** Some of its fields, in any order, perhaps more than once; now and then one that it has not, or a length that is wrong. */
export function nearly(choices: Choices, type: MessageType, depth = 0): Buffer {
  if (type.fields.length === 0 || depth > maxDepth) return Buffer.alloc(0);
  const parts = Array.from({ length: choices.below(5) }, () => {
    if (choices.below(20) === 0) return lengthDelimited(1000, Buffer.from('x'));
    const field = choices.one(...type.fields);
    return field.holds === 'map' ? entry(choices, field, depth) : value(choices, field, depth);
  });
  return Buffer.concat(parts);
}
