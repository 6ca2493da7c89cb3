import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRouteNetlink } from '../../../linux/netlink/kernel-route-netlink.ts';
import { createNetns, deleteNetns, openNetns } from '../../../linux/netns/netns.ts';
import { parseIp } from '../../../net/ip.ts';
import { describeNodeBackend } from '../node-backend.cases.ts';
import { createHostgwBackend } from './apply.ts';

describeNodeBackend('hostgw, by the kernel', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-hostgw-'));
  const path = join(directory, 'node');
  createNetns(path);
  using netns = openNetns(path);
  const netlink = openRouteNetlink(netns);
  const { index: link } = netlink.addLink({ kind: 'bridge', name: 'eth0', up: true });
  netlink.ensureAddress({ link, ip: parseIp('172.20.0.1'), prefix: 16 });
  netlink.ensureAddress({ link, ip: parseIp('fd00:20::1'), prefix: 64, noDad: true });
  return {
    backend: createHostgwBackend({ netlink, uplink: 'eth0' }),
    netlink,
    tearDown: () => {
      netlink.close();
      deleteNetns(path);
      rmSync(directory, { recursive: true });
    },
  };
});
