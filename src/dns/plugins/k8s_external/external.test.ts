import { describe, expect, test } from 'vitest';
import { parseCorefile } from '../../corefile/parser.ts';
import { recordTypes } from '../../message/constants.ts';
import { replyTo } from '../../message/message.ts';
import type { PluginContext } from '../../plugin.ts';
import { queryFor, replyFrom } from '../../testing/ask.ts';
import { addressRecord } from '../kubernetes/records.ts';
import { answerText, nameCases, recordText } from '../kubernetes/testing/case-table.ts';
import {
  type Cluster,
  headless,
  http,
  lookupOver,
  namespace,
  service,
  slice,
  storesOf,
} from '../kubernetes/testing/cluster.ts';
import { externalPlugin } from './external.ts';
import { type ExternalOptions, externalOptions, setup } from './setup.ts';
import { apexCases, externalCases } from './testing/coredns-cases.ts';

const named = (address: string, hostname: string) => ({ addresses: [address], hostname });

const cluster: Cluster = {
  namespaces: [namespace('testns'), namespace('hidden')],
  services: [
    service('testns/svc1', { clusterIPs: ['10.0.0.1'], externalIPs: ['1.2.3.4'], ports: [http] }),
    service('hidden/svc1', { clusterIPs: ['10.0.0.9'], externalIPs: ['1.2.3.4'], ports: [http] }),
    service('testns/svc6', { clusterIPs: ['10.0.0.3'], externalIPs: ['1:2::5'], ports: [http] }),
    service(
      'testns/svc11',
      { type: 'LoadBalancer', clusterIPs: ['10.0.0.3'], ports: [http] },
      { loadBalancer: { ingress: [{ ip: '2.3.4.5' }] } },
    ),
    service(
      'testns/svc12',
      { type: 'LoadBalancer', clusterIPs: ['10.0.0.3'], ports: [http] },
      { loadBalancer: { ingress: [{ hostname: 'dummy.hostname' }] } },
    ),
    headless('testns/svc-headless', { ports: [http] }),
  ],
  slices: [
    slice('testns/svc-headless', {
      endpoints: [named('1.2.3.4', 'endpoint-svc-0'), named('1.2.3.5', 'endpoint-svc-1')],
    }),
  ],
};

interface Fields extends Partial<ExternalOptions> {
  resolve?: PluginContext['resolve'];
}

function pluginWith({ resolve, ...options }: Fields = {}) {
  const lookup = lookupOver(storesOf(cluster), { namespaces: new Set(['testns']), serverIps: ['127.0.0.1'] });
  const zones = ['example.com', 'in-addr.arpa'];
  return externalPlugin({
    options: { zones, apex: 'dns', ttl: 5, headless: true, fallthrough: [], ...options },
    lookup: () => lookup,
    ...(resolve && { resolve }),
  });
}

const ask = async (name: string, type: keyof typeof recordTypes = 'A', fields: Fields = {}) =>
  answerText(await replyFrom([pluginWith(fields)], queryFor(name, type)));

for (const [title, table] of Object.entries({ externalCases, apexCases })) {
  describe(title, () => {
    test.each(nameCases(table))('$name $type', async ({ name, type, answer }) => {
      expect(await ask(name, type)).toBe(answer);
    });
  });
}

test('without headless, endpoints are not shown', async () => {
  expect(await ask('svc-headless.testns.example.com', 'A', { headless: false })).toBe('NXDOMAIN');
  expect(await ask('endpoint-svc-0.svc-headless.testns.example.com', 'A', { headless: false })).toBe(
    'NXDOMAIN',
  );
});

test('fallthrough leaves names that do not exist to the plugins behind', async () => {
  const fields = { fallthrough: ['example.com'] };
  expect(await ask('svc0.testns.example.com', 'A', fields)).toBe('REFUSED!');
  expect(await ask('svc1.testns.example.com', 'AAAA', fields)).toBe('NODATA');
});

test('an apex label of one’s own', async () => {
  expect(await ask('example.com', 'NS', { apex: 'servers' })).toBe(
    'NS ns1.servers.example.com + ns1.servers.example.com A 127.0.0.1',
  );
  expect(await ask('x.servers.example.com', 'A', { apex: 'servers' })).toBe('NXDOMAIN');
});

test('host names of load balancers are followed', async () => {
  const outside = addressRecord('dummy.hostname', 60, { family: 4, bytes: Uint8Array.of(192, 0, 2, 1) });
  const resolve: PluginContext['resolve'] = (query, { type }) =>
    replyTo(query.message, { answers: type === recordTypes.A ? [outside] : [] });
  expect(await ask('svc12.testns.example.com', 'A', { resolve })).toBe(
    'CNAME dummy.hostname, dummy.hostname 60 A 192.0.2.1',
  );
  const reply = await replyFrom([pluginWith({ resolve })], queryFor('svc12.testns.example.com', 'SRV'));
  expect(reply.additionals.map((one) => recordText(one))).toEqual(['dummy.hostname 60 A 192.0.2.1']);
});

function read(text: string): ExternalOptions {
  const [block] = parseCorefile({ text: `example.net {\n${text}\n}`, file: 'Corefile', environment: {} });
  return externalOptions(block!.directives, { zones: ['example.net'] });
}

test.each<[string, Partial<ExternalOptions>]>([
  ['k8s_external', { zones: ['example.net'] }],
  ['k8s_external example.org', {}],
  ['k8s_external example.org {\napex testdns\n}', { apex: 'testdns' }],
  ['k8s_external example.org {\nttl 30\n}', { ttl: 30 }],
  ['k8s_external example.org {\nheadless\n}', { headless: true }],
  ['k8s_external example.org {\nfallthrough\n}', { fallthrough: [''] }],
  ['k8s_external example.org {\nfallthrough ip6.arpa foo.com\n}', { fallthrough: ['ip6.arpa', 'foo.com'] }],
])('%s', (text, expected) => {
  const defaults = { zones: ['example.org'], apex: 'dns', ttl: 5, headless: false, fallthrough: [] };
  expect(read(text)).toEqual({ ...defaults, ...expected });
});

test.each([
  ['k8s_external {\napex\n}', 'apex takes at least 1 argument(s)'],
  ['k8s_external {\nttl 4000\n}', 'no whole number from 0 to 3600'],
  ['k8s_external {\nendless\n}', 'k8s_external has no option "endless"'],
])('%s is refused', (text, problem) => {
  expect(() => read(text)).toThrow(problem);
});

test('without the plugin kubernetes it does not start', async () => {
  const directive = { name: 'k8s_external', args: ['example.org'], at: { file: 'Corefile', line: 7 } };
  const context = { zones: [''], sibling: () => undefined } as unknown as PluginContext;
  expect(() => setup([directive], context).start!()).toThrow(
    'Corefile:7: k8s_external needs the plugin kubernetes',
  );
});
