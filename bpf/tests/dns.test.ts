/** Questions for names of the cluster zone, answered in the kernel: which, how, and which are left to the server. */
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { recordTypes, responseCodes } from '../../src/dns/message/constants.ts';
import type { ResourceRecord } from '../../src/dns/message/message.ts';
import { formatIp, parseIp } from '../../src/net/ip.ts';
import { TimeSlice } from '../../src/util/time-slice.ts';
import { asker, DnsRig, edns, question, server, type TypeName, zone } from './dns-rig.ts';

const families = [4, 6] as const;
const ips = (...texts: string[]) => ({ ips: texts.map(parseIp) });
const range = (count: number, text: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => text(i));
/** 255 bytes on the wire, the most that there is. */
const longest = `${range(3, (i) => `${i}`.repeat(60)).join('.')}.${'x'.repeat(52)}.svc.cluster.local`;

let rig: DnsRig;
beforeAll(() => {
  rig = new DnsRig();
  const { maps } = rig;
  for (const existing of ['cluster.local', 'svc.cluster.local', 'shop.svc.cluster.local'])
    maps.set(existing, ips());
  maps.set('web.shop.svc.cluster.local', ips('10.96.0.7', 'fd00:96::7'));
  maps.set('four.shop.svc.cluster.local', ips('10.96.0.8'));
  maps.set('six.shop.svc.cluster.local', ips('fd00:96::9'));
  maps.set('alias.shop.svc.cluster.local', { ips: [], userSpace: true });
  maps.set(
    'db.shop.svc.cluster.local',
    ips('10.244.0.1', '10.244.0.2', '10.244.0.3', 'fd00:244::1', 'fd00:244::2'),
  );
  maps.set(
    'full.shop.svc.cluster.local',
    ips(...range(32, (i) => `10.244.9.${i}`), ...range(16, (i) => `fd00:9::${i + 1}`)),
  );
  maps.set('crowd.shop.svc.cluster.local', ips(...range(33, (i) => `10.244.8.${i}`)));
  maps.set(longest, ips('10.244.7.7', 'fd00:7::7'));
});
afterAll(() => rig[Symbol.dispose]());

function addresses(records: readonly ResourceRecord[]): string[] {
  return records.map(({ data }) => formatIp((data as { ip: ReturnType<typeof parseIp> }).ip)).sort();
}

