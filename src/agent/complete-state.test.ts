import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CompleteState } from './complete-state.ts';

let state: string;

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'tendril-complete-'));
  mkdirSync(join(state, 'pins'));
});

afterEach(() => rmSync(state, { recursive: true }));

const open = (pins = 'pins', bootId?: () => string) =>
  new CompleteState({ state, pins: join(state, pins), bootId });

test('pins without a record are no complete state; a record holds for later agents', () => {
  expect(open().isInForce()).toBe(false);
  open().record();
  expect(open().isInForce()).toBe(true);
});

test('a record of other pins does not count', () => {
  open().record();
  mkdirSync(join(state, 'others'));
  expect(open('others').isInForce()).toBe(false);
  expect(open('none').isInForce()).toBe(false);
});

test('a record of another boot does not count, though a directory of the same numbers is there', () => {
  open('pins', () => 'first').record();
  expect(open('pins', () => 'first').isInForce()).toBe(true);
  expect(open('pins', () => 'second').isInForce()).toBe(false);
});
