import { expect, test } from 'vitest';
import fc from '../../util/testing/properties.ts';
import { decodeFields, encodeFrame, type Field, FrameReader, textOf, textsOf } from './frame.ts';

const key = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !text.includes('='));
const fields = fc.array(fc.tuple(key, fc.uint8Array({ maxLength: 40 })), { maxLength: 8 });

const plain = (frames: { fields: (readonly [string, Buffer])[] }[]) =>
  frames.map((frame) => frame.fields.map(([name, value]) => [name, [...value]]));

test('a frame is its length and fields, each ended by a NUL', () => {
  expect(encodeFrame([['op', 'list']]).toString('latin1')).toBe('\0\0\0\x0c\0\0\0\x07op=list\0');
});

test('frames survive the way, however the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(fields, { maxLength: 4 }), fc.integer({ min: 1, max: 50 }), (frames, step) => {
      const stream = Buffer.concat(frames.map((each) => encodeFrame(each as Field[])));
      const reader = new FrameReader();
      const got = [];
      for (let at = 0; at < stream.length; at += step)
        got.push(...reader.push(stream.subarray(at, at + step)));
      expect(plain(got)).toEqual(frames.map((each) => each.map(([name, value]) => [name, [...value]])));
    }),
  );
});

test('whatever bytes come, they are fields or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        decodeFields(Buffer.from(bytes));
      } catch (error) {
        expect(error).toMatchObject({ code: 'INTERNAL' });
      }
    }),
  );
});

test('repeated keys are a list', () => {
  const frame = decodeFields(encodeFrame([['id', 'a'], ['x', ''], ['id', 'b']]).subarray(4)); // biome-ignore format: one line
  expect(textsOf(frame, 'id')).toEqual(['a', 'b']);
  expect(textOf(frame, 'x')).toBe('');
  expect(textOf(frame, 'y')).toBeUndefined();
});

test('a frame beyond the bound is refused before it is read', () => {
  expect(() => [...new FrameReader().push(Buffer.from([0xff, 0, 0, 0]))]).toThrow(/bytes/);
});