describe.each(families)('IPv%s', (family) => {
  const ask = (name: string, type: TypeName = 'A', fields = {}) =>
    rig.ask(question(name, type, fields), family);

  it.each([
    ['web.shop.svc.cluster.local', 'A', ['10.96.0.7']],
    ['web.shop.svc.cluster.local', 'AAAA', ['fd00:96::7']],
    ['db.shop.svc.cluster.local', 'A', ['10.244.0.1', '10.244.0.2', '10.244.0.3']],
    ['db.shop.svc.cluster.local', 'AAAA', ['fd00:244::1', 'fd00:244::2']],
    [longest, 'A', ['10.244.7.7']],
    [longest, 'AAAA', ['fd00:7::7']],
  ] as const)('%s %s has its addresses', (name, type, wanted) => {
    const { message, packet } = ask(name, type)!;
    expect(addresses(message.answers)).toEqual(wanted);
    expect(message.answers.map(({ ttl, name: owner }) => [ttl, owner])).toEqual(wanted.map(() => [30, name]));
    expect(message).toMatchObject({
      ...{ id: 0x1234, response: true, authoritative: true, rcode: 0, truncated: false },
      ...{ recursionDesired: true, recursionAvailable: true, authorities: [], additionals: [] },
      questions: [{ name, type: recordTypes[type], class: 1 }],
    });
    expect(formatIp(packet.ip!.src)).toBe(server[family]);
    expect(formatIp(packet.ip!.dst)).toBe(asker[family]);
    expect(packet.ip).toMatchObject({ checksumOk: true, ttl: 64 });
    expect(packet.transport).toMatchObject({ sport: 53, dport: 40_000, checksumOk: true });
    expect(packet.ethernet).toMatchObject({ src: '02:00:00:00:00:01', dst: '02:00:00:00:00:0a' });
  });

  it.each([
    ['four.shop.svc.cluster.local', 'AAAA'],
    ['six.shop.svc.cluster.local', 'A'],
    ['shop.svc.cluster.local', 'A'],
    ['cluster.local', 'AAAA'],
  ] as const)('%s %s exists without such an address', (name, type) => {
    const { message, packet } = ask(name, type)!;
    expect(message).toMatchObject({ rcode: 0, answers: [], authoritative: true, authorities: [soa] });
    expect(packet.transport!.checksumOk).toBe(true);
  });

  it.each([
    'nobody.shop.svc.cluster.local',
    'x.cluster.local',
    'www.example.com.shop.svc.cluster.local',
    'www.example.com.svc.cluster.local',
    'www.example.com.cluster.local',
    'xpod.cluster.local',
    '_http._tcp.nobody.shop.svc.cluster.local',
    '10-244-0-1.nobody.shop.svc.cluster.local',
    'web.shop.svc.example.com.cluster.local',
    `${'a.'.repeat(120)}cluster.local`,
  ])('%s does not exist', (name) => {
    const { message } = ask(name, 'AAAA')!;
    expect(message).toMatchObject({ rcode: responseCodes.NXDOMAIN, answers: [], authorities: [soa] });
  });

  const soa = {
    name: 'cluster.local',
    ttl: 30,
    data: {
      ...{ type: recordTypes.SOA, primary: 'ns.dns.cluster.local', mailbox: 'hostmaster.cluster.local' },
      ...{ serial: 7, refresh: 7200, retry: 1800, expire: 86_400, minimum: 30 },
    },
  };

  it.each([
    ['another zone', 'www.example.com', 'A'],
    ['a name that only ends like the zone', 'web.shop.svc.mycluster.local', 'A'],
    ['the root', '', 'A'],
    ['a name of a pod by its address', '10-244-0-1.shop.pod.cluster.local', 'A'],
    ['the apex of those', 'pod.cluster.local', 'A'],
    ['an alias', 'alias.shop.svc.cluster.local', 'A'],
    ['more addresses than a set holds', 'crowd.shop.svc.cluster.local', 'A'],
    ['a port’s name', '_http._tcp.web.shop.svc.cluster.local', 'A'],
    ['the same as CoreDNS also takes it', 'HTTP.tcp.WEB.shop.svc.cluster.local', 'A'],
    ['a name below a Service’s', '10-244-0-1.web.shop.svc.cluster.local', 'AAAA'],
    ['another type', 'web.shop.svc.cluster.local', 'SRV'],
    ['every type', 'web.shop.svc.cluster.local', 'ANY'],
  ] as const)('leaves to the server: %s', (_, name, type) => {
    expect(ask(name, type)).toBeUndefined();
  });

  it('keeps the case of the question and ignores it', () => {
    const name = 'WeB.sHop.SVC.cluster.LOCAL';
    const { message } = ask(name, 'A')!;
    expect(message.questions[0]!.name).toBe(name);
    expect(addresses(message.answers)).toEqual(['10.96.0.7']);
    expect(ask('NOBODY.shop.svc.CLUSTER.local')!.message.rcode).toBe(responseCodes.NXDOMAIN);
  });

  it('sends an OPT record to who sent one, with its DO bit', () => {
    expect(ask('web.shop.svc.cluster.local', 'A')!.message.edns).toBeUndefined();
    const { message, packet } = ask('web.shop.svc.cluster.local', 'AAAA', edns(4096, true))!;
    expect(message.edns).toEqual({ udpBytes: 1232, version: 0, dnssecOk: true, options: [] });
    expect(packet.transport!.checksumOk).toBe(true);
    expect(ask('nobody.shop.svc.cluster.local', 'A', edns(1232))!.message).toMatchObject({
      rcode: responseCodes.NXDOMAIN,
      edns: { dnssecOk: false },
    });
  });

  it('answers what fits the asker’s datagrams, and leaves what does not to the server, which truncates', () => {
    const name = 'full.shop.svc.cluster.local';
    expect(ask(name, 'A')).toBeUndefined();
    expect(ask(name, 'A', edns(540))).toBeUndefined();
    expect(ask(name, 'A', edns(1232))!.message.answers).toHaveLength(32);
    expect(ask(name, 'AAAA', edns(1232))!.message.answers).toHaveLength(16);
    // Less than 512 bytes is taken for 512 (RFC 6891, section 6.2.3).
    expect(ask(name, 'AAAA', edns(100))!.message.answers).toHaveLength(16);
  });

  it('begins a set of addresses at one or another', () => {
    const first = new Set(
      range(64, () =>
        formatIp(
          (
            ask('db.shop.svc.cluster.local', 'A')!.message.answers[0]!.data as {
              ip: ReturnType<typeof parseIp>;
            }
          ).ip,
        ),
      ),
    );
    expect([...first].sort()).toEqual(['10.244.0.1', '10.244.0.2', '10.244.0.3']);
  });

  const plain = question('web.shop.svc.cluster.local');
  const changed = (change: (bytes: Buffer) => unknown) => {
    const bytes = Buffer.from(plain);
    const made = change(bytes);
    return Buffer.isBuffer(made) ? made : bytes;
  };
  it.each([
    ['a response', changed((b) => b.writeUInt16BE(0x8100, 2))],
    ['another opcode', changed((b) => b.writeUInt16BE(0x2900, 2))],
    ['a truncated question', changed((b) => b.writeUInt16BE(0x0300, 2))],
    ['two questions', changed((b) => b.writeUInt16BE(2, 4))],
    ['no question', changed((b) => b.writeUInt16BE(0, 4))],
    ['an answer in the question', changed((b) => b.writeUInt16BE(1, 6))],
    ['a promised OPT record that is not there', changed((b) => b.writeUInt16BE(1, 10))],
    ['bytes behind the question', Buffer.concat([plain, Buffer.alloc(1)])],
    ['a cut question', plain.subarray(0, -1)],
    ['a cut name', plain.subarray(0, 20)],
    ['a header alone', plain.subarray(0, 12)],
    ['nothing', Buffer.alloc(0)],
    ['another class', changed((b) => b.writeUInt16BE(3, b.length - 2))],
    [
      'a name that points to itself',
      Buffer.concat([plain.subarray(0, 12), Buffer.from('c00c00010001', 'hex')]),
    ],
    ['a label of an unknown kind', changed((b) => b.writeUInt8(0x43, 12))],
    ['another version of EDNS', changed((b) => withOpt(b, '000029100000010000000000'.slice(0, 22)))],
    ['an option', changed((b) => withOpt(b, '0000291000000000000008000a0004deadbeef'.slice(0, 38)))],
    ['no OPT record but another one', changed((b) => withOpt(b, '0000010001000000000000'))],
  ])('leaves to the server: %s', (_, message) => {
    expect(rig.ask(message, family)).toBeUndefined();
  });

  function withOpt(message: Buffer, hex: string): Buffer {
    message.writeUInt16BE(1, 10);
    return Buffer.concat([message, Buffer.from(hex, 'hex')]);
  }

  it('leaves alone what goes elsewhere, comes in fragments or is no datagram to port 53', () => {
    const elsewhere = { 4: '10.96.0.11', 6: 'fd00:96::11' }[family];
    const from = rig.datagram(plain, family);
    expect(rig.send(from.ip(asker[family], elsewhere).bytes())).toBeUndefined();
    expect(rig.send(from.udp(40_000, 54).bytes())).toBeUndefined();
    expect(rig.send(from.tcp(40_000, 53).bytes())).toBeUndefined();
    expect(rig.send(from.udp(0, 53).bytes())).toBeUndefined();
    for (const part of from.fragments(24)) expect(rig.send(part)).toBeUndefined();
    expect(rig.send(Buffer.concat([from.bytes(), Buffer.alloc(4)]))).toBeUndefined();
  });
});

