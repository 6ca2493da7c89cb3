import { expect, test } from 'vitest';
import { FakeClient } from '../../../kube/client/fake-client.ts';
import { createInformers } from '../../../kube/client/informers.ts';
import { resources } from '../../../kube/resources.ts';
import { FakeClock } from '../../../util/clock.ts';
import { createLogger } from '../../../util/logger.ts';
import { MetricRegistry } from '../../../util/metrics.ts';
import type { Directive } from '../../corefile/directive.ts';
import type { PluginContext } from '../../plugin.ts';
import { queryFor, replyFrom } from '../../testing/ask.ts';
import { keptObjects } from './kept-objects.ts';
import { type KubernetesInstance, setup } from './setup.ts';
import { answerText } from './testing/case-table.ts';
import { http } from './testing/cluster.ts';

const at = { file: 'Corefile', line: 2 };
const line = (name: string, ...args: string[]): Directive => ({ name, args, at });

function setUp(...block: Directive[]) {
  const client = new FakeClient();
  const clock = new FakeClock(1_000_000);
  const lines: string[] = [];
  const logger = createLogger({ write: (text) => lines.push(text) });
  const informers = createInformers({ client, kept: keptObjects });
  const context = {
    zones: [''],
    clock,
    logger,
    metrics: new MetricRegistry(),
    directory: '/nowhere',
    informers: () => informers,
    sibling: (name: string) => (name === 'bind' ? { settings: { addresses: ['192.0.2.53'] } } : undefined),
    resolve: () => undefined,
  };
  const directive = { ...line('kubernetes', 'cluster.local'), block };
  const instance = setup([directive], context as unknown as PluginContext) as KubernetesInstance;
  const ask = async (name: string) => answerText(await replyFrom([instance.handler!], queryFor(name, 'A')));
  return { client, clock, lines, informers, instance, ask };
}

async function fill(client: FakeClient): Promise<void> {
  await client.create(resources.namespaces, { metadata: { name: 'shop' } });
  const spec = { clusterIPs: ['10.96.0.20'], ports: [http] };
  const labels = { tier: 'front' };
  await client.create(resources.services, { metadata: { name: 'web', namespace: 'shop', labels }, spec });
  await client.create(resources.services, { metadata: { name: 'back', namespace: 'shop' }, spec });
  const slice = {
    addressType: 'IPv4' as const,
    endpoints: [{ addresses: ['10.244.0.7'], hostname: 'a' }],
    ports: [http],
  };
  const owner = { 'kubernetes.io/service-name': 'web', ...labels };
  await client.create(resources.endpointSlices, {
    metadata: { name: 'web-1', namespace: 'shop', labels: owner },
    ...slice,
  });
}

test('it starts once all has been read, is ready then, and answers', async () => {
  const { client, informers, instance, ask, lines } = setUp();
  await fill(client);
  expect(instance.ready!()).toBe(false);
  informers.start();
  await instance.start!();
  expect(instance.ready!()).toBe(true);
  expect(await ask('web.shop.svc.cluster.local')).toBe('A 10.96.0.20');
  expect(await ask('a.web.shop.svc.cluster.local')).toBe('A 10.244.0.7');
  expect(await ask('ns.dns.cluster.local')).toBe('A 192.0.2.53');
  expect(lines).toEqual([]);
  await instance.close!();
  await informers.stop();
});

test('labels: only objects of the selector are read', async () => {
  const { client, informers, instance, ask } = setUp(line('labels', 'tier', 'in', '(front)'));
  await fill(client);
  informers.start();
  await instance.start!();
  expect(await ask('web.shop.svc.cluster.local')).toBe('A 10.96.0.20');
  expect(await ask('back.shop.svc.cluster.local')).toBe('NXDOMAIN');
  await instance.close!();
  await informers.stop();
});

test('behind startup_timeout it serves what it has, says so, and is not ready', async () => {
  const { clock, instance, ask, lines } = setUp(line('startup_timeout', '3s'));
  const started = instance.start!();
  await clock.advance(3000);
  await started;
  expect(instance.ready!()).toBe(false);
  expect(await ask('web.shop.svc.cluster.local')).toBe('SERVFAIL');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('names not read yet get SERVFAIL');
  await instance.close!();
});

test('pods and imports are read where an option needs them', async () => {
  const { client, informers, instance } = setUp(
    line('pods', 'verified'),
    line('multicluster', 'cluster.local'),
  );
  const read = new Set<string | undefined>();
  client.intercept = ({ verb, type }) => void (verb === 'list' && read.add(type?.plural));
  informers.start();
  await instance.start!();
  expect(read).toEqual(new Set(['namespaces', 'services', 'endpointslices', 'pods', 'serviceimports']));
  await instance.close!();
  await informers.stop();
});
