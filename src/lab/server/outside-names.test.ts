import { describe, expect, test } from 'vitest';
import type { recordTypes } from '../../dns/message/constants.ts';
import { queryFor, replyFrom } from '../../dns/testing/ask.ts';
import { cidrContains, parseCidr } from '../../net/cidr.ts';
import { formatIp, type Ip } from '../../net/ip.ts';
import { planLab } from '../topology/lab-options.ts';
import { outsideNamesPlugin } from './outside-names.ts';

const config = planLab({
  name: 'lab',
  nodes: 2,
  ipFamily: 'dual',
  podCidrs: [],
  serviceCidrs: [],
  fastProbes: false,
  podPidsLimit: 1024,
  internet: false,
  program: '/',
});

async function ask(name: string, type: keyof typeof recordTypes) {
  const reply = await replyFrom([outsideNamesPlugin(config)], queryFor(name, type));
  return { rcode: reply.rcode, ips: reply.answers.map(({ data }) => (data as { ip: Ip }).ip) };
}

describe('the outside host’s DNS', () => {
  test('knows the nodes', async () => {
    expect((await ask('node-2.', 'A')).ips.map(formatIp)).toEqual(['172.20.0.12']);
    expect((await ask('node-2.', 'AAAA')).ips.map(formatIp)).toEqual(['fd00:10:20::c']);
  });

  test('leads any other name to one of its external addresses, always the same', async () => {
    const [first] = (await ask('www.example.com.', 'A')).ips;
    expect(cidrContains(parseCidr('198.51.100.0/24'), first!)).toBe(true);
    expect((await ask('www.example.com.', 'A')).ips).toEqual([first]);
    expect((await ask('www.example.com.', 'AAAA')).ips).toHaveLength(1);
  });

  test('has no answer of other types, but the name is there', async () => {
    expect(await ask('www.example.com.', 'MX')).toEqual({ rcode: 0, ips: [] });
  });

  test.each(['catalog.', 'catalog.default.svc.cluster.local.', 'node-9.', '1.0.0.127.in-addr.arpa.'])(
    '%s does not exist',
    async (name) => {
      expect((await ask(name, 'A')).rcode).toBe(3);
    },
  );
});
