import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { usedPlacesPath } from '../agent/pod/pod-config.ts';
import { recordUsedPlaces } from '../agent/pod/used-places.ts';
import { FakeNftables } from '../linux/nftables/fake-nftables.ts';
import { restoreConflists } from './restore-conflists.ts';
import { type NodeParts, type RemovalPaths, removals } from './tendril-remains.ts';

let host: string;
beforeEach(() => {
  host = mkdtempSync(join(tmpdir(), 'tendril-node-'));
});
afterEach(() => rmSync(host, { recursive: true }));

const conf = '/elsewhere/net.d';
const write = (...names: string[]) => {
  mkdirSync(join(host, conf), { recursive: true });
  for (const name of names) writeFileSync(join(host, conf, name), name);
};

it('gives other networks’ conflists back before its own goes, also where nobody recorded them', async () => {
  write('05-tendril.conflist', '10-usual.conflist.tendril-aside');
  const paths = {
    ...{ cniConfDirectory: join(host, conf), cniBinDirectory: join(host, 'bin') },
    cniCacheDirectory: join(host, 'results'),
  } as RemovalPaths;
  const [others, own] = removals;
  expect(await others!.run(paths, {} as NodeParts)).toEqual({ removed: ['10-usual.conflist'] });
  expect(readdirSync(join(host, conf)).sort()).toEqual(['05-tendril.conflist', '10-usual.conflist']);
  await own!.run(paths, {} as NodeParts);
  expect(readdirSync(join(host, conf))).toEqual(['10-usual.conflist']);
});

it('removes both of its tables, and no other', async () => {
  const nftables = new FakeNftables();
  const nft = removals.find(({ what }) => what === 'nftables')!;
  const run = () => nft.run({} as RemovalPaths, { nftables } as unknown as NodeParts);
  expect(await run()).toEqual({ removed: [] });
  const tables = ['inet tendril-masquerade', 'inet tendril-kept-nat', 'ip kube-proxy'];
  await nftables.apply(undefined, tables.map((table) => `add table ${table}\n`).join(''));
  expect(await run()).toEqual({ removed: tables.slice(0, 2) });
  expect(await nftables.tables(undefined)).toEqual(['ip kube-proxy']);
});

it('finds them in the directory that the node’s agent used', async () => {
  write('10-usual.conflist.tendril-aside');
  recordUsedPlaces(join(host, usedPlacesPath), { cniConfDirectory: conf });
  expect(await restoreConflists({}, { host })).toEqual({ restored: ['10-usual.conflist'] });
});
