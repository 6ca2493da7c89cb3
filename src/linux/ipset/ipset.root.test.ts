import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { be16, concat, nested, text, u8 } from '../netlink/attribute.ts';
import { NETLINK_NETFILTER, NetlinkSocket } from '../netlink/socket.ts';
import { createNetns, deleteNetns, type NetnsHandle, openNetns } from '../netns/netns.ts';
import { IpSets } from './ipset.ts';

/** `ipset create NAME bitmap:port range 1-10`. */
function create(netns: NetnsHandle, name: string): void {
  using socket = new NetlinkSocket(netns, NETLINK_NETFILTER);
  const data = nested(7, [be16(4 | 0x4000, 1), be16(5 | 0x4000, 10)]);
  const attributes = [u8(1, 6), text(2, name), text(3, 'bitmap:port'), u8(4, 0), u8(5, 0), data];
  const payload = concat(new Uint8Array(4), attributes);
  socket.request({ type: (6 << 8) | 2, flags: 0x600, payload, operation: 'create ipset', object: name });
}

test('sets are listed and destroyed by their names, in their namespace', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-ipset-'));
  const path = join(directory, 'a');
  createNetns(path);
  const netns = openNetns(path);
  try {
    using sets = new IpSets(netns);
    expect(sets.names()).toEqual([]);
    for (const name of ['KUBE-A', 'other']) create(netns, name);
    expect(sets.names().sort()).toEqual(['KUBE-A', 'other']);
    expect([sets.destroy('KUBE-A'), sets.destroy('KUBE-A')]).toEqual([true, false]);
    expect(sets.names()).toEqual(['other']);
  } finally {
    netns.close();
    deleteNetns(path);
    rmSync(directory, { recursive: true });
  }
});
