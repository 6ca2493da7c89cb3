import { describe, expect, test } from 'vitest';
import fc from '../../../util/testing/properties.ts';
import { encodeFrame, type SpdyFrame, SpdyFrameReader } from './frame.ts';
import { HeaderEncoder, SpdyError } from './header-block.ts';

const streamId = fc.integer({ min: 1, max: 2 ** 31 - 1 });
const number = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const fin = fc.boolean();
const headers = fc.constant(new Map([['streamtype', 'error']]));
const data = fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes));
const frame: fc.Arbitrary<SpdyFrame> = fc.oneof(
  fc.record({ type: fc.constant('data' as const), streamId, fin, data }),
  fc.record({ type: fc.constantFrom('syn-stream', 'syn-reply', 'headers' as const), streamId, fin, headers }),
  fc.record({ type: fc.constant('rst-stream' as const), streamId, status: number }),
  fc.record({ type: fc.constant('ping' as const), id: number }),
  fc.record({ type: fc.constant('goaway' as const), lastStreamId: number, status: number }),
);

/** Data joined again: it comes in pieces. */
function whole(frames: SpdyFrame[]): SpdyFrame[] {
  const result: SpdyFrame[] = [];
  let open = false;
  for (const each of frames) {
    const last = result.at(-1);
    if (open && each.type === 'data' && last?.type === 'data') {
      last.data = Buffer.concat([last.data, each.data]);
      last.fin = each.fin;
    } else result.push({ ...each });
    open = each.type === 'data';
  }
  return result;
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const read = (bytes: Buffer) => [...new SpdyFrameReader().push(bytes)];

describe('frames', () => {
  test('are as the specification draws them', () => {
    const encoder = new HeaderEncoder();
    expect(encodeFrame({ type: 'ping', id: 1 }, encoder)).toEqual(hex('80030006 00000004 00000001'));
    expect(encodeFrame({ type: 'rst-stream', streamId: 3, status: 5 }, encoder)).toEqual(hex('80030003 00000008 00000003 00000005')); // biome-ignore format: one line
    expect(encodeFrame({ type: 'data', streamId: 3, fin: true, data: hex('aabb') }, encoder)).toEqual(hex('00000003 01000002 aabb')); // biome-ignore format: one line
  });

  test('survive the way, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), fc.integer({ min: 1, max: 40 }), (frames, step) => {
        // Two data frames in a row cannot be told from one that came in pieces.
        const apart = frames.flatMap((each): SpdyFrame[] => [each, { type: 'ping', id: 7 }]);
        const encoder = new HeaderEncoder();
        const stream = Buffer.concat(apart.map((each) => encodeFrame(each, encoder)));
        const reader = new SpdyFrameReader();
        const got = [];
        for (let at = 0; at < stream.length; at += step)
          got.push(...reader.push(stream.subarray(at, at + step)));
        expect(whole(got)).toEqual(apart);
      }),
    );
  });

  test('of data are passed on before they are whole', () => {
    const reader = new SpdyFrameReader();
    const [first] = reader.push(hex('00000001 01ffffff aa'));
    expect(first).toEqual({ type: 'data', streamId: 1, fin: false, data: hex('aa') });
  });

  test('of settings and windows mean nothing', () => {
    expect(read(hex('80030004 0000000c 00000001 00000004 00000064'))).toEqual([]);
    expect(read(hex('80030009 00000008 00000001 00010000'))).toEqual([]);
  });
});

describe('what is no frame', () => {
  test.each([
    ['data of stream 0', '00000000 00000000'],
    ['another version', '80020006 00000004 00000001'],
    ['an unknown type', '80030005 00000000'],
    ['a ping without number', '80030006 00000002 0000'],
    ['a reset of stream 0', '80030003 00000008 00000000 00000005'],
    ['a stream without headers', '80030001 00000004 00000001'],
    ['a control frame without end', '80030006 00ffffff'],
  ])('is refused: %s', (_, bytes) => {
    expect(() => read(hex(bytes))).toThrow(SpdyError);
  });
});
