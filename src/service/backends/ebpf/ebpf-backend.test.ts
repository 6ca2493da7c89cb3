import { describe, expect, it } from 'vitest';
import fc from '../../../util/testing/properties.ts';
import { type TestEndpoint, testService, testSlice } from '../../testing-objects.ts';
import { layouts } from './generated/layouts.ts';
import { testRig as rig, type TestRig } from './testing-backend.ts';
import { type TestDatapath, trace } from './testing-datapath.ts';

/** Generations by number. */
const backendsOf = (at: TestDatapath) =>
  new Map(
    [...at.map('backends').entries()].map(([key, value]) => [
      Buffer.from(key).readUInt32LE(),
      layouts.backend.decode(value).generation,
    ]),
  );

const web = (spec: object = {}) =>
  testService('web', {
    type: 'NodePort',
    clusterIPs: ['10.96.0.1', 'fd00:96::1'],
    ports: [{ port: 80, nodePort: 30080 }],
    ...spec,
  });
const pods = (endpoints: TestEndpoint[], family: 4 | 6 = 4) =>
  testSlice('web', { family, ports: [{ port: 8080 }], endpoints });
const here = { ip: '10.244.1.2', node: 'here' };
const there = { ip: '10.244.2.2', node: 'there' };
const clusterIp = { to: '10.96.0.1', port: 80 };

