/** Kubernetes DNS specification 1.1.0 (kubernetes/dns, docs/specification.md), clause by clause. */
import { describe, expect, test } from 'vitest';
import { replyTo } from '../../message/message.ts';
import { formatRecord, parseRecord } from '../../message/presentation.ts';
import { queryFor, replyFrom } from '../../testing/ask.ts';
import { answerText, nameCases } from './testing/case-table.ts';
import {
  type Cluster,
  externalName,
  headless,
  namespace,
  pluginOver,
  service,
  slice,
} from './testing/cluster.ts';

const https = { name: 'https', protocol: 'TCP' as const, port: 443 };
const dns = { name: 'dns', protocol: 'UDP' as const, port: 53 };
const unnamed = { protocol: 'TCP' as const, port: 8080 };
const ready = { ready: true };

const cluster: Cluster = {
  namespaces: [namespace('default')],
  services: [
    service('default/kubernetes', { clusterIPs: ['10.3.0.1', 'fd00:3::1'], ports: [https, dns, unnamed] }),
    service('default/old', { clusterIP: '10.3.0.2', ports: [unnamed] }),
    headless('default/headless', { ports: [https, unnamed] }),
    headless('default/pair', { ports: [https, dns, unnamed] }),
    headless('default/unready', { ports: [https] }),
    headless('default/tolerant', { ports: [https], publishNotReadyAddresses: true }),
    headless('default/selectorless', { ports: [https] }),
    externalName('default/foo', 'www.example.com'),
    externalName('default/inner', 'kubernetes.default.svc.cluster.local'),
    externalName('default/dangling', 'nobody.default.svc.cluster.local'),
  ],
  slices: [
    slice('default/headless', {
      ports: [https, unnamed],
      endpoints: [
        { addresses: ['10.3.0.100'], hostname: 'my-pet', conditions: ready },
        { addresses: ['10.3.0.101'], hostname: 'my-pet', conditions: ready },
        { addresses: ['10.3.0.102'], conditions: {} },
        { addresses: ['10.3.0.103'], hostname: 'starting', conditions: { ready: false } },
      ],
    }),
    slice(
      'default/headless',
      { ports: [https, unnamed], endpoints: [{ addresses: ['fd00:3::100'], hostname: 'my-pet' }] },
      'v6',
    ),
    // A controller that moves endpoints between slices has them in both for a while.
    slice('default/headless', { ports: [https, unnamed], endpoints: ['10.3.0.102'] }, 'twice'),
    slice('default/pair', {
      ports: [https, dns, unnamed],
      endpoints: ['10.3.0.130', { addresses: ['10.3.0.131'], hostname: 'b' }],
    }),
    slice('default/unready', {
      ports: [https],
      endpoints: [{ addresses: ['10.3.0.110'], conditions: { ready: false } }],
    }),
    // The controller marks the endpoints of such a Service ready.
    slice('default/tolerant', {
      ports: [https],
      endpoints: [{ addresses: ['10.3.0.120'], conditions: { ready: true, serving: false } }],
    }),
    slice('default/selectorless', {
      ports: [https],
      endpoints: [{ addresses: ['192.0.2.7'], hostname: 'by-hand' }],
    }),
  ],
};

