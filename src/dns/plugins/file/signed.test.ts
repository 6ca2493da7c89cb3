/** Signed zones: CoreDNS's cases (its dnssec and wildcard tests), with signatures by what they are of. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { recordTypes } from '../../message/constants.ts';
import { newQuery, type ResourceRecord } from '../../message/message.ts';
import { rcodeName, typeName, typeNumber } from '../../message/names-of-numbers.ts';
import { formatRecord } from '../../message/presentation.ts';
import { serveCorefile } from '../../testing/corefile.ts';
import { signedType } from './zone-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'tendril-signed-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** As `dnssec-signzone` writes it: every set of records has a signature, over several lines. */
const zones = {
  'miek.nl': `
$TTL 1800
miek.nl. SOA linode.atoom.net. miek.miek.nl. 1282630057 14400 3600 604800 14400
miek.nl. NS ext.ns.whyscream.net.
miek.nl. NS omval.tednet.nl.
miek.nl. A 139.162.196.78
miek.nl. MX 1 aspmx.l.google.com.
miek.nl. AAAA 2a01:7e00::f03c:91ff:fef1:6735
miek.nl. 14400 NSEC a.miek.nl. A NS SOA MX AAAA RRSIG NSEC DNSKEY
miek.nl. DNSKEY 256 3 8 ( AwEAAcNEU67LJI5GEgF9QLNqLO1SMq1EdoQ6
                          E9f85ha0k0ewQGCblyW2836GiVsm6k8Kr5EC ) ; key id = 12051
a.miek.nl. A 139.162.196.78
a.miek.nl. AAAA 2a01:7e00::f03c:91ff:fef1:6735
a.miek.nl. 14400 NSEC archive.miek.nl. A AAAA RRSIG NSEC
archive.miek.nl. CNAME a.miek.nl.
archive.miek.nl. 14400 NSEC go.dns.miek.nl. CNAME RRSIG NSEC
go.dns.miek.nl. TXT "Hello!"
go.dns.miek.nl. 14400 NSEC www.miek.nl. TXT RRSIG NSEC
www.miek.nl. CNAME a.miek.nl.
www.miek.nl. 14400 NSEC miek.nl. CNAME RRSIG NSEC`,
  'dnssex.nl': `
$TTL 1800
dnssex.nl. SOA linode.atoom.net. miek.miek.nl. 1459281744 14400 3600 604800 14400
dnssex.nl. NS linode.atoom.net.
dnssex.nl. 14400 NSEC *.dnssex.nl. NS SOA RRSIG NSEC
*.dnssex.nl. TXT "Doing It Safe Is Better"
*.dnssex.nl. 14400 NSEC a.dnssex.nl. TXT RRSIG NSEC
a.dnssex.nl. A 139.162.196.78
a.dnssex.nl. 14400 NSEC www.dnssex.nl. A RRSIG NSEC
www.dnssex.nl. A 139.162.196.78
www.dnssex.nl. 14400 NSEC dnssex.nl. A RRSIG NSEC`,
};

function signed(origin: keyof typeof zones): string {
  const text = zones[origin];
  const sets = [...text.matchAll(/^(\S+) (?:\d+ )?([A-Z]+) /gm)].map(([, name, type]) => `${name} ${type}`);
  const signatures = [...new Set(sets)].map((set) => {
    const [name, type] = set.split(' ') as [string, string];
    const labels = name.split('.').filter((label) => label !== '' && label !== '*').length;
    const ttl = type === 'NSEC' ? 14_400 : 1800;
    return `${name} ${ttl} RRSIG ${type} 8 ${labels} ${ttl} (\n\t20160426031301 20160327031301 12051 ${origin}.\n\tFIrz\n\ty07a )`;
  });
  return [text, ...signatures].join('\n');
}

const servers = Object.keys(zones).map((origin) => {
  const path = join(directory, origin);
  writeFileSync(path, signed(origin as keyof typeof zones));
  return serveCorefile(`${origin} {\n file ${path}\n}`);
});

/** `name TYPE`; `name TYPE*` for the signature of those. */
const said = (records: readonly ResourceRecord[]) =>
  records
    .map((record) => {
      const covered = signedType(record);
      return `${record.name} ${covered === undefined ? typeName(record.data.type) : `${typeName(covered)}*`}`;
    })
    .sort();

