import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { recordTypes } from '../../message/constants.ts';
import { newQuery, replyTo } from '../../message/message.ts';
import { rcodeName } from '../../message/names-of-numbers.ts';
import { formatRecord, parseRecord } from '../../message/presentation.ts';
import { serveCorefile } from '../../testing/corefile.ts';
import { parseZoneFile } from './zone-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'tendril-zones-'));
afterAll(() => rmSync(directory, { recursive: true }));
let count = 0;

function zoneFile(text: string): string {
  const path = join(directory, `zone-${count++}`);
  writeFileSync(path, text);
  return path;
}

const zone = `
$TTL 30M
$ORIGIN miek.nl.
@       IN      SOA     linode.atoom.net. miek.miek.nl. (
                             1282630057 ; Serial
                             4H 1H 7D   ; Refresh, retry, expire
                             4H )       ; Negative cache TTL
                IN      NS      linode.atoom.net.
                IN      A       139.162.196.78
                IN      MX      1  aspmx.l.google.com.
a               IN      A       139.162.196.78
                IN      AAAA    2a01:7e00::f03c:91ff:fef1:6735
www             IN      CNAME   a
chain           IN      CNAME   www
out             IN      CNAME   target.net.
gone            IN      CNAME   gone.net.
loop            IN      CNAME   loop
srv             IN      SRV     10 10 8080 a.miek.nl.
mx              IN      MX      10 a.miek.nl.
*.x             IN      CNAME   www
*.y             IN      A       139.162.196.78
*.z             IN      MX      10 a
one.two.y       IN      TXT     "deep; here (too)"
a.b.c           IN      A       127.0.0.1
*.deep.w        IN      A       127.0.0.2
delegated       IN      NS      a.delegated
                IN      NS      ns-ext.nlnetlabs.nl.
                IN      DS      \\# 4 00010203
a.delegated     IN      TXT     "obscured"
                IN      A       139.162.196.78
into            IN      CNAME   x.delegated
dname           IN      DNAME   test
dname           IN      A       127.0.0.1
a.test          IN      A       139.162.196.78
www.test        IN      CNAME   a.test
away            IN      DNAME   target.net.
\\*.escaped     300 IN  A       127.0.0.3
`;
const soa = 'miek.nl. 1800 IN SOA linode.atoom.net. miek.miek.nl. 1282630057 14400 3600 604800 14400';
const ns = 'miek.nl. 1800 IN NS linode.atoom.net.';
const address = '1800 IN A 139.162.196.78';
const delegation = [
  'delegated.miek.nl. 1800 IN NS a.delegated.miek.nl.',
  'delegated.miek.nl. 1800 IN NS ns-ext.nlnetlabs.nl.',
];

function served(path: string, block = '', origin = 'miek.nl') {
  return serveCorefile(`. {\n file ${path} ${origin} {\n${block}\n}\n last\n}`, {
    last: ({ message, name }) => {
      if (name === 'target.net' || name === 'x.target.net')
        return replyTo(message, { answers: [parseRecord(`${name}. 5 IN A 192.0.2.9`)] });
      return replyTo(message, { rcode: name === 'gone.net' ? 3 : 5 });
    },
  });
}

