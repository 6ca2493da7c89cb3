/** The table against the model. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type ParsedAsk, parseAsk, type SemanticCase } from './case.ts';
import { cases } from './cases.ts';
import { predict, type States, statesOf } from './prediction.ts';
import { families, objectsOf, podNodes, protocols, type World } from './world.ts';

const node = (n: number) => ({ 4: `172.20.0.${n}`, 6: `fd00:10:20::${n}` });
const pod = (n: number, i: number) => ({ 4: `10.244.${n}.${i}`, 6: `fd00:10:244:${n}::${i}` });
const number = { 'node-a': 1, 'node-b': 2, 'node-c': 3 } as const;

const world: World = {
  realNodes: { 'node-a': 'node-1', 'node-b': 'node-2', 'node-c': 'node-3' },
  nodes: { 'node-a': node(1), 'node-b': node(2), 'node-c': node(3) },
  pods: Object.fromEntries(Object.entries(podNodes).map(([name, at], i) => [name, pod(number[at], i + 2)])),
  outside: { 4: '172.20.255.254', 6: 'fd00:10:20::ffff' },
};

let states: States;

beforeAll(async () => {
  states = await statesOf(
    world,
    cases.map((semantic, index) => objectsOf(semantic, index, world)),
  );
});

const texts = ({ verdict, sticky, backends }: Pick<ParsedAsk, 'verdict' | 'sticky' | 'backends'>) => {
  const names = [...backends].map(([name, seen]) => (seen ? `${name}@${seen.at(-1)}` : name)).sort();
  return [sticky ? 'one of' : '', ...(names.length > 0 ? names : [verdict])].join(' ').trim();
};

it('is large enough to mean something', () => {
  const asks = cases.flatMap((semantic) => semantic.asks);
  expect(asks.length).toBeGreaterThan(150);
  expect(cases.length).toBeLessThan(250);
});

const rows = cases.flatMap((semantic, index) =>
  semantic.asks.map((ask): [string, SemanticCase, number, ParsedAsk] => [
    `${semantic.name}: ${ask}`,
    semantic,
    index,
    parseAsk(ask),
  ]),
);

describe.each(families)('IPv%i', (family) => {
  describe.each(protocols)('%s', (protocol) => {
    it.each(rows)('%s', (_, semantic, index, ask) => {
      const has = (semantic.service.families ?? families).includes(family);
      const expected = has ? texts(ask) : 'unserved';
      expect(texts(predict(states, semantic, { world, index, ask, family, protocol }))).toBe(expected);
    });
  });
});
