import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FakeClient } from '../kube/client/fake-client.ts';
import { createInformers, type Informers } from '../kube/client/informers.ts';
import { resources } from '../kube/resources.ts';
import { formatCidr } from '../net/cidr.ts';
import { silentLogger } from '../util/logger.ts';
import { ServiceCidrs } from './service-cidrs.ts';

let client: FakeClient;
let informers: Informers;
let cidrs: ServiceCidrs;
let changes: number;

beforeEach(() => {
  client = new FakeClient();
  informers = createInformers({ client });
  cidrs = new ServiceCidrs({ told: ['10.96.0.0/16', 'fd00::/112'], informers, logger: silentLogger });
  changes = 0;
  cidrs.onChange(() => changes++);
  informers.start();
});
afterEach(() => informers.stop());

const create = (name: string, ...blocks: string[]) =>
  client.create(resources.serviceCidrs, { metadata: { name }, spec: { cidrs: blocks } });
const texts = () => cidrs.list().map(formatCidr);

test('those that were told are there before the API answers, and stay when it has them too', async () => {
  expect(texts()).toEqual(['10.96.0.0/16', 'fd00::/112']);
  await create('kubernetes', '10.96.0.0/16', 'fd00::/112');
  await create('more', '10.200.0.0/24');
  await vi.waitFor(() => expect(texts()).toEqual(['10.96.0.0/16', 'fd00::/112', '10.200.0.0/24']));
  expect(changes).toBe(1);
  await client.delete(resources.serviceCidrs, { name: 'more' });
  await vi.waitFor(() => expect(texts()).toEqual(['10.96.0.0/16', 'fd00::/112']));
});

test('one that lies in another is none of its own', async () => {
  await create('inside', '10.96.7.0/24');
  await create('around', '10.0.0.0/8');
  await vi.waitFor(() => expect(texts()).toEqual(['fd00::/112', '10.0.0.0/8']));
});

test('there are never more than the datapath has room for', async () => {
  for (let i = 0; i < 9; i++) await create(`c${i}`, `10.20${i}.0.0/24`);
  await vi.waitFor(() => expect(texts()).toHaveLength(8));
  expect(texts().slice(0, 2)).toEqual(['10.96.0.0/16', 'fd00::/112']);
});
