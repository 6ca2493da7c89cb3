import { describe, expect, test } from 'vitest';
import fc from '../../util/testing/properties.ts';
import { decodeText } from './text.ts';

const manifest = 'kind: Pod\n# größe\n';

describe('the text of a manifest', () => {
  test('is UTF-8, with a byte order mark or without', () => {
    expect(decodeText(Buffer.from(manifest), 'a.yaml')).toBe(manifest);
    expect(decodeText(Buffer.from(`\ufeff${manifest}`), 'a.yaml')).toBe(manifest);
    expect(decodeText(Buffer.of(), 'a.yaml')).toBe('');
  });

  test('any text comes out as it went in', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        fc.pre(!text.includes('\0') && !text.startsWith('\ufeff'));
        expect(decodeText(Buffer.from(text), 'a')).toBe(text);
      }),
    );
  });

  const utf16 = Buffer.from(manifest, 'utf16le');
  test.each([
    ['UTF-16 with its mark', Buffer.concat([Buffer.of(0xff, 0xfe), utf16]), 'a.yaml:1: this is UTF-16'],
    [
      'UTF-16, big endian',
      Buffer.concat([Buffer.of(0xfe, 0xff), utf16.swap16()]),
      'a.yaml:1: this is UTF-16',
    ],
    ['UTF-16 without a mark', Buffer.from(manifest, 'utf16le'), 'a.yaml:1: this is UTF-16'],
    ['Latin-1', Buffer.from(manifest, 'latin1'), 'a.yaml:2: this line is not UTF-8'],
    ['a cut character at the end', Buffer.from('a: ü').subarray(0, -1), 'a.yaml:1: this line is not UTF-8'],
  ])('%s is refused with its place', (_, bytes, says) => {
    expect(() => decodeText(bytes, 'a.yaml')).toThrow(
      expect.objectContaining({
        code: 'BAD_MANIFEST',
        message: expect.stringContaining(says),
        remedy: expect.stringContaining('-t UTF-8 a.yaml > FILE'),
      }),
    );
  });
});
