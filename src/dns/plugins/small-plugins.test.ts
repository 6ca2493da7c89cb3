/** What the smaller plugins do to queries and answers. */
import { hostname } from 'node:os';
import { describe, expect, test } from 'vitest';
import { formatIp, parseIp } from '../../net/ip.ts';
import { recordTypes, responseCodes } from '../message/constants.ts';
import { type Message, newQuery, type ResourceRecord, replyTo } from '../message/message.ts';
import type { RecordData } from '../message/record-data.ts';
import { serveCorefile } from '../testing/corefile.ts';
import { roundRobin } from './loadbalance/shuffle.ts';
import { parseWeights, weighted } from './loadbalance/weights.ts';

const record = (data: RecordData, name = 'example.org'): ResourceRecord => ({
  name,
  class: 1,
  ttl: 60,
  data,
});
const address = (text: string, name?: string) => {
  const ip = parseIp(text);
  return record({ type: ip.family === 4 ? recordTypes.A : recordTypes.AAAA, ip }, name);
};
const ns = record({ type: recordTypes.NS, target: 'ns.example.org' });
const mx = record({ type: recordTypes.MX, preference: 1, target: 'mx' });
const cname = record({ type: recordTypes.CNAME, target: 'b' });
const { NXDOMAIN, REFUSED } = responseCodes;

const behind = (lines: string, said: Partial<Message> = {}) =>
  serveCorefile(`. {\n ${lines}\n last\n}`, { last: ({ message }) => replyTo(message, said) });
const edns = (options: { code: number; data: Uint8Array }[] = []) => ({
  udpBytes: 4096,
  version: 0,
  dnssecOk: false,
  options,
});
const query = (name: string, type: number, fields: Partial<Message> = {}) => ({
  message: newQuery(1, { name, type }, fields),
});
const addressesIn = (records: readonly ResourceRecord[]) =>
  records.flatMap(({ data }) => ('ip' in data ? [formatIp(data.ip)] : []));

test('any answers ANY with HINFO, and nothing else', async () => {
  const { ask } = behind('any', { rcode: NXDOMAIN });
  expect((await ask('example.org', 'ANY'))!.answers[0]).toMatchObject({ ttl: 8482, data: { type: 13 } });
  expect((await ask('example.org'))!.rcode).toBe(NXDOMAIN);
});

test.each([
  ['10.0.0.9', 'udp', '_udp'],
  ['fd00::9', 'tcp', '_tcp'],
] as const)('whoami tells %s over %s', async (from, transport, label) => {
  const reply = (await serveCorefile('. {\n whoami\n}').ask('a.org', 'A', {
    client: { address: from, port: 5 },
    transport,
  }))!;
  expect(addressesIn(reply.additionals)).toEqual([from]);
  expect(reply.additionals[1]).toMatchObject({ name: `${label}.a.org`, data: { port: 5, target: '' } });
});

test('minimal leaves a positive answer alone, and denials and delegations whole', async () => {
  const extra = { authorities: [ns], additionals: [address('10.0.0.1')] };
  expect(await behind('minimal', { answers: [mx], ...extra }).ask('a.org')).toMatchObject({
    answers: [mx],
    authorities: [],
    additionals: [],
  });
  expect(await behind('minimal', extra).ask('a.org')).toMatchObject(extra);
  expect(await behind('minimal', { rcode: NXDOMAIN, ...extra }).ask('a.org')).toMatchObject(extra);
});

test('header changes flags of queries and answers', async () => {
  const { ask } = behind('header {\n query clear rd\n response set aa ra\n}');
  expect(await ask('a.org')).toMatchObject({
    authoritative: true,
    recursionAvailable: true,
    recursionDesired: false,
  });
  const cleared = behind('header {\n response clear aa\n}', { authoritative: true });
  expect(await cleared.ask('a.org')).toMatchObject({ authoritative: false, recursionDesired: true });
});

test('nsid names the server to those who ask', async () => {
  const { ask } = behind('nsid "this server"');
  const reply = await ask(
    'a.org',
    'A',
    query('a.org', 1, { edns: edns([{ code: 3, data: Buffer.alloc(0) }]) }),
  );
  expect(Buffer.from(reply!.edns!.options[0]!.data).toString()).toBe('this server');
  expect((await ask('a.org', 'A', query('a.org', 1, { edns: edns() })))!.edns).toBeUndefined();
});

test('bufsize bounds what a query asks for', async () => {
  const { ask } = behind('bufsize 1024');
  const asked = query('a.org', 1, { edns: edns() });
  await ask('a.org', 'A', asked);
  expect(asked.message.edns!.udpBytes).toBe(1024);
});

test('cancel waits no longer than it says', async () => {
  const { ask, clock } = serveCorefile('. {\n cancel 2s\n last\n}', { last: () => new Promise(() => {}) });
  const asking = expect(ask('a.org')).rejects.toThrow('no answer within 2000 ms');
  await clock.advance(2000);
  await asking;
});