test('nothing is answered while not all names are there', () => {
  rig.maps.disable();
  expect(rig.ask(question('web.shop.svc.cluster.local'))).toBeUndefined();
  rig.maps.enable(zone);
  expect(rig.ask(question('web.shop.svc.cluster.local'))).toBeDefined();
});

test('nothing is answered once nobody has kept the maps for long', () => {
  rig.maps.renew(-1000);
  expect(rig.ask(question('cluster.local'))).toBeUndefined();
  rig.maps.renew();
  expect(rig.ask(question('cluster.local'))).toBeDefined();
});

test('what does not exist is known for no longer than the servers say', () => {
  rig.maps.enable({ ...zone, ttl: 3600 });
  const { message } = rig.ask(question('nobody.shop.svc.cluster.local'))!;
  expect(message.authorities[0]).toMatchObject({ ttl: 300, data: { minimum: 3600 } });
  expect(rig.ask(question('web.shop.svc.cluster.local'))!.message.answers[0]!.ttl).toBe(3600);
  rig.maps.enable(zone);
});

describe('answers are told', () => {
  const asked = ['Web.shop.svc.cluster.local', 'nobody.shop.svc.cluster.local', 'shop.svc.cluster.local'];

  test('to nobody unless somebody listens', () => {
    for (const name of asked) rig.ask(question(name));
    expect(rig.samples()).toEqual([]);
  });

  it.each(families)('with who asked what and what came of it, over IPv%s', (family) => {
    rig.maps.sampleEvery(1);
    const from = process.hrtime.bigint();
    for (const name of asked) rig.ask(question(name, 'AAAA'), family);
    rig.ask(question('www.example.com'), family);
    rig.maps.sampleEvery(0);
    const samples = rig.samples();
    expect(samples).toMatchObject([
      { asker: asker[family], name: asked[0], type: 'AAAA', result: 'hit' },
      { name: asked[1], result: 'nxdomain' },
      { name: asked[2], result: 'empty' },
    ]);
    for (const { time } of samples) expect(time).toBeGreaterThan(from);
  });

  test('one in many', () => {
    rig.maps.sampleEvery(1_000_000_000);
    for (let i = 0; i < 100; i++) rig.ask(question(asked[0]!));
    rig.maps.sampleEvery(0);
    expect(rig.samples().length).toBeLessThan(3);
  });

  test('no more than there is room for, and all are answered', () => {
    rig.maps.sampleEvery(1);
    for (let i = 0; i < 500; i++) expect(rig.ask(question(asked[0]!))).toBeDefined();
    rig.maps.sampleEvery(0);
    expect(rig.samples().length).toBe(221);
  });
});

