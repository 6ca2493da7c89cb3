import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { giveConflistsBack, putConflistsAside } from './conflists.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-conf-'));
});
afterEach(() => rmSync(directory, { recursive: true }));
const write = (...names: string[]) => {
  for (const name of names) writeFileSync(join(directory, name), name);
};

it('puts what runtimes would take aside, again and again, and gives it back', () => {
  write('05-tendril.conflist', '10-usual.conflist', '20-old.conf', 'readme.md');
  expect(putConflistsAside(directory)).toEqual(['10-usual.conflist', '20-old.conf']);
  expect(putConflistsAside(directory)).toEqual(['10-usual.conflist', '20-old.conf']);
  expect(readdirSync(directory).sort()).toEqual([
    '05-tendril.conflist',
    '10-usual.conflist.tendril-aside',
    '20-old.conf.tendril-aside',
    'readme.md',
  ]);
  expect(giveConflistsBack(directory)).toEqual(['10-usual.conflist', '20-old.conf']);
  expect(giveConflistsBack(directory)).toEqual([]);
  expect(readdirSync(directory)).toHaveLength(4);
});

it('leaves one alone that somebody has put there anew', () => {
  write('10-usual.conflist.tendril-aside', '10-usual.conflist');
  expect(giveConflistsBack(directory)).toEqual([]);
});

it('has nothing to do where there is no such directory', () => {
  expect([putConflistsAside(join(directory, 'none')), giveConflistsBack(join(directory, 'none'))]).toEqual([
    [],
    [],
  ]);
});