describe('chaos', () => {
  const { ask } = behind('chaos v9 Jane', { rcode: NXDOMAIN });
  const askChaos = (name: string, type: 'TXT' | 'A' = 'TXT') =>
    ask(name, type, {
      message: {
        ...newQuery(1, { name, type: 16 }),
        questions: [{ name, type: recordTypes[type], class: 3 }],
      },
    });
  test.each([
    ['version.bind', 'v9'],
    ['VERSION.server', 'v9'],
    ['authors.bind', 'Jane'],
    ['hostname.bind', hostname()],
    ['id.server', hostname()],
  ])('%s', async (name, text) => {
    const { data } = (await askChaos(name))!.answers[0]!;
    expect(Buffer.concat((data as { strings: Uint8Array[] }).strings).toString()).toBe(text);
  });

  test('nothing else', async () => {
    expect((await askChaos('other.bind'))!.rcode).toBe(NXDOMAIN);
    expect((await askChaos('version.bind', 'A'))!.rcode).toBe(NXDOMAIN);
    expect((await ask('version.bind', 'TXT'))!.rcode).toBe(NXDOMAIN);
  });
});

describe('local', () => {
  const { ask } = behind('local', { rcode: REFUSED });
  test.each([
    ['localhost', 'A', 0, '127.0.0.1'],
    ['localhost', 'AAAA', 0, '::1'],
    ['localhost', 'MX', 0, ''],
    ['localhost', 'NS', 0, 'localhost'],
    ['localhost.example.net', 'A', 0, '127.0.0.1'],
    ['a.localhost', 'AAAA', 0, '::1'],
    ['a.localhost', 'SRV', 0, ''],
    ['127.in-addr.arpa', 'NS', 0, 'localhost'],
    ['127.in-addr.arpa', 'A', 0, ''],
    ['0.in-addr.arpa', 'SOA', 0, 'soa'],
    ['1.0.0.127.in-addr.arpa', 'PTR', 0, 'localhost'],
    ['1.0.0.127.in-addr.arpa', 'MX', 0, ''],
    ['2.0.0.127.in-addr.arpa', 'PTR', NXDOMAIN, ''],
    ['1.255.in-addr.arpa', 'PTR', NXDOMAIN, ''],
    ['example.net', 'A', REFUSED, ''],
  ] as const)('%s %s', async (name, type, rcode, expected) => {
    const reply = (await ask(name, type))!;
    expect(reply.rcode).toBe(rcode);
    const told = reply.answers.map(({ data }) =>
      'ip' in data ? formatIp(data.ip) : 'target' in data ? data.target : 'soa',
    );
    expect(told.join()).toBe(expected);
    if (expected === '' && rcode !== REFUSED) expect(reply.authorities).toHaveLength(1);
  });

  test('localhost_prefix off leaves localhost.example.org to others', async () => {
    const off = behind('local {\n localhost_prefix off\n}', { rcode: REFUSED });
    expect((await off.ask('localhost.example.org'))!.rcode).toBe(REFUSED);
    expect((await off.ask('a.localhost'))!.rcode).toBe(0);
  });
});

describe('acl', () => {
  /** CoreDNS's cases: rules, client, type, and what comes of it. */
  test.each([
    ['acl example.org {\n block type A net 192.168.0.0/16\n}', '192.168.0.2', 'A', REFUSED],
    ['acl example.org {\n block type A net 192.168.0.0/16\n}', '10.1.0.2', 'A', NXDOMAIN],
    ['acl example.org {\n block type A net 192.168.0.0/16\n}', '192.168.0.2', 'AAAA', NXDOMAIN],
    ['acl {\n block type A\n}', '10.1.0.2', 'A', REFUSED],
    ['acl {\n allow net 192.168.1.0/24\n block net 192.168.0.0/16\n}', '192.168.1.2', 'A', NXDOMAIN],
    ['acl {\n allow net 192.168.1.0/24\n block net 192.168.0.0/16\n}', '192.168.2.2', 'A', REFUSED],
    ['acl {\n filter type A\n}', '10.1.0.2', 'A', 0],
    ['acl {\n drop net 10.1.0.2\n}', '10.1.0.2', 'A', undefined],
    ['acl {\n drop net 10.1.0.2\n}', '10.1.0.3', 'A', NXDOMAIN],
    ['acl {\n block net fd00::/8\n}', 'fd00::1', 'A', REFUSED],
    ['acl {\n block net fd00::/8\n}', 'fe80::1%eth0', 'A', NXDOMAIN],
    ['acl {\n block type * net *\n}', '10.1.0.2', 'MX', REFUSED],
    ['acl example.net {\n block\n}', '10.1.0.2', 'A', NXDOMAIN],
    ['acl {\n block\n}', 'no address', 'A', REFUSED],
    ['acl {\n allow net 10.0.0.0/8\n}\nacl {\n block\n}', '10.1.0.2', 'A', NXDOMAIN],
    ['acl {\n allow net 11.0.0.0/8\n}\nacl {\n block\n}', '10.1.0.2', 'A', REFUSED],
  ] as const)('%j, %s asks for %s', async (lines, client, type, rcode) => {
    const { ask } = behind(lines, { rcode: NXDOMAIN });
    const reply = await ask('www.example.org', type, { client: { address: client, port: 1 } });
    expect(reply?.rcode).toBe(rcode);
  });

  test('tells why, and counts', async () => {
    const { ask, metrics } = behind('acl {\n block type A\n filter\n}');
    expect((await ask('a.org'))!.edns!.options).toEqual([{ code: 15, data: Buffer.of(0, 15) }]);
    expect((await ask('a.org', 'AAAA'))!.edns!.options).toEqual([{ code: 15, data: Buffer.of(0, 17) }]);
    expect(metrics.render()).toContain(
      'coredns_acl_blocked_requests_total{server="dns://:53",zone=".",view=""} 1\n',
    );
  });
});

