import { describe, expect, it } from 'vitest';
import { recordAt } from './ring-buffer.ts';

/** A ring of 32 bytes, mapped twice in a row, with records written from position 0 on. */
function ring(...records: { bytes: number[]; flags?: number }[]): DataView {
  const size = 32;
  const view = new DataView(new ArrayBuffer(2 * size));
  let at = 0;
  for (const { bytes, flags = 0 } of records) {
    for (const copy of [0, size]) {
      if (at + copy + 4 <= 2 * size) view.setUint32((at % size) + copy, (bytes.length | flags) >>> 0, true);
    }
    bytes.forEach((byte, i) => {
      const place = (at + 8 + i) % size;
      view.setUint8(place, byte);
      view.setUint8(place + size, byte);
    });
    at += Math.ceil((8 + bytes.length) / 8) * 8;
  }
  return view;
}

describe('a ring buffer’s record', () => {
  it('is its bytes, the next one begins at a multiple of 8', () => {
    expect(recordAt(ring({ bytes: [1, 2, 3] }), 32, 0)).toEqual({ data: Uint8Array.of(1, 2, 3), next: 16 });
  });

  it('is read across the end of the ring', () => {
    const view = ring({ bytes: Array(16).fill(9) }, { bytes: [1, 2, 3, 4] });
    expect(recordAt(view, 32, 24)).toEqual({ data: Uint8Array.of(1, 2, 3, 4), next: 40 });
  });

  it('is passed over where its program gave it up, and waited for while it is written', () => {
    expect(recordAt(ring({ bytes: [1], flags: 0x4000_0000 }), 32, 0)).toEqual({ data: undefined, next: 16 });
    expect(recordAt(ring({ bytes: [1], flags: 0x8000_0000 }), 32, 0)).toBeUndefined();
  });
});