test('counts what it answered, and what it left to the server', () => {
  const before = rig.maps.counters();
  rig.ask(question('web.shop.svc.cluster.local'));
  rig.ask(question('four.shop.svc.cluster.local', 'AAAA'));
  rig.ask(question('nobody.shop.svc.cluster.local'));
  rig.ask(question('www.example.com'));
  const after = rig.maps.counters();
  expect({
    hits: after.hits - before.hits,
    empty: after.empty - before.empty,
    nameErrors: after.nameErrors - before.nameErrors,
    passed: after.passed - before.passed,
  }).toEqual({ hits: 1, empty: 1, nameErrors: 1, passed: 1 });
});

describe('names that change', () => {
  const name = 'changing.shop.svc.cluster.local';
  const answer = (type: TypeName = 'A') => {
    const reply = rig.ask(question(name, type));
    return reply && [reply.message.rcode, ...addresses(reply.message.answers)];
  };

  test('from one address to several, to others, to none', () => {
    rig.maps.set(name, ips('10.0.0.1'));
    expect(answer()).toEqual([0, '10.0.0.1']);
    rig.maps.set(name, ips('10.0.0.1', '10.0.0.2', 'fd00::1'));
    expect(answer()).toEqual([0, '10.0.0.1', '10.0.0.2']);
    expect(answer('AAAA')).toEqual([0, 'fd00::1']);
    rig.maps.set(name, ips('10.0.0.3', '10.0.0.4'));
    expect(answer()).toEqual([0, '10.0.0.3', '10.0.0.4']);
    rig.maps.set(name, ips('10.0.0.5'));
    expect(answer()).toEqual([0, '10.0.0.5']);
    rig.maps.set(name, ips());
    expect(answer()).toEqual([0]);
    rig.maps.delete(name);
    expect(answer()).toEqual([responseCodes.NXDOMAIN]);
  });

  test('what is not wanted any more goes, with its set', async () => {
    using other = new DnsRig({ dns_sets: 2 });
    other.maps.set('a.cluster.local', ips('10.0.0.1', '10.0.0.2'));
    other.maps.set('b.cluster.local', ips('10.0.0.1', '10.0.0.2'));
    await other.maps.retain((kept) => kept === 'b.cluster.local', new TimeSlice());
    expect(other.ask(question('a.cluster.local'))!.message.rcode).toBe(responseCodes.NXDOMAIN);
    other.maps.set('c.cluster.local', ips('10.0.0.1', '10.0.0.2'));
    expect(other.ask(question('c.cluster.local'))!.message.answers).toHaveLength(2);
  });

  test('a full map is told, and changes nothing', () => {
    using other = new DnsRig({ dns_names: 1, dns_sets: 1 });
    other.maps.set('a.cluster.local', ips('10.0.0.1', '10.0.0.2'));
    expect(() => other.maps.set('b.cluster.local', ips('10.0.0.1'))).toThrow(/dns_names/);
    expect(() => other.maps.set('b.cluster.local', ips('10.0.0.1', '10.0.0.2'))).toThrow(/dns_sets/);
    other.maps.delete('a.cluster.local');
    other.maps.set('b.cluster.local', ips('10.0.0.1', '10.0.0.2'));
    expect(other.ask(question('b.cluster.local'))!.message.answers).toHaveLength(2);
  });
});
