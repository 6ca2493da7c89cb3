import { describe, expect, test } from 'vitest';
import { serveChain } from '../../dns/chain.ts';
import { recordTypes } from '../../dns/message/constants.ts';
import { newQuery } from '../../dns/message/message.ts';
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

async function ask(name: string, type: number) {
  const message = newQuery(1, { name, type });
  const client = { address: '172.20.0.11', port: 4000 };
  const reply = await serveChain([outsideNamesPlugin(config)], {
    message,
    name,
    type,
    transport: 'udp',
    client,
  });
  return { rcode: reply.rcode, ips: reply.answers.map(({ data }) => (data as { ip: Ip }).ip) };
}

describe('the outside host’s DNS', () => {
  test('knows the nodes', async () => {
    expect((await ask('node-2.', recordTypes.A)).ips.map(formatIp)).toEqual(['172.20.0.12']);
    expect((await ask('node-2.', recordTypes.AAAA)).ips.map(formatIp)).toEqual(['fd00:10:20::c']);
  });

  test('leads any other name to one of its external addresses, always the same', async () => {
    const [first] = (await ask('www.example.com.', recordTypes.A)).ips;
    expect(cidrContains(parseCidr('198.51.100.0/24'), first!)).toBe(true);
    expect((await ask('www.example.com.', recordTypes.A)).ips).toEqual([first]);
    expect((await ask('www.example.com.', recordTypes.AAAA)).ips).toHaveLength(1);
  });

  test('has no answer of other types, but the name is there', async () => {
    expect(await ask('www.example.com.', recordTypes.MX)).toEqual({ rcode: 0, ips: [] });
  });

  test.each(['catalog.', 'catalog.default.svc.cluster.local.', 'node-9.', '1.0.0.127.in-addr.arpa.'])(
    '%s does not exist',
    async (name) => {
      expect((await ask(name, recordTypes.A)).rcode).toBe(3);
    },
  );
});
