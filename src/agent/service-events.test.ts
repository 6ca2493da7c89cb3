import { beforeEach, expect, it } from 'vitest';
import { FakeClient } from '../kube/client/fake-client.ts';
import { resources } from '../kube/resources.ts';
import type { Service } from '../kube/types.ts';
import { FakeClock } from '../util/clock.ts';
import { silentLogger } from '../util/logger.ts';
import { recordHealthCheckFailure } from './service-events.ts';

let client: FakeClient;
let clock: FakeClock;
let service: Service;

beforeEach(() => {
  clock = new FakeClock(Date.parse('2030-01-02T03:04:05Z'));
  client = new FakeClient({ clock });
  service = client.seed(resources.services, { metadata: { namespace: 'shop', name: 'web' } });
});

const record = (key: string) =>
  recordHealthCheckFailure(
    {
      ...{ client, clock, nodeName: 'node-1', logger: silentLogger },
      service: (wanted) => (wanted === 'shop/web' ? service : undefined),
    },
    key,
    'port 31000 is taken',
  );

it('tells of a health check that cannot be answered, at its Service', async () => {
  record('shop/web');
  await clock.advance(1);
  expect(client.objects(resources.events)).toEqual([
    expect.objectContaining({
      metadata: expect.objectContaining({ namespace: 'shop' }),
      involvedObject: {
        apiVersion: 'v1',
        kind: 'Service',
        namespace: 'shop',
        name: 'web',
        uid: service.metadata.uid,
      },
      type: 'Warning',
      reason: 'FailedToStartServiceHealthcheck',
      message: 'node node-1 failed to start healthcheck "shop/web": port 31000 is taken',
      firstTimestamp: '2030-01-02T03:04:05Z',
    }),
  ]);
});

it('of a Service that is gone there is nothing to tell', async () => {
  record('shop/other');
  await clock.advance(1);
  expect(client.objects(resources.events)).toEqual([]);
});
