/** Cluster names through the resolvers that pods have: glibc's and busybox's, for Services of every kind and both families. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { must } from './support/tendril.ts';
import { bringUp, type TestCluster } from './support/test-cluster.ts';

const pod = (name: string, spec: string, namespace = 'shop', labels = '{}') => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, labels: ${labels} }
spec:
  ${spec}
  containers: [{ name: main, image: busybox, command: [sleep, infinity] }]
---`;

const manifest = `
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: v1
kind: Namespace
metadata: { name: other }
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: db, namespace: shop }
spec:
  serviceName: db
  replicas: 2
  selector: { matchLabels: { app: db } }
  template:
    metadata: { labels: { app: db } }
    spec: { containers: [{ name: main, image: busybox, command: [sleep, infinity] }] }
---
apiVersion: v1
kind: Service
metadata: { name: db, namespace: shop }
spec: { clusterIP: None, ipFamilyPolicy: PreferDualStack, selector: { app: db }, ports: [{ name: pg, port: 5432 }] }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { ipFamilyPolicy: PreferDualStack, selector: { app: db }, ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: idle, namespace: shop }
spec: { clusterIP: None, selector: { app: nobody }, ports: [{ port: 1 }] }
---
apiVersion: v1
kind: Service
metadata: { name: alias, namespace: other }
spec: { type: ExternalName, externalName: web.shop.svc.cluster.local }
---${pod('client', 'dnsPolicy: ClusterFirst')}${pod('elsewhere', 'dnsPolicy: ClusterFirst', 'other')}${pod('host', 'hostNetwork: true\n  dnsPolicy: ClusterFirstWithHostNet')}${pod('default', 'dnsPolicy: Default')}${pod('none', 'dnsPolicy: None\n  dnsConfig: { nameservers: [192.0.2.53], searches: [corp.example], options: [{ name: ndots, value: "2" }] }')}${pod('more', 'dnsConfig: { searches: [corp.example], options: [{ name: ndots, value: "1" }] }')}
`;

let lab: TestCluster;
beforeAll(async () => {
  lab = await bringUp({ manifest, args: ['--nodes', '1'] });
});
afterAll(() => lab?.down());

interface Listed {
  name: string;
  type: string;
  data: string;
}

const listed = async (): Promise<Listed[]> =>
  JSON.parse(await must(lab.tendril(['dns', 'records', '-o', 'json'])));

async function recorded(name: string): Promise<string[]> {
  const all = (await listed()).filter(
    (one) => one.name === `${name}.svc.cluster.local` && /^A{1,4}$/.test(one.type),
  );
  return all.map(({ data }) => data).sort();
}

/** getaddrinfo's answer, by glibc. */
async function getent(pod: string, name: string, namespace = 'shop'): Promise<string[]> {
  const command = `getent ahosts ${name} || true`;
  const text = await lab.exec([pod, '-n', namespace], 'sh', '-c', command);
  return [...new Set(text.split('\n').flatMap((line) => line.split(/\s+/)[0] || []))].sort();
}

const resolvConf = (pod: string) => lab.exec([pod, '-n', 'shop'], 'cat', '/etc/resolv.conf');

describe('names by getaddrinfo are the records of the zone', () => {
  test.each([
    ['web', 'web.shop'],
    ['web.shop', 'web.shop'],
    ['web.shop.svc.cluster.local', 'web.shop'],
    ['db', 'db.shop'],
    ['db-0.db', 'db-0.db.shop'],
    ['db-1.db.shop.svc', 'db-1.db.shop'],
  ])('%s', async (name, full) => {
    const addresses = await recorded(full);
    expect(addresses.length).toBeGreaterThanOrEqual(2);
    expect(await getent('client', name)).toEqual(addresses);
  });

  test('an alias in another namespace leads to the Service', async () => {
    expect(await getent('elsewhere', 'alias', 'other')).toEqual(await recorded('web.shop'));
  });

  test('a name is searched for in the pod’s own namespace', async () => {
    expect(await getent('elsewhere', 'web', 'other')).toEqual([]);
    expect(await getent('client', 'idle')).toEqual([]);
  });
});

test('busybox’s nslookup finds a Service by its full name and by its address', async () => {
  const [address] = (await recorded('web.shop')).filter((ip) => ip.includes('.'));
  const forward = await lab.exec(['client', '-n', 'shop'], 'nslookup', 'web.shop.svc.cluster.local');
  expect(forward).toContain(address);
  const reverse = await lab.exec(['client', '-n', 'shop'], 'nslookup', address!);
  expect(reverse).toContain('web.shop.svc.cluster.local');
});

test('dns query walks the search path and says why', async () => {
  const text = await must(
    lab.tendril([
      'dns',
      'query',
      'web.shop',
      '--from',
      'elsewhere',
      '-n',
      'other',
      '--type',
      'A',
      '-o',
      'json',
    ]),
  );
  const { steps } = JSON.parse(text) as { steps: { question: string; outcome: string; why: string }[] };
  expect(steps.map(({ question, outcome }) => [question, outcome])).toEqual([
    ['web.shop.other.svc.cluster.local', 'NXDOMAIN'],
    ['web.shop.svc.cluster.local', 'answered'],
  ]);
  expect(steps[0]!.why).toBe('there is no Service other/shop');
});

test.each([
  ['client', /^search shop\.svc\.cluster\.local svc\.cluster\.local cluster\.local/m],
  ['host', /^search shop\.svc\.cluster\.local/m],
  ['none', /^nameserver 192\.0\.2\.53\n/m],
  ['none', /^search corp\.example$/m],
  ['none', /^options ndots:2$/m],
  ['more', /^search shop\.svc\.cluster\.local .*corp\.example$/m],
  ['more', /ndots:1/],
])('resolv.conf of the pod %s matches %s', async (name, pattern) => {
  expect(await resolvConf(name)).toMatch(pattern);
});

test('dnsPolicy Default leaves the cluster’s search path out', async () => {
  expect(await resolvConf('default')).not.toContain('cluster.local');
});