/** CoreDNS's cases: the question; rcode, answers, authorities, additional records, and whether it is authoritative. */
test.each<[string, keyof typeof recordTypes, string, string[], string[], string[]?, boolean?]>([
  ['miek.nl', 'SOA', 'NOERROR', [soa], [ns]],
  ['miek.nl', 'NS', 'NOERROR', [ns], []],
  ['mIeK.NL', 'A', 'NOERROR', [`miek.nl. ${address}`], [ns]],
  ['miek.nl', 'AAAA', 'NOERROR', [], [soa]],
  ['a.miek.nl', 'SRV', 'NOERROR', [], [soa]],
  ['b.miek.nl', 'A', 'NXDOMAIN', [], [soa]],
  ['www.miek.nl', 'A', 'NOERROR', ['www.miek.nl. 1800 IN CNAME a.miek.nl.', `a.miek.nl. ${address}`], [ns]],
  ['www.miek.nl', 'CNAME', 'NOERROR', ['www.miek.nl. 1800 IN CNAME a.miek.nl.'], [ns]],
  [
    'chain.miek.nl',
    'A',
    'NOERROR',
    [
      'chain.miek.nl. 1800 IN CNAME www.miek.nl.',
      'www.miek.nl. 1800 IN CNAME a.miek.nl.',
      `a.miek.nl. ${address}`,
    ],
    [ns],
  ],
  [
    'out.miek.nl',
    'A',
    'NOERROR',
    ['out.miek.nl. 1800 IN CNAME target.net.', 'target.net. 5 IN A 192.0.2.9'],
    [ns],
  ],
  ['gone.miek.nl', 'A', 'NXDOMAIN', ['gone.miek.nl. 1800 IN CNAME gone.net.'], [soa]],
  [
    'srv.miek.nl',
    'SRV',
    'NOERROR',
    ['srv.miek.nl. 1800 IN SRV 10 10 8080 a.miek.nl.'],
    [ns],
    [`a.miek.nl. ${address}`, 'a.miek.nl. 1800 IN AAAA 2a01:7e00::f03c:91ff:fef1:6735'],
  ],
  [
    'mx.miek.nl',
    'MX',
    'NOERROR',
    ['mx.miek.nl. 1800 IN MX 10 a.miek.nl.'],
    [ns],
    [`a.miek.nl. ${address}`, 'a.miek.nl. 1800 IN AAAA 2a01:7e00::f03c:91ff:fef1:6735'],
  ],
  ['asterisk.x.miek.nl', 'CNAME', 'NOERROR', ['asterisk.x.miek.nl. 1800 IN CNAME www.miek.nl.'], [ns]],
  ['a.b.x.miek.nl', 'CNAME', 'NOERROR', ['a.b.x.miek.nl. 1800 IN CNAME www.miek.nl.'], [ns]],
  ['asterisk.y.miek.nl', 'A', 'NOERROR', [`asterisk.y.miek.nl. ${address}`], [ns]],
  ['asterisk.y.miek.nl', 'TXT', 'NOERROR', [], [soa]],
  [
    'foo.z.miek.nl',
    'MX',
    'NOERROR',
    ['foo.z.miek.nl. 1800 IN MX 10 a.miek.nl.'],
    [ns],
    [`a.miek.nl. ${address}`, 'a.miek.nl. 1800 IN AAAA 2a01:7e00::f03c:91ff:fef1:6735'],
  ],
  ['nothing.two.y.miek.nl', 'A', 'NXDOMAIN', [], [soa]],
  ['one.two.y.miek.nl', 'TXT', 'NOERROR', ['one.two.y.miek.nl. 1800 IN TXT "deep; here (too)"'], [ns]],
  ['b.c.miek.nl', 'A', 'NOERROR', [], [soa]],
  ['c.miek.nl', 'A', 'NOERROR', [], [soa]],
  ['x.c.miek.nl', 'A', 'NXDOMAIN', [], [soa]],
  ['deep.w.miek.nl', 'A', 'NOERROR', [], [soa]],
  ['delegated.miek.nl', 'NS', 'NOERROR', [], delegation, [`a.delegated.miek.nl. ${address}`], false],
  ['foo.delegated.miek.nl', 'A', 'NOERROR', [], delegation, [`a.delegated.miek.nl. ${address}`], false],
  ['a.delegated.miek.nl', 'TXT', 'NOERROR', [], delegation, [`a.delegated.miek.nl. ${address}`], false],
  ['delegated.miek.nl', 'DS', 'NOERROR', ['delegated.miek.nl. 1800 IN DS 1 2 3'], [ns]],
  [
    'into.miek.nl',
    'A',
    'NOERROR',
    ['into.miek.nl. 1800 IN CNAME x.delegated.miek.nl.'],
    delegation,
    [`a.delegated.miek.nl. ${address}`],
    true,
  ],
  ['dname.miek.nl', 'A', 'NOERROR', ['dname.miek.nl. 1800 IN A 127.0.0.1'], [ns]],
  ['dname.miek.nl', 'MX', 'NOERROR', [], [soa]],
  ['b.example.net', 'A', 'REFUSED', [], []],
])(
  '%s %s',
  async (name, type, rcode, answers, authorities, additionals = [], authoritative = rcode !== 'REFUSED') => {
    const reply = (await served(zoneFile(zone)).ask(name, type))!;
    expect(rcodeName(reply.rcode)).toBe(rcode);
    expect(reply.answers.map(formatRecord)).toEqual(answers);
    expect(reply.authorities.map(formatRecord)).toEqual(authorities);
    expect(reply.additionals.map(formatRecord)).toEqual(additionals);
    expect(reply.authoritative).toBe(authoritative);
  },
);

