import { describe, expect, it } from 'vitest';
import type { EndpointSlice, Service } from '../../../kube/types.ts';
import { parseIp } from '../../../net/ip.ts';
import { ServiceTracker } from '../../model/service-tracker.ts';
import { TestStore, testService, testSlice } from '../../testing-objects.ts';
import { layouts } from './generated/layouts.ts';
import { emptyLedger } from './ledger.ts';
import type { MapWrite } from './map-write.ts';
import { plan } from './plan.ts';

function rig(count = 0) {
  const services = new TestStore<Service>();
  const slices = new TestStore<EndpointSlice>();
  const set = (n: number, ips: string[], clusterIp = `10.${96 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`) => {
    services.set(testService(`s${n}`, { clusterIPs: [clusterIp], ports: [{ port: 80 }] as never }));
    slices.set(
      testSlice(`s${n}`, { family: 4, ports: [{ port: 8080 }], endpoints: ips.map((ip) => ({ ip })) }),
    );
  };
  for (let n = 0; n < count; n++) set(n, ['10.244.0.1']);
  const tracker = new ServiceTracker({
    services,
    slices,
    node: { name: 'here', addresses: () => [parseIp('10.9.0.1')] },
    onDirty: () => {},
  });
  const ledger = { ...emptyLedger(), orphansDropped: true };
  /** Plans until nothing is left; what was written and how many ports, and ClusterIPs as such, were looked at. */
  const sync = async (limit?: number) => {
    const state = await tracker.update(() => undefined);
    const writes: MapWrite[] = [];
    const looked: number[] = [];
    for (let more = true; more; ) {
      const next = plan(ledger, state, limit);
      next.commit();
      writes.push(...next.writes);
      looked.push(next.ports);
      more = next.more;
    }
    return { writes, looked };
  };
  return { services, slices, set, sync, ledger };
}

const shape = (writes: MapWrite[]) => writes.map(({ map, op }) => `${op} ${map}`);

describe('how much is planned', () => {
  it('one changed slice among 2,000 Services: one port, three writes', async () => {
    const r = rig(2000);
    expect((await r.sync(5000)).looked).toEqual([3000, 1000]);
    r.set(777, ['10.244.0.1', '10.244.0.2']);
    const { writes, looked } = await r.sync();
    expect(looked).toEqual([1]);
    expect(shape(writes)).toEqual(['update backends', 'update slots', 'update frontends']);
    expect((await r.sync()).looked).toEqual([0]);
  });

  it('each port once, however many plans it takes', async () => {
    const r = rig(100);
    const { looked } = await r.sync(20);
    expect(looked.reduce((sum, n) => sum + n, 0)).toBe(200);
    expect(Math.max(...looked)).toBeLessThanOrEqual(20);
  });

  it('what an interrupted plan left and what changed meanwhile, both', async () => {
    const r = rig(100);
    const tracker = new ServiceTracker({
      services: r.services,
      slices: r.slices,
      node: { name: 'here', addresses: () => [] },
      onDirty: () => {},
    });
    const first = plan(r.ledger, await tracker.update(() => undefined), 20);
    first.commit();
    expect(first.more).toBe(true);
    r.set(0, ['10.244.0.9']);
    const second = plan(r.ledger, await tracker.update(() => undefined), 10_000);
    expect([second.ports, second.more]).toEqual([200 - first.ports + 1, false]);
  });

  it('all ports for a state that does not follow the one served', async () => {
    const r = rig(10);
    await r.sync();
    const other = new ServiceTracker({
      services: r.services,
      slices: r.slices,
      node: { name: 'here', addresses: () => [parseIp('10.9.0.1')] },
      onDirty: () => {},
    });
    const next = plan(r.ledger, await other.update(() => undefined));
    expect([next.ports, next.writes]).toEqual([20, []]);
  });
});

describe('order', () => {
  it('a new Service: backends, slots, frontends; a removed one the other way round', async () => {
    const r = rig();
    r.set(1, ['10.244.0.1']);
    const frontends = (op: string) => [`${op} frontends`, `${op} frontends`];
    expect(shape((await r.sync()).writes)).toEqual([
      'update backends',
      'update slots',
      ...frontends('update'),
    ]);
    r.services.remove('default/s1');
    expect(shape((await r.sync()).writes)).toEqual([
      ...frontends('delete'),
      'delete slots',
      'delete backends',
    ]);
  });

  it('ClusterIPs as such come after all ports: none refuses what is still to be planned', async () => {
    const r = rig(20);
    const { writes } = await r.sync(10);
    const ports = writes
      .filter(({ map }) => map === 'frontends')
      .map(({ key }) => layouts.frontendKey.decode(key).port);
    expect(ports).toEqual([...Array(20).fill(80), ...Array(20).fill(0)]);
  });

  it('a frontend that two Services want stays with the first, and goes to the other when it is free', async () => {
    const r = rig();
    r.set(1, ['10.244.0.1'], '10.96.0.1');
    r.set(2, ['10.244.0.2'], '10.96.0.1');
    await r.sync();
    expect([...r.ledger.waiting]).toEqual(['default/s2:/TCP', 'default/s2']);
    r.services.remove('default/s1');
    const { writes } = await r.sync();
    expect(shape(writes)).toContain('update frontends');
    expect(shape(writes)).not.toContain('delete frontends');
    expect(r.ledger.waiting.size).toBe(0);
  });
});
