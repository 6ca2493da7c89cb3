import { describe, expect, it } from 'vitest';
import { formatIp } from '../../../net/ip.ts';
import { type TestEndpoint, testService, testSlice } from '../../testing-objects.ts';
import { layouts } from './generated/layouts.ts';
import { testRig as rig, type TestRig } from './testing-backend.ts';
import { trace } from './testing-datapath.ts';

describe('Maglev', () => {
  const ip = { to: '10.96.0.5', port: 80 };
  const hashed = (endpoints: TestEndpoint[]) =>
    testSlice('hashed', { family: 4, ports: [{ port: 8080 }], endpoints });
  const members = (count: number) => Array.from({ length: count }, (_, i) => ({ ip: `10.244.9.${i + 1}` }));
  const serve = (r: TestRig, balancing = 'maglev') => {
    const service = testService('hashed', { clusterIPs: [ip.to], ports: [{ port: 80 }] });
    const annotations = { 'tendril.dev/service-balancing': balancing };
    r.services.set({ ...service, metadata: { ...service.metadata, annotations } });
  };
  /** Backends by slot. */
  const table = (r: TestRig) => {
    const byId = new Map(
      [...r.at.map('backends').entries()].map(([key, value]) => [
        Buffer.from(key).readUInt32LE(),
        formatIp(layouts.backend.decode(value).addr),
      ]),
    );
    const slots = [...r.at.map('slots').entries()].map(
      ([key, value]) =>
        [layouts.slotKey.decode(key).index, byId.get(layouts.slot.decode(value).backendId)] as const,
    );
    return slots.sort(([a], [b]) => a - b).map(([, backend]) => backend);
  };

  it('gives two nodes one table, whatever numbers their backends have and whenever these came', async () => {
    const [one, other] = [rig(), rig()];
    other.services.set(testService('early', { clusterIPs: ['10.96.0.6'], ports: [{ port: 80 }] }));
    other.slices.set(testSlice('early', { family: 4, ports: [{ port: 80 }], endpoints: members(2) }));
    for (const count of [2, 5]) {
      other.slices.set(hashed(members(count)));
      serve(other);
      await other.sync();
    }
    other.services.remove('default/early');
    await other.sync();
    serve(one);
    one.slices.set(hashed(members(5).reverse()));
    await one.sync();
    expect(table(one)).toHaveLength(251);
    expect(table(other)).toEqual(table(one));
    expect(trace(one.at, ip)).toHaveLength(5);
  });

  it('writes only the places that change, none after a restart, and leaves nothing', async () => {
    const r = rig();
    serve(r);
    r.slices.set(hashed(members(5)));
    await r.sync();
    const before = table(r);
    r.restart();
    expect(await r.writesDuring(r.sync)).toBe(0);
    const writes = await r.writesDuring(async () => {
      r.slices.set(hashed(members(4)));
      await r.sync();
    });
    const moved = table(r).filter((backend, place) => backend !== before[place]).length;
    // And the backend that is gone.
    expect(writes).toBe(moved + 1);
    expect(moved).toBeLessThan((2 * 251) / 5);
    r.services.remove('default/hashed');
    await r.sync();
    for (const map of ['frontends', 'slots', 'backends'])
      expect([...r.at.map(map).entries()]).toHaveLength(0);
  });

  it('can be taken up and given up under way', async () => {
    const r = rig();
    r.slices.set(hashed(members(3)));
    for (const [balancing, slots] of [
      ['random', 3],
      ['maglev', 251],
      ['random', 3],
    ] as const) {
      serve(r, balancing);
      await r.sync();
      expect([table(r).length, new Set(table(r)).size]).toEqual([slots, 3]);
    }
  });

  it('without room for a table serves all members, says so, and heals', async () => {
    const r = rig({ mapSizes: { slots: 300 } });
    r.services.set(testService('other', { clusterIPs: ['10.96.0.9'], ports: [{ port: 80 }] }));
    r.slices.set(testSlice('other', { family: 4, ports: [{ port: 80 }], endpoints: members(100) }));
    await r.sync();
    serve(r);
    r.slices.set(hashed(members(3)));
    await r.sync();
    expect(trace(r.at, ip)).toHaveLength(3);
    expect(r.refusal()?.message).toContain('the map of slots is full with 300 entries: default/hashed');
    r.services.remove('default/other');
    await r.sync();
    expect([table(r).length, r.refusal()]).toEqual([251, undefined]);
  });
});
