/** What every ServiceBackend does, whatever the kernel's mechanism: Services in, the ways of connections out. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EndpointSlice, Service } from '../kube/types.ts';
import { parseIp } from '../net/ip.ts';
import type { ServiceBackend } from './backend.ts';
import { ServiceTracker } from './model/service-tracker.ts';
import { TestStore, testService, testSlice } from './testing-objects.ts';

export interface BackendRig {
  backend: ServiceBackend;
  /** Where a client's first packet may go: sorted `ip|port`, or what becomes of it. */
  where(packet: {
    to: string;
    port: number;
    protocol?: 'TCP' | 'UDP';
    from?: 'internal' | 'external';
  }): string[] | 'no service' | 'refused' | 'dropped';
  /** A backend of a new process, on what this one left. */
  restarted(): ServiceBackend;
  close(): void;
}

const node = { 4: '10.9.0.1', 6: 'fd09::1' } as const;
const clusterIp = { 4: '10.96.0.1', 6: 'fd00:96::1' } as const;
const pods = { 4: ['10.244.1.2', '10.244.2.2'], 6: ['fd00:244:1::2', 'fd00:244:2::2'] } as const;

export function backendCases(name: string, makeRig: () => BackendRig): void {
  describe(name, () => {
    let rig: BackendRig;
    let backend: ServiceBackend;
    let services: TestStore<Service>;
    let slices: TestStore<EndpointSlice>;
    let tracker: ServiceTracker;

    const track = () =>
      new ServiceTracker({
        services,
        slices,
        node: { name: 'here', addresses: () => [parseIp(node[4]), parseIp(node[6])] },
        onDirty: () => {},
      });
    beforeEach(async () => {
      rig = makeRig();
      backend = rig.backend;
      services = new TestStore();
      slices = new TestStore();
      tracker = track();
      await backend.probe();
    });
    afterEach(async () => {
      await backend.cleanup();
      rig.close();
    });

    const sync = async () => backend.sync(await tracker.update(() => undefined));
    const web = (spec: object = {}) =>
      services.set(
        testService('web', {
          type: 'NodePort',
          clusterIPs: [clusterIp[4], clusterIp[6]],
          ports: [{ port: 80, nodePort: 30080 }] as never,
          ...spec,
        }),
      );
    /** Endpoints by number, 0 being a pod of this node. */
    const endpoints = (...numbers: (0 | 1)[]) => {
      for (const family of [4, 6] as const) {
        const list = numbers.map((n) => ({ ip: pods[family][n]!, node: n === 0 ? 'here' : 'there' }));
        slices.set(testSlice('web', { family, ports: [{ port: 8080 }], endpoints: list }));
      }
    };

    describe.each([4, 6] as const)('IPv%i', (f) => {
      const at = (n: 0 | 1) => `${pods[f][n]}|8080`;
      const service = { to: clusterIp[f], port: 80 };
      const nodePort = { to: node[f], port: 30080 };

      it('serves the ClusterIP and the node’s port from all endpoints', async () => {
        web();
        endpoints(0, 1);
        await sync();
        expect(rig.where(service)).toEqual([at(0), at(1)]);
        expect(rig.where({ ...nodePort, from: 'external' })).toEqual([at(0), at(1)]);
      });

      it('leaves other ports, protocols and addresses alone', async () => {
        web();
        endpoints(0);
        await sync();
        expect(rig.where({ ...service, port: 81 })).toBe('no service');
        expect(rig.where({ ...service, protocol: 'UDP' })).toBe('no service');
        expect(rig.where({ ...service, to: pods[f][1]! })).toBe('no service');
      });

      it('refuses where there is no endpoint', async () => {
        web();
        await sync();
        expect([rig.where(service), rig.where(nodePort)]).toEqual(['refused', 'refused']);
      });

      it('keeps outsiders to this node, or in silence, with externalTrafficPolicy Local', async () => {
        web({ externalTrafficPolicy: 'Local' });
        endpoints(0, 1);
        await sync();
        expect(rig.where({ ...nodePort, from: 'external' })).toEqual([at(0)]);
        expect(rig.where(nodePort)).toEqual([at(0), at(1)]);
        endpoints(1);
        await sync();
        expect(rig.where({ ...nodePort, from: 'external' })).toBe('dropped');
      });

      it('follows endpoints that come and go', async () => {
        web();
        for (const [numbers, expected] of [
          [[0], [at(0)]],
          [
            [1, 0],
            [at(0), at(1)],
          ],
          [[1], [at(1)]],
          [[], 'refused'],
          [[0], [at(0)]],
        ] as const) {
          endpoints(...numbers);
          await sync();
          expect(rig.where(service)).toEqual(expected);
        }
      });

      it('gives up what is removed', async () => {
        web();
        endpoints(0);
        await sync();
        services.remove('default/web');
        await sync();
        expect([rig.where(service), rig.where(nodePort)]).toEqual(['no service', 'no service']);
      });

      it('serves on while no process runs, and a new one takes over', async () => {
        web();
        endpoints(0);
        await sync();
        backend = rig.restarted();
        await backend.probe();
        expect(rig.where(service)).toEqual([at(0)]);
        endpoints(1);
        tracker = track();
        await sync();
        expect(rig.where(service)).toEqual([at(1)]);
      });
    });

    it('cleans up twice, and also before it ever synced', async () => {
      await backend.cleanup();
      await backend.cleanup();
    });

    it('says what it can', () => {
      expect(backend.name).toMatch(/^[a-z]+$/);
      expect(Object.values(backend.capabilities).every((value) => typeof value === 'boolean')).toBe(true);
    });
  });
}
