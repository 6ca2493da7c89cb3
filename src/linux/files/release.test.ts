import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { releaseStart } from './release.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-release-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test('the start of a file is freed; its size and its end stay', async () => {
  const file = await open(join(directory, 'log'), 'a+');
  try {
    await file.write(Buffer.alloc(1 << 20, 'x'));
    const before = await file.stat();
    expect(releaseStart(file.fd, 1 << 19)).toBe(true);
    const after = await file.stat();
    expect(after.size).toBe(before.size);
    expect(after.blocks).toBeLessThan(before.blocks);
    const { buffer } = await file.read({ buffer: Buffer.alloc(2), position: (1 << 19) - 1 });
    expect(buffer).toEqual(Buffer.from('\0x'));
  } finally {
    await file.close();
  }
});
