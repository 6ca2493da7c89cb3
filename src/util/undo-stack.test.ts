import { expect, test } from 'vitest';
import { UndoStack } from './undo-stack.ts';

async function work(done: string[], options: { fail: boolean }): Promise<void> {
  await using undo = new UndoStack((what) => done.push(`${what} could not be undone`));
  undo.push('address', () => void done.push('address undone'));
  undo.push('link', () => {
    throw new Error('busy');
  });
  undo.push('route', async () => void done.push('route undone'));
  if (options.fail) throw new Error('no room');
  undo.commit();
}

test('a failure undoes every step in reverse, also past an undo that fails', async () => {
  const done: string[] = [];
  await expect(work(done, { fail: true })).rejects.toThrow('no room');
  expect(done).toEqual(['route undone', 'link could not be undone', 'address undone']);
});

test('success keeps what was done', async () => {
  const done: string[] = [];
  await work(done, { fail: false });
  expect(done).toEqual([]);
});
