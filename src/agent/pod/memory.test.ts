import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Learned, recall, remember } from './memory.ts';

const learned: Learned = {
  nodeName: 'n1',
  server: 'https://10.90.0.10:6443',
  internalIps: ['10.90.0.11', 'fd90::11'],
  serviceCidrs: ['10.96.0.0/16', 'fd96::/112'],
};

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-memory-'));
  path = join(directory, 'state/agent.json');
});
afterEach(() => rmSync(directory, { recursive: true }));

test('what was remembered is recalled, and the last of it counts', () => {
  expect(recall(path, 'n1')).toBeUndefined();
  remember(path, learned);
  remember(path, { ...learned, server: 'https://other' });
  expect(recall(path, 'n1')).toEqual({ ...learned, server: 'https://other' });
});

test('what another node learned is not this one’s', () => {
  remember(path, learned);
  expect(recall(path, 'n2')).toBeUndefined();
});

test.each([
  ['cut off', (text: string) => text.slice(0, -5)],
  ['empty', () => ''],
  ['no object', () => 'null'],
  ['of another version', (text: string) => text.replace('"version":1', '"version":2')],
  ['without a version', (text: string) => text.replace('"version":1,', '')],
  ['without a server', (text: string) => text.replace('"server"', '"servant"')],
  ['of other types', (text: string) => text.replace('["10.90', '[7,"10.90')],
])('a file that is %s is none', (_what, spoil) => {
  remember(path, learned);
  writeFileSync(path, spoil(readFileSync(path, 'utf8')));
  expect(recall(path, 'n1')).toBeUndefined();
});
