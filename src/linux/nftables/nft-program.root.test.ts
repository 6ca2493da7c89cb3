import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNetns, deleteNetns, openNetns } from '../netns/netns.ts';
import { nftProgram } from './nft-program.ts';
import { describeNftables } from './nftables.cases.ts';

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