const clauses: Record<string, string> = {
  '1 version 1.1.0 is what the zone says that it has': `
    dns-version.cluster.local TXT: 28800 TXT 1.1.0`,
  '2.1 the zone is the configured cluster domain': `
    kubernetes.default.svc.corp.example A: A 10.3.0.1
    dns-version.corp.example TXT: 28800 TXT 1.1.0
    _https._tcp.kubernetes.default.svc.corp.example SRV: SRV 0 50 443 kubernetes.default.svc.corp.example + kubernetes.default.svc.corp.example A 10.3.0.1, kubernetes.default.svc.corp.example AAAA fd00:3::1`,
  '2.1 hostname: the endpoint’s own first, else an identifier of the endpoint in its Service': `
    my-pet.headless.default.svc.cluster.local A: A 10.3.0.100, A 10.3.0.101
    10-3-0-100.headless.default.svc.cluster.local A: NXDOMAIN
    10-3-0-102.headless.default.svc.cluster.local A: A 10.3.0.102
    10-3-0-102.selectorless.default.svc.cluster.local A: NXDOMAIN`,
  '2.1 ready: endpoints that are, or that are to be taken as if they were': `
    starting.headless.default.svc.cluster.local A: NXDOMAIN
    tolerant.default.svc.cluster.local A: A 10.3.0.120
    10-3-0-120.tolerant.default.svc.cluster.local A: A 10.3.0.120`,
  '2.1 comparisons are case-insensitive': `
    KUBERNETES.Default.SVC.cluster.local A: A 10.3.0.1
    My-Pet.HEADLESS.default.svc.cluster.local AAAA: AAAA fd00:3::100
    _HTTPS._TCP.kubernetes.default.svc.cluster.local SRV: SRV 0 50 443 kubernetes.default.svc.cluster.local + kubernetes.default.svc.cluster.local A 10.3.0.1, kubernetes.default.svc.cluster.local AAAA fd00:3::1`,
  '2.2 record for the schema version': `
    dns-version.cluster.local TXT: 28800 TXT 1.1.0
    dns-version.cluster.local A: NODATA`,
  '2.3.1 A and AAAA records of a Service with ClusterIP': `
    kubernetes.default.svc.cluster.local A: A 10.3.0.1
    kubernetes.default.svc.cluster.local AAAA: AAAA fd00:3::1
    old.default.svc.cluster.local A: A 10.3.0.2
    old.default.svc.cluster.local AAAA: NODATA
    kubernetes.default.svc.cluster.local MX: NODATA
    nobody.default.svc.cluster.local A: NXDOMAIN
    kubernetes.nowhere.svc.cluster.local A: NXDOMAIN`,
  '2.3.2 SRV records of a Service with ClusterIP': `
    _https._tcp.kubernetes.default.svc.cluster.local SRV: SRV 0 50 443 kubernetes.default.svc.cluster.local + kubernetes.default.svc.cluster.local A 10.3.0.1, kubernetes.default.svc.cluster.local AAAA fd00:3::1
    _dns._udp.kubernetes.default.svc.cluster.local SRV: SRV 0 50 53 kubernetes.default.svc.cluster.local + kubernetes.default.svc.cluster.local A 10.3.0.1, kubernetes.default.svc.cluster.local AAAA fd00:3::1
    _https._udp.kubernetes.default.svc.cluster.local SRV: NXDOMAIN
    _tcp.kubernetes.default.svc.cluster.local SRV: NODATA
    _sctp.kubernetes.default.svc.cluster.local SRV: NXDOMAIN`,
  '2.3.2 unnamed ports have no SRV record': `
    _8080._tcp.old.default.svc.cluster.local SRV: NXDOMAIN
    _tcp.old.default.svc.cluster.local SRV: NXDOMAIN`,
  '2.3.3 PTR record of a Service with ClusterIP': `
    1.0.3.10.in-addr.arpa PTR: PTR kubernetes.default.svc.cluster.local
    1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.0.0.0.0.0.d.f.ip6.arpa PTR: PTR kubernetes.default.svc.cluster.local
    1.0.3.10.in-addr.arpa A: NODATA
    9.0.3.10.in-addr.arpa PTR: NXDOMAIN`,
  '2.4.1 A and AAAA records of a headless Service': `
    headless.default.svc.cluster.local A: A 10.3.0.100, A 10.3.0.101, A 10.3.0.102
    headless.default.svc.cluster.local AAAA: AAAA fd00:3::100
    selectorless.default.svc.cluster.local A: A 192.0.2.7
    selectorless.default.svc.cluster.local AAAA: NODATA`,
  '2.4.1 no ready endpoint is NXDOMAIN': `
    unready.default.svc.cluster.local A: NXDOMAIN
    unready.default.svc.cluster.local AAAA: NXDOMAIN
    tolerant.default.svc.cluster.local A: A 10.3.0.120`,
  '2.4.1 each endpoint has its hostname': `
    my-pet.headless.default.svc.cluster.local A: A 10.3.0.100, A 10.3.0.101
    my-pet.headless.default.svc.cluster.local AAAA: AAAA fd00:3::100
    10-3-0-102.headless.default.svc.cluster.local A: A 10.3.0.102
    by-hand.selectorless.default.svc.cluster.local A: A 192.0.2.7
    starting.headless.default.svc.cluster.local A: NXDOMAIN`,
  '2.4.2 SRV records of a headless Service': `
    _https._tcp.selectorless.default.svc.cluster.local SRV: SRV 0 100 443 by-hand.selectorless.default.svc.cluster.local + by-hand.selectorless.default.svc.cluster.local A 192.0.2.7
    _https._tcp.headless.default.svc.cluster.local SRV: SRV 0 20 443 my-pet.headless.default.svc.cluster.local, SRV 0 20 443 10-3-0-102.headless.default.svc.cluster.local + my-pet.headless.default.svc.cluster.local A 10.3.0.100, my-pet.headless.default.svc.cluster.local A 10.3.0.101, my-pet.headless.default.svc.cluster.local AAAA fd00:3::100, 10-3-0-102.headless.default.svc.cluster.local A 10.3.0.102
    _https._tcp.unready.default.svc.cluster.local SRV: NXDOMAIN`,
  '2.4.2 N endpoints and M named ports have N times M SRV records, unnamed ports none': `
    _https._tcp.pair.default.svc.cluster.local SRV: SRV 0 50 443 10-3-0-130.pair.default.svc.cluster.local, SRV 0 50 443 b.pair.default.svc.cluster.local + 10-3-0-130.pair.default.svc.cluster.local A 10.3.0.130, b.pair.default.svc.cluster.local A 10.3.0.131
    _dns._udp.pair.default.svc.cluster.local SRV: SRV 0 50 53 10-3-0-130.pair.default.svc.cluster.local, SRV 0 50 53 b.pair.default.svc.cluster.local + 10-3-0-130.pair.default.svc.cluster.local A 10.3.0.130, b.pair.default.svc.cluster.local A 10.3.0.131
    _8080._tcp.pair.default.svc.cluster.local SRV: NXDOMAIN`,
  '2.4.3 PTR records of a headless Service': `
    100.0.3.10.in-addr.arpa PTR: PTR my-pet.headless.default.svc.cluster.local
    102.0.3.10.in-addr.arpa PTR: PTR 10-3-0-102.headless.default.svc.cluster.local
    103.0.3.10.in-addr.arpa PTR: NXDOMAIN
    0.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.0.0.0.0.0.d.f.ip6.arpa PTR: PTR my-pet.headless.default.svc.cluster.local`,
  '2.5 records of ExternalName Services': `
    foo.default.svc.cluster.local CNAME: CNAME www.example.com
    foo.default.svc.cluster.local A: CNAME www.example.com
    foo.default.svc.cluster.local SRV: NODATA
    inner.default.svc.cluster.local A: CNAME kubernetes.default.svc.cluster.local, kubernetes.default.svc.cluster.local A 10.3.0.1
    inner.default.svc.cluster.local AAAA: CNAME kubernetes.default.svc.cluster.local, kubernetes.default.svc.cluster.local AAAA fd00:3::1
    dangling.default.svc.cluster.local A: NODATA
    below.foo.default.svc.cluster.local A: NXDOMAIN`,
  '2.6 deprecated records': `
    10-3-0-9.default.pod.cluster.local A: A 10.3.0.9
    fd00-3--9.default.pod.cluster.local AAAA: AAAA fd00:3::9
    10-3-0-9.default.pod.cluster.local AAAA: NODATA
    10-3-0-999.default.pod.cluster.local A: NXDOMAIN
    10-3-0-9.nowhere.pod.cluster.local A: NXDOMAIN`,
  'names of every length and with any byte': String.raw`
    a.b.c.kubernetes.default.svc.cluster.local A: NXDOMAIN
    ${'x'.repeat(63)}.default.svc.cluster.local A: NXDOMAIN
    ${'x.'.repeat(110)}svc.cluster.local A: NXDOMAIN
    kuber\.netes.default.svc.cluster.local A: NXDOMAIN
    \000.default.svc.cluster.local A: NXDOMAIN
    *.default.svc.cluster.local A: NXDOMAIN
    cluster.local A: NODATA
    svc.cluster.local A: NODATA
    default.svc.cluster.local TXT: NODATA
    toString.default.svc.cluster.local A: NXDOMAIN
    __proto__.svc.cluster.local A: NXDOMAIN`,
};

