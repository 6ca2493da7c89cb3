import { expect, test } from 'vitest';
import { parseIp } from '../../net/ip.ts';
import { encodeLaneProgram, instructionBytes, maxSlowSources } from './lane-program.ts';

/** Of the kernel's own instructions, for one that loads from the packet, compares with a large number or returns; of 8 bytes. */
const most: Record<number, number> = { 32: 8, 21: 2, 6: 2 };
const oldOptmemMax = 20 * 1024;
const overhead = 256;

test.each([4, 6] as const)('the longest for IPv%i is one that all kernels take', (family) => {
  const addresses = Array.from({ length: maxSlowSources }, (_, i) =>
    family === 4 ? `240.0.0.${i}` : `fd00:ffff:ffff:ffff:ffff:ffff:ffff:${i.toString(16)}`,
  );
  const program = encodeLaneProgram({ family, lanes: 8, secret: 0xffff_ffff, slow: addresses.map(parseIp) });
  let made = 0;
  for (let at = 0; at < program.length; at += instructionBytes) made += most[program[at]!] ?? 1;
  expect(overhead + 8 * made).toBeLessThan(oldOptmemMax);
});
