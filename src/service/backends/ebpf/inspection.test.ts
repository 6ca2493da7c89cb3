import { expect, test } from 'vitest';
import type { EndpointSlice, Service } from '../../../kube/types.ts';
import { parseIp } from '../../../net/ip.ts';
import { ServiceTracker } from '../../model/service-tracker.ts';
import { TestStore, testService, testSlice } from '../../testing-objects.ts';
import { EbpfServiceBackend } from './ebpf-backend.ts';
import { conntrackFlags, conntrackSeen, layouts } from './generated/layouts.ts';
import { inspectMaps } from './inspection.ts';
import { testDatapath } from './testing-datapath.ts';

const second = 1_000_000_000n;
const [client, node, backend] = ['192.0.2.1', '10.9.0.1', '10.244.2.2'].map(parseIp) as [Ip, Ip, Ip];
type Ip = ReturnType<typeof parseIp>;

async function inspected() {
  const services = new TestStore<Service>();
  const slices = new TestStore<EndpointSlice>();
  const ports = [{ port: 80, nodePort: 30080 }];
  const clusterIPs = ['10.96.0.1'];
  services.set(testService('web', { type: 'NodePort', externalTrafficPolicy: 'Local', clusterIPs, ports }));
  services.set(testService('empty', { clusterIPs: ['10.96.0.2'], ports: [{ port: 80 }] }));
  const endpoints = [{ ip: '10.244.2.2', node: 'there' }];
  slices.set(testSlice('web', { family: 4, ports: [{ port: 8080 }], endpoints }));
  const at = testDatapath();
  const ebpf = new EbpfServiceBackend(at.datapath);
  const place = { name: 'here', addresses: () => [node] };
  const tracker = new ServiceTracker({ services, slices, node: place, onDirty: () => {} });
  await ebpf.sync(await tracker.update(() => undefined));
  const inspection = inspectMaps({
    map: (name) => at.map(name),
    serviceName: (id) => ebpf.serviceName(id),
    now: () => 100n * second,
  });
  return { at, inspection };
}

test('Services: frontends by owner, what becomes of clients, and backends', async () => {
  const { inspection } = await inspected();
  const views = await inspection.services();
  const backends = [{ address: '10.244.2.2|8080', local: false, terminating: false }];
  expect(views.map(({ service, kind, frontend }) => `${service} ${kind} ${frontend}`)).toEqual([
    'default/empty:/TCP ClusterIP 10.96.0.2|80',
    'default/web:/TCP NodePort 10.9.0.1|30080',
    'default/web:/TCP ClusterIP 10.96.0.1|80',
    'default/web:/TCP NodePort 127.0.0.1|30080',
  ]);
  expect(views[0]).toMatchObject({ state: 'refused', externalState: 'refused', backends: [] });
  expect(views[1]).toMatchObject({
    state: 'serving',
    externalState: 'dropped',
    backends,
    externalBackends: [],
  });
});

test('connections: both directions as one, counted at their frontend', async () => {
  const { at, inspection } = await inspected();
  const { SEEN_ACK, SEEN_SYN } = conntrackSeen;
  const common = { version: 1, backendId: 1, backendGeneration: 1, seen: SEEN_ACK | SEEN_SYN };
  at.map('conntrack').update(
    layouts.tuple.encode({ src: client, dst: node, sport: 4000, dport: 30080, proto: 6 }),
    layouts.conntrackEntry.encode({
      ...{ ...common, packets: 3n, bytes: 300n, lastSeen: 90n * second },
      ...{ newSrc: node, newSport: 61_000, newDst: backend, newDport: 8080 },
    }),
  );
  at.map('conntrack').update(
    layouts.tuple.encode({ src: backend, dst: node, sport: 8080, dport: 61_000, proto: 6 }),
    layouts.conntrackEntry.encode({
      ...{
        ...common,
        flags: conntrackFlags.CONNTRACK_REPLY,
        packets: 2n,
        bytes: 200n,
        lastSeen: 98n * second,
      },
      ...{ newSrc: node, newSport: 30080, newDst: client, newDport: 4000 },
    }),
  );
  expect(await inspection.connections(10)).toEqual([
    {
      ...{
        protocol: 'TCP',
        client: '192.0.2.1|4000',
        frontend: '10.9.0.1|30080',
        backend: '10.244.2.2|8080',
      },
      ...{ seenAs: '10.9.0.1|61000', service: 'default/web:/TCP', state: 'established' },
      ...{ packets: 5, bytes: 500, idleSeconds: 2 },
    },
  ]);
  expect(await inspection.connections(0)).toEqual([]);
  const counted = (await inspection.services()).find(({ frontend }) => frontend === '10.9.0.1|30080');
  expect(counted).toMatchObject({ connections: 1, packets: 5, bytes: 500 });
});

test('a connection that another node sent here is counted under what the client came to', async () => {
  const { at, inspection } = await inspected();
  const { CONNTRACK_DIRECT, CONNTRACK_REPLY } = conntrackFlags;
  const common = { version: 1, backendId: 1, backendGeneration: 1, lastSeen: 90n * second };
  at.map('conntrack').update(
    layouts.tuple.encode({ src: client, dst: backend, sport: 4000, dport: 8080, proto: 6 }),
    layouts.conntrackEntry.encode({
      ...{ ...common, flags: CONNTRACK_DIRECT, packets: 3n, seen: conntrackSeen.SEEN_ACK },
      ...{ newSrc: client, newSport: 4000, newDst: backend, newDport: 8080 },
    }),
  );
  at.map('conntrack').update(
    layouts.tuple.encode({ src: backend, dst: client, sport: 8080, dport: 4000, proto: 6 }),
    layouts.conntrackEntry.encode({
      ...{ ...common, flags: CONNTRACK_DIRECT | CONNTRACK_REPLY, packets: 2n },
      ...{ newSrc: node, newSport: 30080, newDst: client, newDport: 4000 },
    }),
  );
  expect(await inspection.connections(10)).toMatchObject([
    { client: '192.0.2.1|4000', frontend: '10.9.0.1|30080', direct: true, state: 'established', packets: 5 },
  ]);
  const counted = (await inspection.services()).find(({ frontend }) => frontend === '10.9.0.1|30080');
  expect(counted).toMatchObject({ connections: 1, packets: 5 });
});

test('a connection whose backend answers the client itself is established once the client goes on', async () => {
  const { at, inspection } = await inspected();
  at.map('conntrack').update(
    layouts.tuple.encode({ src: client, dst: node, sport: 4000, dport: 30080, proto: 6 }),
    layouts.conntrackEntry.encode({
      ...{ version: 1, packets: 3n, seen: conntrackSeen.SEEN_ACK, flags: conntrackFlags.CONNTRACK_DSR },
      ...{ newSrc: client, newSport: 4000, newDst: backend, newDport: 8080 },
    }),
  );
  expect(await inspection.connections(10)).toMatchObject([
    { frontend: '10.9.0.1|30080', direct: true, state: 'established', packets: 3 },
  ]);
});
