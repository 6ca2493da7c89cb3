import { afterEach, beforeEach, expect, test } from 'vitest';
import { dnsObjects } from '../../deploy/dns-objects.ts';
import { defaultValues } from '../../deploy/values.ts';
import { FakeClient } from '../../kube/client/fake-client.ts';
import { startFakeServer } from '../../kube/client/fake-server.ts';
import { createTransport, type Transport } from '../../kube/client/transport.ts';
import { resources } from '../../kube/resources.ts';
import type { Session } from '../session/session.ts';
import { chooseZone } from './cluster-zone.ts';

let fake: FakeClient;
let server: Awaited<ReturnType<typeof startFakeServer>>;
let api: Transport;

beforeEach(async () => {
  fake = new FakeClient();
  server = await startFakeServer(fake);
  api = createTransport({ server: server.url });
});
afterEach(async () => {
  api.close();
  await server.close();
});

const zone = () => chooseZone({ kind: 'cluster', api } as Session);

test('a cluster’s zone is the one that Tendril’s servers are told of', async () => {
  const [daemonSet] = dnsObjects({ ...defaultValues('image'), zone: 'example.test' });
  await fake.create(resources.daemonSets, daemonSet as never);
  expect(await zone()).toBe('example.test');
});

test('where these are not, it is the usual one', async () => {
  expect(await zone()).toBe('cluster.local');
});

test('a lab’s is its own', async () => {
  expect(await chooseZone({ kind: 'lab', config: { clusterDomain: 'lab.test' } } as Session)).toBe(
    'lab.test',
  );
});
