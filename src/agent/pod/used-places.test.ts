import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { recallUsedPlaces, recordUsedPlaces } from './used-places.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'used-places-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test('what an agent used is known to who comes after it', () => {
  const path = join(directory, 'state/used.json');
  recordUsedPlaces(path, {
    uplink: 'bond0',
    cniConfDirectory: '/etc/cni',
    cniBinDirectory: '/usr/libexec/cni',
  });
  expect(recallUsedPlaces(path)).toEqual({
    uplink: 'bond0',
    cniConfDirectory: '/etc/cni',
    cniBinDirectory: '/usr/libexec/cni',
  });
});

test('nothing is known where nothing was recorded, or what is there is torn', () => {
  expect(recallUsedPlaces(join(directory, 'none'))).toEqual({});
  const path = join(directory, 'torn');
  writeFileSync(path, '{"upli');
  expect(recallUsedPlaces(path)).toEqual({});
});