describe('where connections go', () => {
  it('a ClusterIP, and a NodePort on each address of the node and on loopback, to all ready endpoints', async () => {
    const r = rig();
    r.services.set(web());
    r.slices.set(pods([here, there, { ip: '10.244.2.3', node: 'there', ready: false }]));
    r.slices.set(pods([{ ip: 'fd00:244:1::2', node: 'here' }], 6));
    await r.sync();
    const both = ['10.244.1.2|8080', '10.244.2.2|8080'];
    expect(trace(r.at, clusterIp)).toEqual(both);
    for (const to of ['10.9.0.1', '127.0.0.1']) expect(trace(r.at, { to, port: 30080 })).toEqual(both);
    for (const to of ['fd09::1', '::1'])
      expect(trace(r.at, { to, port: 30080 })).toEqual(['fd00:244:1::2|8080']);
    expect(trace(r.at, { to: 'fd00:96::1', port: 80 })).toEqual(['fd00:244:1::2|8080']);
    expect(trace(r.at, { ...clusterIp, protocol: 'UDP' })).toBe('no service');
    expect(trace(r.at, { ...clusterIp, port: 81 })).toBe('no service');
  });

  it('a ClusterIP is its Service’s, whoever names it an external address, and whoever came first', async () => {
    const r = rig();
    const thief = testService('a', {
      ...{ clusterIPs: ['10.96.0.2'], externalIPs: ['10.96.0.1', '203.0.113.1'] },
      ports: [{ port: 80 }],
    });
    r.services.set(thief);
    r.slices.set(testSlice('a', { family: 4, ports: [{ port: 8080 }], endpoints: [there] }));
    await r.sync();
    expect(trace(r.at, clusterIp)).toEqual(['10.244.2.2|8080']);
    r.services.set(web());
    r.slices.set(pods([here]));
    const check = async () => {
      await r.sync();
      expect(trace(r.at, clusterIp)).toEqual(['10.244.1.2|8080']);
      for (const to of ['10.96.0.2', '203.0.113.1'])
        expect(trace(r.at, { to, port: 80 })).toEqual(['10.244.2.2|8080']);
    };
    await check();
    r.restart();
    await check();
    r.services.set({ ...thief, metadata: { ...thief.metadata, resourceVersion: '77' } });
    await check();
    r.services.remove('default/web');
    await r.sync();
    expect(trace(r.at, clusterIp)).toEqual(['10.244.2.2|8080']);
    r.services.remove('default/a');
    await r.sync();
    expect([...r.at.map('frontends').entries()]).toEqual([]);
  });

  it('refuses without endpoints', async () => {
    const r = rig();
    r.services.set(web());
    await r.sync();
    expect(trace(r.at, clusterIp)).toBe('refused');
  });

  it('falls back to those that serve while they terminate', async () => {
    const r = rig();
    r.services.set(web());
    const terminating = { ...there, ready: false, serving: true, terminating: true };
    r.slices.set(pods([terminating, { ...here, ready: false }]));
    await r.sync();
    expect(trace(r.at, clusterIp)).toEqual(['10.244.2.2|8080']);
  });

  it('externalTrafficPolicy Local: outsiders get local endpoints or silence, the node’s own clients all', async () => {
    const r = rig();
    r.services.set(web({ externalTrafficPolicy: 'Local' }));
    r.slices.set(pods([here, there]));
    await r.sync();
    const nodePort = { to: '10.9.0.1', port: 30080 };
    expect(trace(r.at, { ...nodePort, from: 'external' })).toEqual(['10.244.1.2|8080']);
    expect(trace(r.at, nodePort)).toEqual(['10.244.1.2|8080', '10.244.2.2|8080']);
    r.slices.set(pods([there]));
    await r.sync();
    expect(trace(r.at, { ...nodePort, from: 'external' })).toBe('dropped');
  });

  const foreign = { 'service.kubernetes.io/service-proxy-name': 'other' };

  it('knows nothing of headless Services and ExternalName', async () => {
    const r = rig();
    r.services.set(web({ clusterIPs: ['None'] }));
    r.services.set(testService('name', { type: 'ExternalName', externalName: 'example.com' }));
    await r.sync();
    expect([...r.at.map('frontends').entries()]).toEqual([]);
  });

  it('lets other proxies’ Services be', async () => {
    const r = rig({ serviceCidrs: ['10.96.0.0/16'] });
    r.services.set(testService('foreign', { clusterIPs: ['10.96.0.9'], ports: [{ port: 80 }] }, foreign));
    await r.sync();
    expect([80, 81].map((port) => trace(r.at, { to: '10.96.0.9', port }))).toEqual([
      'no service',
      'no service',
    ]);
    r.services.set(testService('foreign', { clusterIPs: ['10.96.0.9'], ports: [{ port: 80 }] }));
    await r.sync();
    expect([80, 81].map((port) => trace(r.at, { to: '10.96.0.9', port }))).toEqual(['refused', 'refused']);
  });

  it('refuses other ports of a ClusterIP, and is silent where no Service is, once all are known', async () => {
    const r = rig({ serviceCidrs: ['10.96.0.0/16', 'fd00:96::/112'] });
    const asked = () =>
      ['10.96.0.1', 'fd00:96::1', '10.96.0.200', 'fd00:96::200', '10.97.0.1', 'fd00:96::1:1'].map((to) =>
        trace(r.at, { to, port: 81 }),
      );
    expect(asked()).toEqual(Array(6).fill('no service'));
    r.services.set(web());
    await r.sync();
    const settled = ['refused', 'refused', 'dropped', 'dropped', 'no service', 'no service'];
    expect(asked()).toEqual(settled);
    // What an earlier agent left is in force until the next one has read all Services.
    r.restart();
    expect(asked()).toEqual(settled);
    r.services.remove('default/web');
    await r.sync();
    expect(asked().slice(0, 2)).toEqual(['dropped', 'dropped']);
  });

  it('says how many Service CIDRs there is room for', async () => {
    const r = rig({ serviceCidrs: Array.from({ length: 9 }, (_, i) => `10.${i}.0.0/16`) });
    await expect(r.sync()).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: expect.stringContaining('9'),
    });
  });
});

