import { constants, createDeflate, inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import fc from '../../../util/testing/properties.ts';
import { headerDictionary } from './dictionary.ts';
import { firstValue, HeaderDecoder, HeaderEncoder, SpdyError } from './header-block.ts';

const name = fc.stringMatching(/^[a-z-]{1,20}$/);
const value = fc.stringMatching(/^[ -~]{0,60}$/);
const headers = fc.dictionary(name, value, { maxKeys: 8 }).map((object) => new Map(Object.entries(object)));

/** zlib itself, flushed after each block as SPDY has it. */
async function compressed(blocks: Buffer[], options: object): Promise<Buffer[]> {
  const deflate = createDeflate(options);
  const result: Buffer[] = [];
  for (const block of blocks) {
    deflate.write(block);
    await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve));
    result.push(deflate.read());
  }
  return result;
}

/** What the encoder stores, without zlib's head and the blocks' lengths. */
function plainBlock(map: Map<string, string>): Buffer {
  const encoder = new HeaderEncoder();
  encoder.encode(new Map());
  return encoder.encode(map).subarray(5, -5);
}

test('the dictionary is the one of the specification', () => {
  const [head] = [new HeaderEncoder().encode(new Map())];
  expect(headerDictionary.length).toBe(1423);
  expect(head.subarray(2, 6).toString('hex')).toBe('e3c6a7c2');
});

describe('headers', () => {
  test('survive the way, block after block', () => {
    fc.assert(
      fc.property(fc.array(headers, { maxLength: 6 }), (blocks) => {
        const [encoder, decoder] = [new HeaderEncoder(), new HeaderDecoder()];
        for (const block of blocks) expect(decoder.decode(encoder.encode(block))).toEqual(block);
      }),
    );
  });

  test.each([
    ['with the dictionary', { dictionary: headerDictionary }],
    ['without it', {}],
    ['hardly', { dictionary: headerDictionary, level: 0 }],
  ])('that zlib has compressed %s are read', async (_, options) => {
    const wanted = Array.from({ length: 40 }, (_, i) => new Map([['streamtype', 'data'], ['port', String(i)], ['filler', 'x'.repeat(i * 100)]])); // biome-ignore format: one line
    const decoder = new HeaderDecoder();
    const blocks = await compressed(wanted.map(plainBlock), options);
    expect(blocks.map((block) => decoder.decode(block))).toEqual(wanted);
  });

  test('are read by zlib', () => {
    const encoder = new HeaderEncoder();
    const wanted = new Map([['a', 'b']]);
    const blocks = Buffer.concat([encoder.encode(wanted), encoder.encode(wanted)]);
    const options = { dictionary: headerDictionary, finishFlush: constants.Z_SYNC_FLUSH };
    expect(inflateSync(blocks, options)).toEqual(Buffer.concat([plainBlock(wanted), plainBlock(wanted)]));
  });

  test('of several values have a first', () => {
    expect(firstValue(new Map([['a', 'x\0y']]), 'a')).toBe('x');
    expect(firstValue(new Map(), 'a')).toBe('');
  });
});

describe('what is no block of headers', () => {
  const stored = (bytes: Buffer) => {
    const head = Buffer.from([0, bytes.length & 255, bytes.length >> 8, ~bytes.length & 255, (~bytes.length >> 8) & 255]); // biome-ignore format: one line
    return Buffer.concat([Buffer.from([0x78, 0x01]), head, bytes]);
  };
  const bytes = (...parts: (number | string)[]) =>
    Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.of(0, 0, 0, part)))); // biome-ignore format: one line

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['no zlib', Buffer.from('hello, world')],
    ['another dictionary', Buffer.from('78bb00000001', 'hex')],
    ['a count alone', stored(bytes(1))],
    ['no value', stored(bytes(1, 1, 'a'))],
    ['capitals', stored(bytes(1, 1, 'A', 1, 'b'))],
    ['no name', stored(bytes(1, 0, 1, 'b'))],
    ['a name twice', stored(bytes(2, 1, 'a', 1, 'b', 1, 'a', 1, 'c'))],
    ['more behind it', stored(bytes(0, 0))],
    ['too many', stored(Buffer.from('ffffffff', 'hex'))],
  ])('is refused: %s', (_, block) => {
    expect(() => new HeaderDecoder().decode(block)).toThrow(SpdyError);
  });

  test('is refused: a bomb', async () => {
    const [bomb] = await compressed([Buffer.alloc(64 << 20)], { dictionary: headerDictionary });
    expect(() => new HeaderDecoder().decode(bomb!)).toThrow(SpdyError);
  });
});
