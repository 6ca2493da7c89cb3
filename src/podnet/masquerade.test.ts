import { expect, it } from 'vitest';
import { parseCidr } from '../net/cidr.ts';
import { parseIp } from '../net/ip.ts';
import { renderMasquerade } from './masquerade.ts';

const cidrs = (...texts: string[]) => texts.map((text) => parseCidr(text));
const dual = {
  uplink: 'eth0',
  podCidrs: cidrs('10.244.0.0/16', 'fd00:244::/56'),
  serviceCidrs: cidrs('10.96.0.0/16', 'fd00:96::/112'),
  nodeIps: ['172.20.0.2', '172.20.0.3', 'fd00:20::2'].map(parseIp),
};

it('translates what pods send out of the cluster, to ports of its own', () => {
  expect(renderMasquerade(dual).split('\n')).toEqual([
    'add table inet tendril-masquerade',
    'add chain inet tendril-masquerade postrouting { type nat hook postrouting priority srcnat; policy accept; }',
    'flush chain inet tendril-masquerade postrouting',
    'add rule inet tendril-masquerade postrouting oifname "eth0" ip saddr { 10.244.0.0/16 } ip daddr != { 10.244.0.0/16, 10.96.0.0/16, 172.20.0.2, 172.20.0.3, 224.0.0.0/4 } meta l4proto { tcp, udp } masquerade to :32768-44999 fully-random',
    'add rule inet tendril-masquerade postrouting oifname "eth0" ip saddr { 10.244.0.0/16 } ip daddr != { 10.244.0.0/16, 10.96.0.0/16, 172.20.0.2, 172.20.0.3, 224.0.0.0/4 } masquerade',
    'add rule inet tendril-masquerade postrouting oifname "eth0" ip6 saddr { fd00:244::/56 } ip6 daddr != { fd00:244::/56, fd00:96::/112, fd00:20::2, ff00::/8 } meta l4proto { tcp, udp } masquerade to :32768-44999 fully-random',
    'add rule inet tendril-masquerade postrouting oifname "eth0" ip6 saddr { fd00:244::/56 } ip6 daddr != { fd00:244::/56, fd00:96::/112, fd00:20::2, ff00::/8 } masquerade',
    '',
  ]);
});

it('has rules only for families that pods have', () => {
  expect(renderMasquerade({ ...dual, podCidrs: cidrs('10.244.0.0/16') })).not.toContain('ip6');
});

it('names no block within another: nft refuses overlapping intervals', () => {
  const text = renderMasquerade({
    ...dual,
    podCidrs: cidrs('10.0.0.0/8'),
    nodeIps: ['10.1.2.3', '10.1.2.3', '192.0.2.1', '192.0.2.1'].map(parseIp),
  });
  expect(text).toContain('ip daddr != { 10.0.0.0/8, 192.0.2.1, 224.0.0.0/4 }');
});
