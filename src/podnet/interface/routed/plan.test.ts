import { expect, it } from 'vitest';
import { formatCidr } from '../../../net/cidr.ts';
import { formatIp, parseIp } from '../../../net/ip.ts';
import { formatMac } from '../../../net/mac.ts';
import { type EndPlan, planRouted } from './plan.ts';

const ips = ['10.244.1.5', 'fd00:10:244:1::5'].map(parseIp);
const sources = ['172.20.0.2', 'fd00:10:20::2'].map(parseIp);
const spec = { containerId: 'c1', ifName: 'eth0', ips };
const node = { mtu: 1500, sources, ipv6: true };

/** As ip(8) would print it. */
function show(end: EndPlan): string[] {
  return [
    ...Object.entries(end.sysctls).map(([key, value]) => `${key}=${value}`),
    ...end.addresses.map(({ ip, prefix, noDad }) => `addr ${formatIp(ip)}/${prefix}${noDad ? ' nodad' : ''}`),
    ...end.neighbours.map(({ ip, mac, state }) => `neigh ${formatIp(ip)} ${formatMac(mac!)} ${state}`),
    ...end.routes.map(({ destination, gateway, source, onLink }) =>
      [
        `route ${destination === undefined ? 'default' : formatCidr(destination)}`,
        gateway && `via ${formatIp(gateway)}`,
        source && `src ${formatIp(source)}`,
        onLink && 'onlink',
      ]
        .filter(Boolean)
        .join(' '),
    ),
  ];
}

it('gives the pod its address alone, and its node as the way to everything', () => {
  const { pod, host } = planRouted(spec, node);
  expect(show(pod)).toEqual([
    'net.ipv6.conf.eth0.disable_ipv6=0',
    'net.ipv6.conf.eth0.accept_dad=0',
    'net.ipv6.conf.eth0.accept_ra=0',
    'addr 10.244.1.5/32 nodad',
    'addr fd00:10:244:1::5/128 nodad',
    `neigh 169.254.1.1 ${formatMac(host.mac)} permanent`,
    `neigh fe80::1 ${formatMac(host.mac)} permanent`,
    'route default via 169.254.1.1 onlink',
    'route default via fe80::1 onlink',
  ]);
});

it('gives the node a route and a neighbour per address, and believes nothing the pod advertises', () => {
  const { pod, host } = planRouted(spec, node);
  expect(host.name).toMatch(/^tdl[0-9a-f]{11}$/);
  expect(show(host)).toEqual([
    `net.ipv4.conf.${host.name}.forwarding=1`,
    `net.ipv4.conf.${host.name}.rp_filter=0`,
    `net.ipv4.conf.${host.name}.proxy_arp=0`,
    `net.ipv6.conf.${host.name}.accept_ra=0`,
    `net.ipv6.conf.${host.name}.accept_dad=0`,
    `neigh 10.244.1.5 ${formatMac(pod.mac)} permanent`,
    `neigh fd00:10:244:1::5 ${formatMac(pod.mac)} permanent`,
    'route 10.244.1.5/32 src 172.20.0.2',
    'route fd00:10:244:1::5/128 src fd00:10:20::2',
  ]);
});

it('of one family leaves the other alone, but for router advertisements', () => {
  const { pod, host } = planRouted({ ...spec, ips: [ips[0]!] }, { ...node, sources: [] });
  expect(show(pod).filter((line) => line.includes('ipv6') || line.includes('fe80'))).toEqual([]);
  expect(show(host)).toContain(`net.ipv6.conf.${host.name}.accept_ra=0`);
  expect(show(host)).toContain('route 10.244.1.5/32');
});

it('has no IPv6 settings on a kernel without IPv6', () => {
  const { host } = planRouted({ ...spec, ips: [ips[0]!] }, { ...node, ipv6: false });
  expect(show(host).filter((line) => line.includes('ipv6'))).toEqual([]);
});

it('is the same for the same attachment and differs between attachments', () => {
  expect(planRouted(spec, node)).toEqual(planRouted(spec, node));
  const other = planRouted({ ...spec, ifName: 'net1' }, node);
  expect(other.host.name).not.toBe(planRouted(spec, node).host.name);
  expect(formatMac(other.pod.mac)).not.toBe(formatMac(planRouted(spec, node).pod.mac));
});

it('chooses MAC addresses that are local and unicast', () => {
  for (let n = 0; n < 50; n++) {
    const { pod, host } = planRouted({ ...spec, containerId: `c${n}` }, node);
    for (const mac of [pod.mac, host.mac]) expect(mac[0]! & 0x03).toBe(0x02);
  }
});

it('writes a dot in a name of an interface as sysctl wants it', () => {
  expect(Object.keys(planRouted({ ...spec, ifName: 'net.5' }, node).pod.sysctls)[0]).toBe(
    'net.ipv6.conf.net/5.disable_ipv6',
  );
});
