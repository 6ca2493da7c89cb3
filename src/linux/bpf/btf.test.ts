import { describe, expect, it } from 'vitest';
import { decodeBtf } from './btf.ts';

/** BTF by hand (Documentation/bpf/btf.rst): a type is three words and what its kind adds. */
class BtfWriter {
  readonly #types: number[][] = [];
  #strings = '\0';

  name(text: string): number {
    this.#strings += `${text}\0`;
    return this.#strings.length - text.length - 1;
  }

  /** @returns the type's number */
  add(name: string, kind: number, sizeOrType: number, rest: number[] = [], members = 0): number {
    this.#types.push([name === '' ? 0 : this.name(name), (kind << 24) | members, sizeOrType, ...rest]);
    return this.#types.length;
  }

  bytes(): Buffer {
    const types = Buffer.from(Uint32Array.from(this.#types.flat()).buffer);
    const header = Buffer.alloc(24);
    header.writeUInt16LE(0xeb9f, 0);
    header[2] = 1;
    header.writeUInt32LE(24, 4);
    header.writeUInt32LE(types.length, 12);
    header.writeUInt32LE(types.length, 16);
    header.writeUInt32LE(this.#strings.length, 20);
    return Buffer.concat([header, types, Buffer.from(this.#strings)]);
  }
}

function example(): Buffer {
  const btf = new BtfWriter();
  const u8 = btf.add('__u8', 1, 1, [8]);
  const short = btf.add('unsigned short', 1, 2, [16]);
  const be16 = btf.add('__be16', 8, short);
  const array = btf.add('', 3, 0, [u8, u8, 6]);
  const members = [btf.name('port'), be16, 0, btf.name('mac'), array, 16];
  btf.add('thing', 4, 8, members, 2);
  btf.add('colour', 6, 4, [btf.name('RED'), 1, btf.name('BLUE'), 4], 2);
  const variable = btf.add('verbose', 14, u8, [1]);
  btf.add('.rodata', 15, 8, [variable, 4, 1], 1);
  return btf.bytes();
}

describe('BTF', () => {
  it('tells fields with offset, size and outermost type name, arrays by their element', () => {
    expect(decodeBtf(example()).struct('thing')).toEqual({
      name: 'thing',
      size: 8,
      fields: [
        { name: 'port', offset: 0, size: 2, type: '__be16' },
        { name: 'mac', offset: 2, size: 6, type: '__u8', elements: 6 },
      ],
    });
  });

  it('tells enumerations and the variables of a section', () => {
    const btf = decodeBtf(example());
    expect(btf.enums()).toEqual([{ name: 'colour', values: { RED: 1, BLUE: 4 } }]);
    expect(btf.section('.rodata')).toEqual([{ name: 'verbose', offset: 4, size: 1 }]);
    expect(btf.section('.data')).toEqual([]);
  });

  it('refuses other bytes and names a structure that is missing', () => {
    expect(() => decodeBtf(Buffer.alloc(24))).toThrow('magic');
    expect(() => decodeBtf(example()).struct('nothing')).toThrow('nothing');
  });
});
