import { describe, expect, test } from 'vitest';
import { encodePieces } from './encoding.ts';

const textOf = (body: unknown) => [...encodePieces(body)].join('');

describe('a body in pieces', () => {
  const item = (name: string) => Object.freeze({ metadata: { name }, text: 'x'.repeat(1000) });

  test.each([
    ['an object', { kind: 'Pod', metadata: { name: 'a' } }],
    ['a list of nothing', { kind: 'PodList', metadata: {}, items: [] }],
    ['a list of few', { kind: 'PodList', metadata: {}, items: [item('a'), item('b')] }],
    ['an array', [1, 2]],
  ])('%s is one', (_what, body) => {
    expect([...encodePieces(body)]).toEqual([JSON.stringify(body)]);
  });

  test('a long list is several, and the same JSON', () => {
    const items = Array.from({ length: 500 }, (_, i) => item(`n${i}`));
    const body = { kind: 'PodList', apiVersion: 'v1', metadata: { resourceVersion: '7' }, items };
    const pieces = [...encodePieces(body)];
    expect(pieces.length).toBeGreaterThan(5);
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(70_000);
    expect(JSON.parse(textOf(body))).toEqual(body);
  });
});
