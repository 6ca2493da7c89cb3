/** The tables of CoreDNS's own tests against the plugin. */
import { describe, expect, test } from 'vitest';
import { zonesOfText } from '../../corefile/options.ts';
import { recordTypes } from '../../message/constants.ts';
import { replyTo } from '../../message/message.ts';
import type { DnsPlugin, Query } from '../../plugin.ts';
import { queryFor, replyFrom } from '../../testing/ask.ts';
import { addressRecord, aliasRecord } from './records.ts';
import { answerText, nameCases } from './testing/case-table.ts';
import {
  type Cluster,
  externalName,
  headless,
  http,
  importedSlice,
  namespace,
  pluginOver,
  pod,
  service,
  serviceImport,
  slice,
} from './testing/cluster.ts';
import {
  apexCases,
  commonCases,
  emptyServiceCases,
  multiclusterCases,
  podsDisabledCases,
  podsInsecureCases,
  podsVerifiedCases,
  reverseCases,
  serviceCases,
  zonalCases,
} from './testing/coredns-cases.ts';

const udp = { name: 'dns', protocol: 'UDP' as const, port: 53 };
const noPorts = { ports: [] };
const hosts = [
  '172.0.0.2',
  '172.0.0.3',
  { addresses: ['172.0.0.4'], hostname: 'dup-name' },
  { addresses: ['172.0.0.5'], hostname: 'dup-name' },
  '5678:abcd::1',
  '5678:abcd::2',
];

const served: Cluster = {
  namespaces: ['testns', 'kube-system', 'unexposedns', 'podns', 'svcns', 'svc-nons'].map(namespace),
  services: [
    service('kube-system/kubedns', { clusterIPs: ['10.0.0.10'], ports: [udp] }),
    service('testns/svc1', { clusterIPs: ['10.0.0.1'], ports: [http] }),
    service('testns/svcempty', { clusterIPs: ['10.0.0.1'], ports: [http] }),
    service('testns/svc6', { clusterIPs: ['1234:abcd::1'], ports: [http] }),
    service('testns/svc-dual-stack', { clusterIPs: ['10.0.0.3', '10::3'], ports: [http] }),
    service('unexposedns/svc1', { clusterIPs: ['10.0.0.2'], ports: [http] }),
    headless('testns/hdls1'),
    headless('testns/hdlsprtls'),
    externalName('testns/external', 'ext.interwebs.test'),
    externalName('testns/external-to-service', 'svc1.testns.svc.cluster.local.'),
  ],
  slices: [
    slice('testns/svc1', { endpoints: [{ addresses: ['172.0.0.1'], hostname: 'ep1a' }] }),
    slice('testns/svcempty', { endpoints: [] }),
    slice('testns/hdls1', { endpoints: hosts }),
    slice('testns/hdlsprtls', { endpoints: ['172.0.0.20'], ...noPorts }),
  ],
  pods: [pod('podns/foo', '10.240.0.1')],
  imports: [
    serviceImport('testns/svc1', { ips: ['10.0.0.1'], ports: [http] }),
    serviceImport('testns/svcempty', { ips: ['10.0.0.1'], ports: [http] }),
    serviceImport('testns/svc6', { ips: ['1234:abcd::1'], ports: [http] }),
    serviceImport('testns/svc-dual-stack', { ips: ['10.0.0.3', '10::3'], ports: [http] }),
    serviceImport('testns/hdls1', { type: 'Headless' }),
    serviceImport('testns/hdlsprtls', { type: 'Headless' }),
  ],
  importSlices: [
    importedSlice('testns/hdls1', { endpoints: hosts }),
    importedSlice('testns/hdlsprtls', { endpoints: ['172.0.0.20'], ...noPorts }),
  ],
};

/** What the server finds elsewhere. */
const outside = addressRecord('ext.interwebs.test', 5, { family: 4, bytes: Uint8Array.of(1, 2, 3, 4) });