const plugin = pluginOver(cluster, {
  pods: 'insecure',
  zones: ['cluster.local', 'corp.example', 'in-addr.arpa', 'ip6.arpa'],
  // Nothing answers outside.
  resolve: (query) => ({ ...query.message, response: true }),
});

test('every section that says what must hold is here', () => {
  const sections = '1 2.1 2.2 2.3.1 2.3.2 2.3.3 2.4.1 2.4.2 2.4.3 2.5'.split(' ');
  const here = new Set(Object.keys(clauses).map((clause) => clause.split(' ')[0]));
  expect(sections.filter((section) => !here.has(section))).toEqual([]);
});

test('2.5 an alias leads to the addresses outside, of either family', async () => {
  const outside: Record<string, string> = {
    A: 'www.example.com. 28715 IN A 192.0.2.53',
    AAAA: 'www.example.com. 28715 IN AAAA 2001:db8::1',
  };
  for (const type of ['A', 'AAAA'] as const) {
    const answers = [parseRecord(outside[type]!)];
    const chasing = pluginOver(cluster, { resolve: ({ message }) => replyTo(message, { answers }) });
    const reply = await replyFrom([chasing], queryFor('foo.default.svc.cluster.local', type));
    expect(reply.answers.map(formatRecord)).toEqual([
      'foo.default.svc.cluster.local. 5 IN CNAME www.example.com.',
      outside[type],
    ]);
  }
});

for (const [clause, table] of Object.entries(clauses)) {
  describe(clause, () => {
    test.each(nameCases(table))('$name $type', async ({ name, type, answer }) => {
      expect(answerText(await replyFrom([plugin], queryFor(name, type)))).toBe(answer);
    });
  });
}