describe('an alias of a subtree', () => {
  const told = async (name: string) =>
    (await served(zoneFile(zone)).ask(name))!.answers.map(({ name: owner, data }) => `${owner} ${data.type}`);
  test('becomes one of the name that is asked for', async () => {
    expect(await told('a.dname.miek.nl')).toEqual([
      'dname.miek.nl 39',
      'a.dname.miek.nl 5',
      'a.test.miek.nl 1',
    ]);
    expect(await told('www.dname.miek.nl')).toEqual([
      'dname.miek.nl 39',
      'www.dname.miek.nl 5',
      'www.test.miek.nl 5',
      'a.test.miek.nl 1',
    ]);
    expect(await told('x.away.miek.nl')).toEqual(['away.miek.nl 39', 'x.away.miek.nl 5', 'x.target.net 1']);
  });
});

test('an alias of itself ends', async () => {
  const { answers } = (await served(zoneFile(zone)).ask('loop.miek.nl'))!;
  expect(answers.length).toBeLessThan(12);
});

test('signatures and denials go to those who ask for them', async () => {
  const signature = (type: number) => `RRSIG \\# 20 ${type.toString(16).padStart(4, '0')}${'00'.repeat(18)}`;
  const path = zoneFile(`
$TTL 60
@ SOA ns h 1 1 1 1 1
@ ${signature(6)}
a A 192.0.2.1
a ${signature(1)}
a NSEC \\# 2 0000
c A 192.0.2.2
`);
  const asked = async (name: string, dnssecOk: boolean) => {
    const message = newQuery(
      1,
      { name, type: 1 },
      { edns: { udpBytes: 1232, version: 0, dnssecOk, options: [] } },
    );
    const reply = (await served(path, '', 'org').ask(name, 'A', { message }))!;
    return [...reply.answers, ...reply.authorities].map(({ name: owner, data }) => `${owner} ${data.type}`);
  };
  expect(await asked('a.org', false)).toEqual(['a.org 1']);
  expect(await asked('a.org', true)).toEqual(['a.org 1', 'a.org 46']);
  expect(await asked('b.org', true)).toEqual(['org 6', 'org 46', 'a.org 47']);
});

