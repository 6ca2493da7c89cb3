/** What every Nftables does: the nft program, and the fake. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NetnsHandle } from '../netns/netns.ts';
import type { Nftables } from './nftables.ts';

export interface NftablesSetup {
  nftables: Nftables;
  netns: [NetnsHandle, NetnsHandle];
  tearDown(): void;
}

const table = (comment: string) => `
table inet tendril-test
delete table inet tendril-test
table inet tendril-test {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 10.0.0.0/8 oifname "eth0" masquerade comment "${comment}"
    ip6 saddr fd00::/8 oifname "eth0" masquerade
  }
}
`;

export function describeNftables(name: string, setUp: () => NftablesSetup): void {
  describe(`nftables by ${name}`, () => {
    let setup: NftablesSetup;
    let nftables: Nftables;
    beforeEach(() => {
      setup = setUp();
      nftables = setup.nftables;
    });
    afterEach(() => setup.tearDown());

    test('a rule set replaces what its table was, in its namespace only', async () => {
      const [here, there] = setup.netns;
      await nftables.apply(here, table('first'));
      await nftables.apply(here, table('second'));
      const listed = await nftables.list(here, 'inet tendril-test');
      expect(listed).toContain('masquerade comment "second"');
      expect(listed).not.toContain('first');
      expect(await nftables.list(there)).toBe('');
      expect(await nftables.tables(here)).toEqual(['inet tendril-test']);
      expect(await nftables.tables(there)).toEqual([]);
    });

    test('a rule set that fails changes nothing, and says where it fails', async () => {
      const [here] = setup.netns;
      await nftables.apply(here, table('kept'));
      await expect(
        nftables.apply(here, 'table inet other { }\ndelete table inet none\n'),
      ).rejects.toMatchObject({
        code: 'TOOL_FAILED',
        message: expect.stringMatching(/No such file or directory.*in "delete table inet none"/),
      });
      expect(await nftables.list(here, 'inet other')).toBe('');
      expect(await nftables.list(here)).toContain('kept');
    });

    test('syntax errors are told', async () => {
      await expect(nftables.apply(setup.netns[0], 'table inet x {\n')).rejects.toThrow(
        /nft: apply rule set: .*syntax error/,
      );
    });
  });
}
