import { expect, it } from 'vitest';
import { FakeNetwork } from '../../../linux/netlink/fake-route-netlink.ts';
import { parseIp } from '../../../net/ip.ts';
import { describeNodeBackend } from '../node-backend.cases.ts';
import { createHostgwBackend } from './apply.ts';

describeNodeBackend('hostgw, in memory', () => {
  const netlink = new FakeNetwork().open();
  const { index: link } = netlink.addLink({ kind: 'bridge', name: 'eth0', up: true });
  netlink.ensureAddress({ link, ip: parseIp('172.20.0.1'), prefix: 16 });
  netlink.ensureAddress({ link, ip: parseIp('fd00:20::1'), prefix: 64 });
  return { backend: createHostgwBackend({ netlink, uplink: 'eth0' }), netlink, tearDown() {} };
});

it('says which interface is missing, and cleans up where it is', async () => {
  const backend = createHostgwBackend({ netlink: new FakeNetwork().open(), uplink: 'eth0' });
  await expect(backend.probe()).rejects.toThrow('eth0');
  await backend.cleanup();
});
