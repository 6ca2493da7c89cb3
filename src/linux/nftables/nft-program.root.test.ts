import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createNetns, deleteNetns, openNetns } from '../netns/netns.ts';
import { nftProgram } from './nft-program.ts';
import { describeNftables } from './nftables.cases.ts';
import { parseRuleset } from './ruleset.ts';

describeNftables('the nft program', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-nft-'));
  const paths = ['here', 'there'].map((name) => join(directory, name));
  for (const path of paths) createNetns(path);
  const [here, there] = paths.map(openNetns);
  return {
    nftables: nftProgram,
    netns: [here!, there!],
    tearDown: () => {
      here!.close();
      there!.close();
      paths.map(deleteNetns);
      rmSync(directory, { recursive: true });
    },
  };
});

test('a rule set is described as objects, with the handles by which rules are removed', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-nft-'));
  const path = join(directory, 'a');
  createNetns(path);
  const netns = openNetns(path);
  try {
    await nftProgram.apply(
      netns,
      'table ip t { chain a { }; chain b { type nat hook output priority 0; jump a comment "x"; }; }',
    );
    const [rule] = parseRuleset(await nftProgram.describe(netns, 'ip t')).rules;
    expect(rule).toMatchObject({ family: 'ip', table: 't', chain: 'b', comment: 'x', targets: ['a'] });
    await nftProgram.apply(netns, `delete rule ip t b handle ${rule!.handle}`);
    expect(parseRuleset(await nftProgram.describe(netns)).rules).toEqual([]);
    expect(parseRuleset(await nftProgram.describe(netns, 'ip none'))).toMatchObject({ tables: [] });
  } finally {
    netns.close();
    deleteNetns(path);
    rmSync(directory, { recursive: true });
  }
});
