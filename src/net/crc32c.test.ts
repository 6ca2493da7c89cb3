import { expect, test } from 'vitest';
import { crc32c } from './crc32c.ts';

/** RFC 3720, appendix B.4, and the check value of the catalogues of CRCs. */
test.each([
  ['32 zeros', new Uint8Array(32), 0x8a91_36aa],
  ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8_ab43],
  ['ascending', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd_794e],
  ['descending', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113f_db5c],
  ['digits', Buffer.from('123456789'), 0xe306_9283],
  ['nothing', new Uint8Array(), 0],
])('CRC32c of %s', (_, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected);
});
