import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createNetns, deleteNetns, openNetns } from '../linux/netns/netns.ts';
import { nftProgram } from '../linux/nftables/nft-program.ts';
import { parseCidr } from '../net/cidr.ts';
import { parseIp } from '../net/ip.ts';
import { masqueradeTable, renderMasquerade, renderMasqueradeRemoval } from './masquerade.ts';

it('is a ruleset that nft takes, again and again, and takes away', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-masquerade-'));
  const path = join(directory, 'node');
  createNetns(path);
  try {
    using netns = openNetns(path);
    const table = `inet ${masqueradeTable}`;
    const rules = (nodeIps: string[]) =>
      renderMasquerade({
        uplink: 'eth0',
        podCidrs: ['10.244.0.0/16', 'fd00:244::/56'].map((cidr) => parseCidr(cidr)),
        serviceCidrs: ['10.96.0.0/16', 'fd00:96::/112'].map((cidr) => parseCidr(cidr)),
        nodeIps: nodeIps.map(parseIp),
      });
    await nftProgram.apply(netns, rules(['172.20.0.2', 'fd00:20::2']));
    await nftProgram.apply(netns, rules(['172.20.0.3']));
    const listed = await nftProgram.list(netns, table);
    expect(listed.match(/masquerade/g)).toHaveLength(4 + 1);
    expect(listed).toContain('172.20.0.3');
    expect(listed).not.toContain('172.20.0.2');
    await nftProgram.apply(netns, renderMasqueradeRemoval());
    await nftProgram.apply(netns, renderMasqueradeRemoval());
    expect(await nftProgram.list(netns, table)).toBe('');
  } finally {
    deleteNetns(path);
    rmSync(directory, { recursive: true });
  }
});