describe('what is written', () => {
  it('one endpoint more or less: itself, its slot and the counts of its frontends', async () => {
    const r = rig();
    r.services.set(web({ type: 'ClusterIP', clusterIPs: ['10.96.0.1'], ports: [{ port: 80 }] }));
    r.slices.set(pods([here, there]));
    await r.sync();
    const add = r.writesDuring(async () => {
      r.slices.set(pods([here, there, { ip: '10.244.2.3' }]));
      await r.sync();
    });
    expect(await add).toBe(3);
    const remove = r.writesDuring(async () => {
      r.slices.set(pods([there, { ip: '10.244.2.3' }]));
      await r.sync();
    });
    // The last slot moves into the gap: slot, frontend, stale slot, backend.
    expect(await remove).toBe(4);
    expect(trace(r.at, clusterIp)).toEqual(['10.244.2.2|8080', '10.244.2.3|8080']);
  });

  it('nothing when nothing changed, and nothing after a restart', async () => {
    const r = rig();
    r.services.set(web());
    r.slices.set(pods([here, there]));
    await r.sync();
    expect(await r.writesDuring(r.sync)).toBe(0);
    r.restart();
    expect(await r.writesDuring(r.sync)).toBe(0);
    expect(await r.writesDuring(r.sync)).toBe(0);
  });

  it('an endpoint that leaves for another pool and comes back keeps its number, and its flows', async () => {
    const r = rig();
    r.services.set(testService('dns', { clusterIPs: ['10.96.0.9'], ports: [{ port: 53, protocol: 'UDP' }] }));
    const dns = (terminating: boolean) =>
      testSlice('dns', {
        family: 4,
        ports: [{ port: 53, protocol: 'UDP' }],
        endpoints: [
          { ip: '10.244.2.2', ready: !terminating, serving: true, terminating },
          { ip: '10.244.2.3' },
        ],
      });
    r.slices.set(dns(false));
    await r.sync();
    const before = backendsOf(r.at);
    expect(before.size).toBe(2);
    r.slices.set(dns(true));
    await r.sync();
    expect(backendsOf(r.at)).toEqual(before);
    expect(trace(r.at, { to: '10.96.0.9', port: 53, protocol: 'UDP' })).toEqual(['10.244.2.3|53']);
    r.slices.set(dns(false));
    await r.sync();
    expect(backendsOf(r.at)).toEqual(before);
  });

  it('Services with the same endpoint have a backend each: a flow of one says nothing about the other', async () => {
    const r = rig();
    for (const [name, ip] of [
      ['one', '10.96.0.1'],
      ['two', '10.96.0.2'],
    ] as const) {
      r.services.set(testService(name, { clusterIPs: [ip], ports: [{ port: 80 }] }));
      r.slices.set(testSlice(name, { family: 4, ports: [{ port: 80 }], endpoints: [{ ip: '10.244.2.2' }] }));
    }
    await r.sync();
    const before = backendsOf(r.at);
    expect(before.size).toBe(2);
    r.slices.set(testSlice('one', { family: 4, ports: [{ port: 80 }], endpoints: [] }));
    await r.sync();
    expect(backendsOf(r.at).size).toBe(1);
    expect(trace(r.at, { to: '10.96.0.2', port: 80 })).toEqual(['10.244.2.2|80']);
  });

  it('a restarted process removes what went away meanwhile', async () => {
    const r = rig();
    r.services.set(web());
    r.services.set(testService('gone', { clusterIPs: ['10.96.0.7'], ports: [{ port: 80 }] }));
    r.slices.set(pods([here, there]));
    r.slices.set(testSlice('gone', { family: 4, ports: [{ port: 9 }], endpoints: [{ ip: '10.244.3.3' }] }));
    await r.sync();
    r.services.remove('default/gone');
    r.restart();
    await r.sync();
    expect(trace(r.at, { to: '10.96.0.7', port: 80 })).toBe('no service');
    expect([...r.at.map('backends').entries()]).toHaveLength(2);
    expect([...r.at.map('slots').entries()]).toHaveLength(2);
  });

  it('a number that is given out again after a restart is of another generation; what stays keeps its own', async () => {
    const r = rig();
    r.services.set(web());
    r.slices.set(pods([here, there]));
    await r.sync();
    const before = backendsOf(r.at);
    r.slices.set(pods([here]));
    await r.sync();
    r.restart();
    r.slices.set(pods([here, { ip: '10.244.2.9', node: 'there' }]));
    await r.sync();
    const after = backendsOf(r.at);
    expect(after.get(1)).toBe(before.get(1));
    expect(after.has(2)).toBe(true);
    expect(after.get(2)).not.toBe(before.get(2));
  });

  it('no two processes number backends of one generation, also where the map of backends was lost between', async () => {
    const r = rig();
    r.services.set(web());
    const generations: number[] = [];
    for (let process = 0; process < 5; process++) {
      r.slices.set(pods([{ ip: `10.244.2.${process + 1}`, node: 'there' }]));
      r.restart();
      await r.sync();
      generations.push(backendsOf(r.at).get(1) ?? -1);
      r.at.bpf.maps.delete('/pins/backends');
    }
    expect(generations).toEqual([1, 2, 3, 4, 5]);
  });

  it('follows the node’s addresses', async () => {
    const r = rig();
    r.services.set(web());
    r.slices.set(pods([here]));
    await r.sync();
    r.addresses[0] = '10.9.0.77';
    await r.sync();
    expect(trace(r.at, { to: '10.9.0.77', port: 30080 })).toEqual(['10.244.1.2|8080']);
    expect(trace(r.at, { to: '10.9.0.1', port: 30080 })).toBe('no service');
  });

  describe.each([
    ['backends', 4],
    ['slots', 4],
    // A port, and the ClusterIP as such.
    ['frontends', 2],
  ] as const)('a map of %s without room', (map, size) => {
    const others = { to: '10.96.0.9', port: 80 };
    const one = (ip: string) => testSlice('other', { family: 4, ports: [{ port: 80 }], endpoints: [{ ip }] });
    const many = Array.from({ length: 9 }, (_, i) => ({ ip: `10.244.9.${i + 1}` }));
    const big = (endpoints: TestEndpoint[]) =>
      testSlice('big', { family: 4, ports: [{ port: 80 }], endpoints });

    it('leaves out what does not fit and says so; all else is kept up with, and it heals', async () => {
      const r = rig({ mapSizes: { [map]: size } });
      r.services.set(testService('other', { clusterIPs: ['10.96.0.9'], ports: [{ port: 80 }] }));
      r.slices.set(one('10.244.8.1'));
      await r.sync();
      r.services.set(testService('big', { clusterIPs: ['10.96.0.8'], ports: [{ port: 80 }] }));
      r.slices.set(big(many));
      await r.sync();
      expect(r.refusal()).toMatchObject({
        code: 'MAP_FULL',
        remedy: expect.stringContaining(`mapSizes.${map}`),
      });
      expect(r.refusal()?.message).toMatch(new RegExp(`${map} is full with ${size} entries: default/big`));
      expect([...r.at.map(map).entries()].length).toBeLessThanOrEqual(size);
      r.slices.set(one('10.244.8.2'));
      await r.sync();
      await r.sync();
      expect(trace(r.at, others)).toEqual(['10.244.8.2|80']);
      if (map === 'frontends') r.services.remove('default/other');
      else r.slices.set(big(many.slice(7)));
      await r.sync();
      expect(r.refusal()).toBeUndefined();
      const left = map === 'frontends' ? many : many.slice(7);
      expect(trace(r.at, { to: '10.96.0.8', port: 80 })).toEqual(left.map(({ ip }) => `${ip}|80`));
    });
  });
});