describe('the plugin', () => {
  const small = (serial: number, ip: string) => `$TTL 60\n@ SOA ns h ${serial} 1 1 1 1\nwww A ${ip}\n`;
  const www = async ({ ask }: ReturnType<typeof served>) => (await ask('www.org'))!.answers.map(formatRecord);

  test('takes a file with another serial number, and keeps the zone where the file is wrong', async () => {
    const path = zoneFile(small(1, '192.0.2.1'));
    const one = served(path, 'reload 10s', 'org');
    await one.configuration.start();
    writeFileSync(path, small(1, '192.0.2.2'));
    await one.clock.advance(10_000);
    expect(await www(one)).toEqual(['www.org. 60 IN A 192.0.2.1']);
    writeFileSync(path, small(2, '192.0.2.3'));
    await one.clock.advance(10_000);
    expect(await www(one)).toEqual(['www.org. 60 IN A 192.0.2.3']);
    writeFileSync(path, 'nonsense');
    await one.clock.advance(10_000);
    expect(await www(one)).toEqual(['www.org. 60 IN A 192.0.2.3']);
    expect(one.lines.at(-1)).toContain('warn the zone file cannot be read');
    await one.configuration.close();
  });

  test('reload_by_mtime goes by the file’s time', async () => {
    const path = zoneFile(small(1, '192.0.2.1'));
    const one = served(path, 'reload 10s\nreload_by_mtime', 'org');
    await one.configuration.start();
    writeFileSync(path, small(1, '192.0.2.2'));
    utimesSync(path, new Date(), new Date(Date.now() + 5000));
    await one.clock.advance(10_000);
    expect(await www(one)).toEqual(['www.org. 60 IN A 192.0.2.2']);
    await one.configuration.close();
  });

  test('a file that is not there yet is waited for: SERVFAIL until then', async () => {
    const path = join(directory, 'later');
    const one = served(path, 'reload 10s', 'org');
    await one.configuration.start();
    expect(rcodeName((await one.ask('www.org'))!.rcode)).toBe('SERVFAIL');
    writeFileSync(path, small(1, '192.0.2.1'));
    await one.clock.advance(10_000);
    expect(await www(one)).toEqual(['www.org. 60 IN A 192.0.2.1']);
    await one.configuration.close();
  });

  test('fallthrough gives names that are not there to the next', async () => {
    const one = served(zoneFile(small(1, '192.0.2.1')), 'fallthrough', 'org');
    expect(rcodeName((await one.ask('missing.org'))!.rcode)).toBe('REFUSED');
    expect(rcodeName((await one.ask('www.org', 'MX'))!.rcode)).toBe('NOERROR');
  });

  test.each([
    ['file'],
    ['file /no/such/file {\n reload 0\n}'],
    ['file /no/such/file {\n unknown\n}'],
    ['file /no/such/file {\n reload\n}'],
  ])('refused: %j', (lines) => {
    expect(() => serveCorefile(`. {\n${lines}\n}`)).toThrow(/^Corefile:\d+: /);
  });

  test.each([
    ['www A 192.0.2.1', 1, 'there is no TTL'],
    ['$TTL 60\nwww A nonsense', 2, 'no IPv4 address'],
    ['$TTL 60\nwww A 192.0.2.1', 1, 'no SOA record'],
    ['$TTL 60\n\n@ SOA ( ns\nh 1', 3, 'a parenthesis is not closed'],
    ['$GENERATE 1-2 a A 192.0.2.$', 1, 'not supported'],
    ['$INCLUDE missing', 1, 'cannot be included'],
    ['$TTL', 1, 'says nothing'],
  ])('a file with its place: %j', (text, line, problem) => {
    expect(() => served(zoneFile(text), '', 'org')).toThrow(new RegExp(`zone-\\d+:${line}: .*${problem}`));
  });
});

test('files that are included have origins of their own', () => {
  const inner = zoneFile('www A 192.0.2.1\n$ORIGIN deeper.org.\nx A 192.0.2.2\n');
  const text = `$TTL 60\n$INCLUDE ${inner} sub\n$INCLUDE ${inner}\nlast A 192.0.2.3\n`;
  const records = parseZoneFile(text, { file: join(directory, 'outer'), origin: 'org' });
  expect(records.map(formatRecord)).toEqual([
    'www.sub.org. 60 IN A 192.0.2.1',
    'x.deeper.org. 60 IN A 192.0.2.2',
    'www.org. 60 IN A 192.0.2.1',
    'x.deeper.org. 60 IN A 192.0.2.2',
    'last.org. 60 IN A 192.0.2.3',
  ]);
  const ring = join(directory, 'ring');
  writeFileSync(ring, '$INCLUDE ring\n');
  expect(() => parseZoneFile('$INCLUDE ring', { file: join(directory, 'outer'), origin: 'org' })).toThrow(
    'include each other',
  );
});
