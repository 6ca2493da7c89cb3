import { expect, test } from 'vitest';
import { TendrilError } from '../util/errors.ts';
import { nodeTask, nodeTasks } from './catalogue.ts';
import { decodeOutcome, encodeOutcome, errorOf, failedOutcome } from './outcome.ts';

test('a report comes back from a log that has other lines too', () => {
  const log = `{"time":1}\n${encodeOutcome({ report: { n: 2n } })}warning: late\n`;
  expect(decodeOutcome(log)).toEqual({ report: { n: '2' } });
});

test('a log without an outcome, or with half of one, tells none', () => {
  for (const log of ['', 'Killed\n', encodeOutcome({ report: 1 }).slice(0, -3), '{"tendrilNodeTask":1}'])
    expect(decodeOutcome(log)).toBeUndefined();
});

test('an error comes back with its code and remedy, and the node’s name', () => {
  const thrown = new TendrilError('TOOL_FAILED', 'nft fails', { remedy: 'install nftables' });
  const outcome = decodeOutcome(encodeOutcome(failedOutcome(thrown))) as { error: never };
  expect(errorOf('n1', outcome)).toMatchObject({
    ...{ code: 'TOOL_FAILED', message: 'n1: nft fails', remedy: 'install nftables' },
  });
});

test('every task can be loaded; another has a name that is not known', async () => {
  for (const { load } of Object.values(nodeTasks)) expect(await load()).toBeTypeOf('function');
  expect(() => nodeTask('constructor')).toThrow('there is no node task "constructor"');
});
