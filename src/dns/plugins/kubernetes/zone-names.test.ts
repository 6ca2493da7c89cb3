/** For clusters under change: answers, and the names told, are what a slow reading of all objects gives. */
import { expect, test } from 'vitest';
import { formatIp, tryParseIp } from '../../../net/ip.ts';
import { recordTypes } from '../../message/constants.ts';
import { queryFor, replyFrom } from '../../testing/ask.ts';
import { kubernetesPlugin } from './kubernetes.ts';
import { answerText } from './testing/case-table.ts';
import { change, emptyCluster, numbers } from './testing/changing-cluster.ts';
import { lookupOver, type TestStores } from './testing/cluster.ts';
import type { NameRecords } from './zone-lookup.ts';
import { ZoneNames } from './zone-names.ts';

const zone = 'cluster.local';

/** Name to its addresses, or `alias`, sorted; read from all objects with no regard to cost. */
function derive({ namespaces, services, slices }: TestStores): Map<string, string> {
  const names = new Map(
    [zone, `svc.${zone}`, `pod.${zone}`, `dns.${zone}`, `ns.dns.${zone}`, `dns-version.${zone}`].map(
      (name) => [name, ''],
    ),
  );
  const add = (name: string, ips: readonly string[]) => {
    const all = new Set([...(names.get(name)?.split(' ') ?? []), ...ips]);
    names.set(
      name,
      [...all]
        .filter((ip) => ip !== '')
        .sort()
        .join(' '),
    );
  };
  for (const { metadata } of namespaces.list()) add(`${metadata.name}.svc.${zone}`, []);
  for (const { metadata, spec } of services.list()) {
    if (namespaces.get(metadata.namespace!) === undefined) continue;
    const name = `${metadata.name}.${metadata.namespace}.svc.${zone}`;
    const own = slices
      .list()
      .filter(
        (one) =>
          one.metadata.namespace === metadata.namespace &&
          one.metadata.labels!['kubernetes.io/service-name'] === metadata.name,
      );
    const ready = own.flatMap((one) =>
      (one.endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false),
    );
    if (spec!.type === 'ExternalName') names.set(name, 'alias');
    else if (spec!.clusterIPs![0] !== 'None') add(name, spec!.clusterIPs!);
    for (const { addresses, hostname } of spec!.type === 'ExternalName' ? [] : ready) {
      if (spec!.clusterIPs![0] === 'None') add(name, addresses);
      add(`${hostname ?? addresses[0]!.replaceAll(/[.:]/g, '-')}.${name}`, addresses);
    }
    if (spec!.ports?.length || ready.length > 0) if (spec!.type !== 'ExternalName') add(`_tcp.${name}`, []);
  }
  return names;
}

const addressesIn = (records: NameRecords): string =>
  records.aliased
    ? 'alias'
    : [recordTypes.A, recordTypes.AAAA]
        .flatMap((type) =>
          records.of(type).answers.map(({ data }) => ('ip' in data ? formatIp(data.ip) : '')),
        )
        .sort()
        .join(' ');

const addressesOf = (text: string): string =>
  text
    .split(/[ ,]+/)
    .filter((word) => tryParseIp(word) !== undefined)
    .sort()
    .join(' ');

test.each([1, 2, 3, 4, 5])('a cluster under change (%i)', async (seed) => {
  const pick = numbers(seed);
  const stores = emptyCluster();
  for (let i = 0; i < 40; i++) change(stores, pick);
  const lookup = lookupOver(stores);
  const plugin = kubernetesPlugin({ lookup, resolve: (query) => ({ ...query.message, response: true }) });
  const names = new ZoneNames(lookup, zone);
  const table = new Map<string, string>();
  names.onChange(({ changed, vanished }) => {
    for (const name of vanished) table.delete(name);
    for (const records of changed) table.set(records.name, addressesIn(records));
  });
  for (const records of names.names()) table.set(records.name, addressesIn(records));
  const ever = new Set<string>();
  for (let round = 0; round < 60; round++) {
    for (let i = pick(4); i >= 0; i--) change(stores, pick);
    const expected = derive(stores);
    for (const name of expected.keys()) ever.add(name);
    for (const name of ever) {
      const addresses = expected.get(name);
      const [v4, v6] = [await ask(name, 'A'), await ask(name, 'AAAA')];
      if (addresses === undefined) expect([name, v4, v6]).toEqual([name, 'NXDOMAIN', 'NXDOMAIN']);
      else if (addresses === 'alias') expect(v4).toBe('CNAME www.example.com');
      else expect([name, addressesOf(`${v4} ${v6}`)]).toEqual([name, addresses]);
    }
    await names.settled();
    expect(new Map([...table].sort())).toEqual(new Map([...expected].sort()));
  }
  names.close();

  async function ask(name: string, type: 'A' | 'AAAA'): Promise<string> {
    return answerText(await replyFrom([plugin], queryFor(name, type)));
  }
});
