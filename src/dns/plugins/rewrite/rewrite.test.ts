import { describe, expect, test } from 'vitest';
import { formatIp, parseIp } from '../../../net/ip.ts';
import { recordTypes, responseCodes } from '../../message/constants.ts';
import { type Message, newQuery, type ResourceRecord, replyTo } from '../../message/message.ts';
import { className, rcodeName, typeName } from '../../message/names-of-numbers.ts';
import type { RecordData } from '../../message/record-data.ts';
import type { Query } from '../../plugin.ts';
import { serveCorefile } from '../../testing/corefile.ts';

const record = (name: string, data: RecordData): ResourceRecord => ({ name, class: 1, ttl: 5, data });
const address = (name: string) => record(name, { type: recordTypes.A, ip: parseIp('10.0.0.1') });

/** Serves rules before a plugin that answers what it is asked, and keeps the queries that it got. */
function rewriting(
  rules: string,
  answer: (query: Query) => Partial<Message> = ({ message }) => ({
    answers: [address(message.questions[0]!.name)],
  }),
) {
  const asked: Query[] = [];
  const served = serveCorefile(`. {\n chaos\n ${rules}\n last\n}`, {
    last: (query) => {
      asked.push(query);
      return replyTo(query.message, answer(query));
    },
  });
  return { ...served, asked };
}

test.each([
  ['name a.com b.com'],
  ['name exact a.com b.com'],
  ['name prefix a.com b.com'],
  ['name suffix a.com b.com'],
  ['name substring a.com b.com'],
  ['name regex ([a])\\.com new-{1}.com'],
  ['name regex (dns)\\.(core)\\.(rocks) {2}.{1}.{3} answer name (core)\\.(dns)\\.(rocks) {2}.{1}.{3}'],
  ['name substring fcore.dns.rocks dns.fcore.rocks answer name (fcore)\\.(dns)\\.(rocks) {2}.{1}.{3}'],
  ['name suffix a. b. answer auto'],
  ['name suffix a. b. answer auto answer value (.*)\\.b {1}.a'],
  ['type any a'],
  ['class ch in'],
  ['edns0 local set 65518 abcdefg'],
  ['edns0 local set 0xffee abcdefg revert'],
  ['edns0 local append 0xffee 0x61626364'],
  ['edns0 local replace 0xffee {server_port} revert'],
  ['edns0 local set 0xffee {kubernetes/service}'],
  ['edns0 local unset 0xffee'],
  ['edns0 nsid set'],
  ['edns0 nsid append revert'],
  ['edns0 nsid unset'],
  ['edns0 subnet set 24 56'],
  ['edns0 subnet append 24 56 revert'],
  ['edns0 subnet unset'],
  ['stop name a.com b.com'],
  ['continue edns0 subnet replace 24 56'],
  ['ttl srv1.coredns.rocks 10'],
  ['ttl regex (srv1)\\.(coredns)\\.(rocks) 1-2'],
  ['ttl floor.coredns.rocks 1-'],
  ['ttl ceil.coredns.rocks -2'],
  ['rcode numeric.coredns.rocks 2 0'],
  ['continue rcode regex (regex)\\.rcode FORMERR NOERROR'],
  ['cname a.com b.com'],
  ['cname suffix a.com b.com'],
  ['stop {\n name regex foo bar\n answer name bar foo\n}'],
])('taken: rewrite %s', (rule) => {
  expect(() => rewriting(`rewrite ${rule}`)).not.toThrow();
});

test.each([
  [''],
  ['foo'],
  ['name'],
  ['name a.com'],
  ['name a.com b.com c.com'],
  ['name substring a.com b.com c.com'],
  ['name regex ([a]\\.com new-{1}.com'],
  ['name regex ([a])\\.com {1}{2}.com'],
  ['name regex (a)\\.(b) {2}.{1} answer name (b)\\.(a) {2}.{1} too.long way.too.long'],
  ['name regex (a)\\.(b) {2}.{1} NoAnswer name (b)\\.(a) {2}.{1}'],
  ['name regex (a)\\.(b) {2}.{1} answer ttl (b)\\.(a) {2}.{1}'],
  ['name suffix a b answer auto answer name (b) a'],
  ['type'],
  ['type any'],
  ['type any a a'],
  ['type XY A'],
  ['class IN'],
  ['class ch in in'],
  ['class IN WV'],
  ['edns0'],
  ['edns0 unknown set'],
  ['edns0 local set'],
  ['edns0 local set 0xffee'],
  ['edns0 local set invalid abc'],
  ['edns0 local set 0xffee 0xabcdefg'],
  ['edns0 local set 0xffee {dummy}'],
  ['edns0 local foo 0xffee abc'],
  ['edns0 local unset 0xffee abc'],
  ['edns0 local unset 0xffee revert'],
  ['edns0 nsid set junk'],
  ['edns0 nsid foo'],
  ['edns0 nsid unset revert'],
  ['edns0 subnet set -1 56'],
  ['edns0 subnet set 33 56'],
  ['edns0 subnet set 24 129'],
  ['edns0 subnet append 24 56 72'],
  ['edns0 subnet unset 24 56'],
  ['unknown-action name a.com b.com'],
  ['stop'],
  ['continue'],
  ['answer name bar foo'],
  ['ttl srv1 12345678901234567890'],
  ['ttl srv1 #1'],
  ['ttl srv1 -'],
  ['ttl srv1 2-1'],
  ['ttl srv1 5-10-20'],
  ['rcode too.few 2'],
  ['rcode exact too.many 2 1 0'],
  ['rcode invalid random nothing'],
  ['cname a'],
  ['cname x a b'],
  ['stop {\n name regex foo bar\n answer name bar foo\n name baz\n}'],
  ['stop {\n answer name bar foo\n name regex foo bar\n}'],
])('refused: rewrite %s', (rule) => {
  expect(() => rewriting(`rewrite ${rule}`)).toThrow(/^Corefile:\d+: /);
});

