import { expect, test } from 'vitest';
import { FairQueue } from './fair-queue.ts';

function filled(room: number, ...sources: string[]): { queue: FairQueue<string>; refused: string[] } {
  const queue = new FairQueue<string>(room);
  const refused: string[] = [];
  sources.forEach((source, i) => {
    if (queue.hasRoom(source)) queue.add(source, `${source}${i}`);
    else refused.push(`${source}${i}`);
  });
  return { queue, refused };
}

function all(queue: FairQueue<string>): string {
  const taken: string[] = [];
  for (let item = queue.take(); item !== undefined; item = queue.take()) taken.push(item);
  return taken.join(' ');
}

test('sources are taken in turns, each in its own order', () => {
  const { queue } = filled(100, ...'aaaabbca');
  expect(all(queue)).toBe('a0 b4 c6 a1 b5 a2 a3 a7');
  expect(queue.size).toBe(0);
});

test('one that floods fills its share and loses what is more; those who come later find room', () => {
  const { queue, refused } = filled(4, ...'aaaabb');
  expect(refused).toEqual(['a2', 'a3']);
  expect(all(queue)).toBe('a0 b4 a1 b5');
});

test('in a full queue there is room for one of each new source, and no more than as much again', () => {
  const { queue, refused } = filled(4, ...'aabbccddeeff');
  expect(refused.length).toBeGreaterThan(0);
  expect(queue.size).toBeLessThanOrEqual(8);
  const taken = all(queue);
  for (const source of 'abcd') expect(taken).toContain(source);
});

test('a long queue of one source keeps its order', () => {
  const { queue } = filled(1000, ...Array.from({ length: 300 }, () => 'a'));
  expect(all(queue)).toBe(Array.from({ length: 300 }, (_, i) => `a${i}`).join(' '));
});

test('of groups each has its turn and share, and in a group each source', () => {
  const groupOf = (source: string) => source[0]!;
  const queue = new FairQueue<string>(40, groupOf);
  const put = (source: string, count: number) => {
    let taken = 0;
    for (let i = 0; i < count; i++) {
      if (!queue.hasRoom(source)) continue;
      queue.add(source, `${source}${taken++}`);
    }
    return taken;
  };
  // Another of the group, and of other groups, still has room for several.
  expect(put('a1', 100)).toBe(10);
  expect(put('a2', 3)).toBe(3);
  expect(put('b', 3)).toBe(3);
  // A group with as many sources as it likes has its share all the same.
  for (let i = 3; i < 100; i++) put(`a${i}`, 10);
  expect(queue.size).toBeLessThan(30);
  expect(put('c', 5)).toBe(5);
  const taken = all(queue).split(' ');
  expect(taken.slice(0, 7)).toEqual(['a10', 'b0', 'c0', 'a20', 'b1', 'c1', 'a30']);
});