async function asked(name: string, type: keyof typeof recordTypes, dnssecOk: boolean) {
  const server = servers[name.endsWith('miek.nl') ? 0 : 1]!;
  const edns = { udpBytes: 1232, version: 0, dnssecOk, options: [] };
  const message = newQuery(1, { name, type: typeNumber(type)! }, { edns });
  return (await server.ask(name, type, { message }))!;
}

const both = (...sets: string[]) => sets.flatMap((set) => [set, `${set}*`]).sort();
const soa = both('miek.nl SOA');
const auth = ['miek.nl NS', ...both('miek.nl NS')].sort();
const starAuth = both('dnssex.nl NS');

describe('with DO', () => {
  test.each([
    ['miek.nl', 'SOA', 'NOERROR', soa, auth],
    ['miek.nl', 'AAAA', 'NOERROR', both('miek.nl AAAA'), auth],
    ['miek.nl', 'NS', 'NOERROR', auth, []],
    ['miek.nl', 'MX', 'NOERROR', both('miek.nl MX'), auth],
    ['www.miek.nl', 'A', 'NOERROR', both('a.miek.nl A', 'www.miek.nl CNAME'), auth],
    ['a.miek.nl', 'SRV', 'NOERROR', [], [...both('a.miek.nl NSEC'), ...soa].sort()],
    ['b.miek.nl', 'A', 'NXDOMAIN', [], [...both('archive.miek.nl NSEC', 'miek.nl NSEC'), ...soa].sort()],
    [
      'b.blaat.miek.nl',
      'A',
      'NXDOMAIN',
      [],
      [...both('archive.miek.nl NSEC', 'miek.nl NSEC'), ...soa].sort(),
    ],
    ['b.a.miek.nl', 'A', 'NXDOMAIN', [], [...both('a.miek.nl NSEC'), ...soa].sort()],
    [
      'wild.dnssex.nl',
      'TXT',
      'NOERROR',
      both('wild.dnssex.nl TXT'),
      [...both('a.dnssex.nl NSEC'), ...starAuth].sort(),
    ],
    [
      'a.wild.dnssex.nl',
      'TXT',
      'NOERROR',
      both('a.wild.dnssex.nl TXT'),
      [...both('a.dnssex.nl NSEC'), ...starAuth].sort(),
    ],
    ['wild.dnssex.nl', 'SRV', 'NOERROR', [], both('*.dnssex.nl NSEC', 'dnssex.nl SOA')],
  ] as const)('%s %s', async (name, type, rcode, answers, authorities) => {
    // biome-ignore format: a table
    const reply = await asked(name, type, true);
    expect([rcodeName(reply.rcode), said(reply.answers), said(reply.authorities)]).toEqual([
      rcode,
      answers,
      authorities,
    ]);
  });
});

test('without DO there are no signatures and denials, but for who asks for their types', async () => {
  const plain = await asked('b.miek.nl', 'A', false);
  expect(said(plain.authorities)).toEqual(['miek.nl SOA']);
  expect(said((await asked('a.miek.nl', 'A', false)).answers)).toEqual(['a.miek.nl A']);
  const server = servers[0]!;
  const keys = newQuery(1, { name: 'miek.nl', type: 48 });
  const reply = (await server.ask('miek.nl', 'A', { message: keys, type: 48 }))!;
  expect(reply.answers.map(formatRecord)).toEqual([
    'miek.nl. 1800 IN DNSKEY 256 3 8 AwEAAcNEU67LJI5GEgF9QLNqLO1SMq1EdoQ6E9f85ha0k0ewQGCblyW2836GiVsm6k8Kr5EC',
  ]);
});

test.each(['NSEC3PARAM 1 0 5 A3DEBC9CC4F695C7', 'NSEC3 1 1 5 D0CB AUB95P93VPKP55G6U5S4SGS7LS61ND85 NS'])(
  'a zone with %s is refused',
  (record) => {
    const path = join(directory, 'hashed');
    writeFileSync(path, `$TTL 60\n@ SOA ns h 1 1 1 1 1\n@ ${record}\n`);
    expect(() => serveCorefile(`hashed {\n file ${path}\n}`)).toThrow(/hashed:3: .*NSEC3/);
  },
);
