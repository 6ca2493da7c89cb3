import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Elf, machines, readElf } from '../scripts/image/elf.ts';

test('a program tells its machine, its loader and its libraries', () => {
  const elf = readElf(readFileSync(process.execPath)) as Elf;
  expect(elf.machine).toBe(machines[process.arch as keyof typeof machines]);
  expect(elf.interpreter).toMatch(/^\/lib(64)?\/ld-linux/);
  expect(elf.needed).toContain('libc.so.6');
});

test('what is no ELF file of 64 bits is none', () => {
  for (const text of ['', '#!/bin/sh\n', '\x7fELF\x01\x01'])
    expect(readElf(Buffer.from(text, 'latin1'))).toBe(undefined);
});

test('a file that is cut off is refused', () => {
  expect(() => readElf(readFileSync(process.execPath).subarray(0, 100))).toThrow(RangeError);
});