describe('whatever happens in whatever order', () => {
  const change = fc.record({
    service: fc.constantFrom('a', 'b', 'c'),
    exists: fc.boolean(),
    endpoints: fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 6 }),
    restart: fc.boolean(),
  });

  function apply(r: TestRig, c: { service: string; exists: boolean; endpoints: number[] }): void {
    const number = c.service.charCodeAt(0);
    if (c.exists) {
      r.services.set(testService(c.service, { clusterIPs: [`10.96.1.${number}`], ports: [{ port: 80 }] }));
    } else r.services.remove(`default/${c.service}`);
    const endpoints = c.endpoints.map((n) => ({ ip: `10.244.0.${n}` }));
    r.slices.set(testSlice(c.service, { family: 4, ports: [{ port: 8080 }], endpoints }));
  }

  const expected = (c: { exists: boolean; endpoints: number[] }) => {
    if (!c.exists) return 'no service';
    return c.endpoints.length === 0 ? 'refused' : c.endpoints.map((n) => `10.244.0.${n}|8080`).sort();
  };

  const sizes = (at: TestDatapath) => ['frontends', 'slots'].map((map) => [...at.map(map).entries()].length);

  it('the maps say what the stores say, and hold nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 12 }), async (changes) => {
        const r = rig();
        const latest = new Map<string, (typeof changes)[number]>();
        for (const c of changes) {
          apply(r, c);
          latest.set(c.service, c);
          if (c.restart) r.restart();
          await r.sync();
          for (const [service, last] of latest) {
            expect(trace(r.at, { to: `10.96.1.${service.charCodeAt(0)}`, port: 80 })).toEqual(expected(last));
          }
        }
        const alive = [...latest.values()].filter((c) => c.exists);
        const slots = alive.reduce((sum, c) => sum + c.endpoints.length, 0);
        expect(sizes(r.at)).toEqual([2 * alive.length, slots]);
        expect([...r.at.map('backends').entries()]).toHaveLength(slots);
      }),
      { numRuns: 60 },
    );
  });
});