describe('what a query becomes', () => {
  const rules = `
    rewrite name from.nl. to.nl.
    rewrite name regex (core)\\.(dns)\\.(rocks)\\.(nl) {2}.{1}.{3}.{4} answer name (dns)\\.(core)\\.(rocks)\\.(nl) {2}.{1}.{3}.{4}
    rewrite name exact from.exact.nl. to.nl.
    rewrite name prefix prefix to
    rewrite name suffix .suffix. .nl.
    rewrite name substring from.substring to
    rewrite name regex (f.*m)\\.regex\\.(nl) to.{2}
    rewrite continue name regex consul\\.(rocks) core.dns.{1}
    rewrite name core.dns.rocks to.nl.
    rewrite continue class HS CH
    rewrite class CH IN
    rewrite type ANY HINFO`;

  test.each([
    ['from.nl', 'A', 'IN', 'to.nl A IN'],
    ['FROM.nl', 'A', 'IN', 'to.nl A IN'],
    ['a.nl', 'A', 'IN', 'a.nl A IN'],
    ['a.nl', 'A', 'CH', 'a.nl A IN'],
    ['a.nl', 'ANY', 'IN', 'a.nl HINFO IN'],
    ['from.nl', 'ANY', 'IN', 'to.nl ANY IN'],
    ['from.exact.nl', 'A', 'IN', 'to.nl A IN'],
    ['prefix.nl', 'A', 'IN', 'to.nl A IN'],
    ['to.suffix', 'A', 'IN', 'to.nl A IN'],
    ['from.substring.nl', 'A', 'IN', 'to.nl A IN'],
    ['from.regex.nl', 'A', 'IN', 'to.nl A IN'],
    ['consul.rocks', 'A', 'IN', 'to.nl A IN'],
    ['a.nl', 'ANY', 'CH', 'a.nl ANY IN'],
    ['a.nl', 'ANY', 'HS', 'a.nl ANY IN'],
    ['core.dns.rocks.nl', 'A', 'IN', 'dns.core.rocks.nl A IN'],
  ] as const)('%s %s %s', async (name, type, classText, expected) => {
    const { ask, asked } = rewriting(rules);
    const classNumber = { IN: 1, CH: 3, HS: 4 }[classText];
    const message = {
      ...newQuery(1, { name, type: recordTypes[type] }),
      questions: [{ name, type: recordTypes[type], class: classNumber }],
    };
    const reply = (await ask(name, type, { message }))!;
    const [question] = asked[0]!.message.questions;
    expect(`${question!.name} ${typeName(question!.type)} ${className(question!.class)}`).toBe(expected);
    expect(asked[0]).toMatchObject({ name: question!.name, type: question!.type });
    expect(reply.questions).toEqual(message.questions);
  });

  test('a name that is none fails the query', async () => {
    const { ask } = rewriting('rewrite name regex (.*) {1}{1}{1}');
    await expect(ask('a.org')).rejects.toThrow('is none');
  });
});