describe('loop', () => {
  test('ends the process where its own query comes back', async () => {
    const seen: string[] = [];
    const served = serveCorefile('example.org {\n loop\n last\n}', {
      last: async ({ message, name }) => {
        seen.push(name);
        return (await served.ask(name, 'A', { type: 13, name })) ?? replyTo(message);
      },
    });
    await served.configuration.start();
    await expect
      .poll(() => served.fatal.map(String))
      .toEqual([expect.stringContaining('for the zone example.org. that are forwarded come back')]);
    expect(seen).toHaveLength(2);
    expect(seen[0]).toMatch(/^\d+\.\d+\.example\.org$/);
    await served.configuration.close();
  });

  test('stays quiet where it does not, and after two seconds whatever comes', async () => {
    let name = '';
    const served = serveCorefile('. {\n loop\n last\n}', {
      last: (asked) => {
        name = asked.name;
        return replyTo(asked.message, { rcode: NXDOMAIN });
      },
    });
    await served.configuration.start();
    await served.clock.advance(2000);
    for (let i = 0; i < 4; i++) await served.ask(name, 'A', { type: 13 });
    expect(served.fatal).toEqual([]);
  });
});

describe('loadbalance', () => {
  test('gives every order of addresses, aliases first and MX last', () => {
    const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((one) => address(one));
    const orders = new Set<string>();
    for (let i = 0; i < 500; i++) {
      const mixed = roundRobin([mx, addresses[0]!, cname, addresses[1]!, ns, addresses[2]!]);
      expect([mixed[0], mixed[1], mixed[5]]).toEqual([cname, ns, mx]);
      orders.add(addressesIn(mixed).join());
    }
    expect(orders.size).toBe(6);
    expect(addressesIn(addresses)).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  });

  test('prefer puts the first network’s addresses first', async () => {
    const answers = ['8.8.8.8', 'fd00::1', '192.168.1.1', '10.1.1.1'].map((one) => address(one));
    const { ask } = behind('loadbalance {\n prefer 10.0.0.0/8 192.168.0.0/16\n}', { answers });
    expect(addressesIn((await ask('a.org'))!.answers).slice(0, 2)).toEqual(['10.1.1.1', '192.168.1.1']);
  });

  test('leaves errors as they are', async () => {
    const answers = ['10.0.0.1', '10.0.0.2'].map((one) => address(one));
    const { ask } = behind('loadbalance', { rcode: NXDOMAIN, answers });
    for (let i = 0; i < 20; i++) expect((await ask('a.org'))!.answers).toEqual(answers);
  });

  test('weighted: an address stands first as often as its weight says', () => {
    const weights = parseWeights('# weights\n\nexample.org\n10.0.0.1 3\n10.0.0.2 1\n', 'weights');
    const first = (random: number) =>
      addressesIn(
        weighted([address('10.0.0.1'), address('10.0.0.2'), address('10.0.0.3')], weights, () => random),
      )[0];
    expect([0, 0.59, 0.61, 0.79, 0.81].map(first)).toEqual([
      '10.0.0.1',
      '10.0.0.1',
      '10.0.0.2',
      '10.0.0.2',
      '10.0.0.3',
    ]);
  });

  test.each([
    '10.0.0.1 1',
    'example.org\n10.0.0.1',
    'example.org\n10.0.0.1 0',
    'example.org\n10.0.0.1 256',
    'example.org\n10.0.0.1 x',
    'example.org\nx 1',
    'example.org\n10.0.0.1 1 1',
  ])('no weights: %j', (text) => {
    expect(() => parseWeights(text, 'weights')).toThrow(/^weights:\d: /);
  });
});