const shown = { namespaces: new Set(['testns']) };
const zonal: Cluster = {
  namespaces: [namespace('testns')],
  services: [headless('testns/hdls'), service('testns/clstr', { clusterIPs: ['10.0.0.10'], ports: [http] })],
  slices: [
    slice('testns/hdls', {
      endpoints: [
        { addresses: ['172.0.0.1'], zone: 'us-west-2a' },
        { addresses: ['172.0.0.2'], zone: 'US-West-2b' },
        { addresses: ['172.0.0.3'], zone: 'us-west-2b' },
      ],
    }),
  ],
};
const named = (address: string, hostname: string) => ({ addresses: [address], hostname });
const reverse: Cluster = {
  namespaces: [namespace('testns')],
  services: [service('testns/svc1', { clusterIPs: ['192.168.1.100'], ports: [http] })],
  slices: [
    slice('testns/svc1', { endpoints: [named('10.0.0.100', 'ep1a'), named('10.0.0.99', 'double-ep')] }),
    slice(
      'testns/svc1',
      {
        endpoints: [
          named('1234:abcd::1', 'ep1b'),
          named('fd00:77:30::a', 'ip6svc1ex'),
          named('fd00:77:30::2:9ba6', 'ip6svc1in'),
        ],
      },
      'b',
    ),
    slice('testns/svc1', { endpoints: [named('10.0.0.100', 'ep1a')] }, 'c'),
    slice('testns/svc2', { endpoints: [named('10.0.0.99', 'double-ep')] }),
  ],
};
const place = { file: 'Corefile', line: 1 };
const reverseZones = ['cluster.local', '10.0.0.0/16', '192.168.0.0/16', '1234:abcd::/64', 'fd00:77:30::/64'];

const elsewhere = (query: Query) => replyTo(query.message, { answers: [outside] });

const tables: Record<string, { table: string; asked: readonly DnsPlugin[] }> = {
  commonCases: {
    table: commonCases,
    asked: [
      pluginOver(served, shown),
      pluginOver(served, { ...shown, multiclusterZones: ['cluster.local'] }),
    ],
  },
  serviceCases: { table: serviceCases, asked: [pluginOver(served, { ...shown, resolve: elsewhere })] },
  multiclusterCases: {
    table: multiclusterCases,
    asked: [pluginOver(served, { ...shown, multiclusterZones: ['cluster.local'] })],
  },
  emptyServiceCases: { table: emptyServiceCases, asked: [pluginOver(served, { ignoreEmpty: true })] },
  podsDisabledCases: { table: podsDisabledCases, asked: [pluginOver(served)] },
  podsInsecureCases: { table: podsInsecureCases, asked: [pluginOver(served, { pods: 'insecure' })] },
  podsVerifiedCases: { table: podsVerifiedCases, asked: [pluginOver(served, { pods: 'verified' })] },
  apexCases: { table: apexCases, asked: [pluginOver(served, { serverIps: ['127.0.0.1'] })] },
  zonalCases: { table: zonalCases, asked: [pluginOver(zonal, { zonal: true })] },
  reverseCases: {
    table: reverseCases,
    asked: [pluginOver(reverse, { zones: reverseZones.flatMap((zone) => zonesOfText(zone, place)) })],
  },
};

for (const [name, { table, asked }] of Object.entries(tables)) {
  describe(name, () => {
    test.each(nameCases(table))('$name $type', async ({ name, type, answer }) => {
      for (const plugin of asked) {
        const reply = await replyFrom([plugin], queryFor(name, type));
        expect(answerText(reply)).toBe(answer);
        expect(reply.authoritative).toBe(true);
      }
    });
  });
}

test('without the option zonal names are too long to be any', async () => {
  const reply = await replyFrom(
    [pluginOver(zonal)],
    queryFor('us-west-2a.pin._zone.hdls.testns.svc.cluster.local', 'A'),
  );
  expect(answerText(reply)).toBe('NXDOMAIN');
});

test('an answer from elsewhere that was cut short makes the whole one so', async () => {
  const resolve = (query: Query) => ({ ...elsewhere(query), truncated: true });
  const plugin = pluginOver(served, { resolve });
  const reply = await replyFrom([plugin], queryFor('external.testns.svc.cluster.local', 'A'));
  expect(reply.truncated).toBe(true);
  expect(reply.answers[0]).toEqual(aliasRecord('external.testns.svc.cluster.local', 5, 'ext.interwebs.test'));
  expect(reply.answers[1]!.data.type).toBe(recordTypes.A);
});