describe('what an answer becomes', () => {
  const cluster = (data: RecordData) => () => ({
    answers: [record('my.cluster.local', data)],
    additionals: [address('host.cluster.local')],
  });
  const named: [string, RecordData][] = [
    ['SRV', { type: recordTypes.SRV, priority: 0, weight: 1, port: 1, target: 'host.cluster.local' }],
    ['CNAME', { type: recordTypes.CNAME, target: 'host.cluster.local' }],
    ['MX', { type: recordTypes.MX, preference: 1, target: 'host.cluster.local' }],
    ['NS', { type: recordTypes.NS, target: 'host.cluster.local' }],
    ['PTR', { type: recordTypes.PTR, target: 'host.cluster.local' }],
  ];
  const rules = [
    'rewrite name regex (.*)\\.domain\\.uk {1}.cluster.local answer name (.*)\\.cluster\\.local {1}.domain.uk answer value (.*)\\.cluster\\.local {1}.domain.uk',
    'rewrite name suffix .domain.uk .cluster.local answer auto',
    'rewrite continue name suffix .domain.uk .domain.us answer auto\nrewrite name suffix .domain.us .cluster.local answer auto',
  ];
  test.each(rules.flatMap((rule) => named.map(([type, data]) => [rule, type, data] as const)))(
    '%j of %s',
    async (rule, _type, data) => {
      const reply = (await rewriting(rule, cluster(data)).ask('my.domain.uk'))!;
      expect(reply.answers[0]).toMatchObject({ name: 'my.domain.uk', data: { target: 'host.domain.uk' } });
      expect(reply.additionals[0]!.name).toBe('host.domain.uk');
    },
  );

  test('an exact rule turns its own name back, and names below it', async () => {
    const { ask } = rewriting('rewrite name a.org b.org', () => ({
      answers: [
        record('b.org', { type: recordTypes.CNAME, target: 'x.b.org' }),
        address('x.b.org'),
        address('xb.org'),
      ],
    }));
    expect((await ask('A.org'))!.answers.map(({ name }) => name)).toEqual(['a.org', 'x.a.org', 'xb.org']);
  });

  test('names that no rule turns back stay', async () => {
    const { ask } = rewriting('rewrite name substring from to');
    expect((await ask('from.nl'))!.answers[0]!.name).toBe('to.nl');
  });

  test.each([
    ['ttl a.org 10', 10],
    ['ttl exact A.org 1-3', 3],
    ['ttl suffix org 7-', 7],
    ['ttl prefix a -4', 4],
    ['ttl substring b 10', 5],
    ['ttl regex ^a\\..* 10', 10],
  ])('rewrite %s', async (rule, ttl) => {
    expect((await rewriting(`rewrite ${rule}`).ask('a.org'))!.answers[0]!.ttl).toBe(ttl);
  });

  test.each([
    ['rcode a.org SERVFAIL NOERROR', 'NOERROR'],
    ['rcode a.org 2 3', 'NXDOMAIN'],
    ['rcode a.org REFUSED NOERROR', 'SERVFAIL'],
    ['rcode suffix net SERVFAIL NOERROR', 'SERVFAIL'],
  ])('rewrite %s', async (rule, expected) => {
    const { ask } = rewriting(`rewrite ${rule}`, () => ({ rcode: responseCodes.SERVFAIL }));
    expect(rcodeName((await ask('a.org'))!.rcode)).toBe(expected);
  });

  test('cname leads an alias elsewhere, and asks there', async () => {
    const { ask } = rewriting('rewrite cname suffix .old.net. .new.net.', ({ name }) => ({
      answers:
        name === 'a.org'
          ? [record('a.org', { type: recordTypes.CNAME, target: 'x.old.net' }), address('x.old.net')]
          : [address(name)],
    }));
    const { answers } = (await ask('a.org'))!;
    expect(
      answers.map(
        ({ name, data }) => `${name} ${'target' in data ? data.target : 'ip' in data && formatIp(data.ip)}`,
      ),
    ).toEqual(['a.org x.new.net', 'x.new.net 10.0.0.1']);
  });
});

describe('EDNS0 options', () => {
  const options = async (
    rules: string,
    before?: { code: number; data: Uint8Array }[],
    fields: Partial<Query> = {},
  ) => {
    const { ask, asked } = rewriting(rules);
    const edns = before && { udpBytes: 1232, version: 0, dnssecOk: false, options: before };
    const reply = await ask('a.org', 'A', {
      message: newQuery(1, { name: 'a.org', type: 1 }, { edns }),
      ...fields,
    });
    expect(reply!.edns).toBeUndefined();
    return asked[0]!.message.edns!.options.map(
      ({ code, data }) => `${code} ${Buffer.from(data).toString('hex')}`,
    );
  };
  const here = [{ code: 0xffee, data: Buffer.from('old') }];

  test.each([
    ['local set 0xffee 0x6162', undefined, ['65518 6162']],
    ['local set 65518 ab', here, ['65518 6162']],
    ['local append 0xffee ab', here, ['65518 6f6c64', '65518 6162']],
    ['local replace 0xffee ab', here, ['65518 6162']],
    ['local unset 0xffee', here, []],
    ['local set 0xffee {qname}', undefined, ['65518 612e6f72672e']],
    ['local set 0xffee {qtype}', undefined, ['65518 0001']],
    ['local set 0xffee {client_ip}', undefined, ['65518 0af00001']],
    ['local set 0xffee {client_port}', undefined, ['65518 9d14']],
    ['local set 0xffee {protocol}', undefined, ['65518 756470']],
    ['nsid set', undefined, ['3 ']],
    ['subnet set 24 56', undefined, ['8 000118000af000']],
    ['subnet set 12 56', undefined, ['8 00010c000af0']],
  ])('edns0 %s', async (rule, before, expected) => {
    expect(await options(`rewrite edns0 ${rule}`, before)).toEqual(expected);
  });

  test('the subnet of an IPv6 client', async () => {
    const client = { address: 'fd00:1:2:3::9', port: 1 };
    expect(await options('rewrite edns0 subnet set 24 48', undefined, { client })).toEqual([
      '8 00023000fd0000010002',
    ]);
  });
});
