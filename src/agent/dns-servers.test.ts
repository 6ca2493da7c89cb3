import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { FakeClient } from '../kube/client/fake-client.ts';
import { resources } from '../kube/resources.ts';
import type { EndpointSlice, Pod } from '../kube/types.ts';
import { formatIp } from '../net/ip.ts';
import { serversFor as allServersFor, placesFor, podTimes, readMetrics } from './dns-servers.ts';

type Entry = NonNullable<EndpointSlice['endpoints']>[number];
const slices = (...endpoints: Entry[]) => [{ endpoints }] as EndpointSlice[];
const on = (node: string, address: string) => ({
  addresses: [address],
  hints: { forNodes: [{ name: node }] },
});

const serversFor = (...args: Parameters<typeof allServersFor>) =>
  allServersFor(...args).map(({ address }) => address);

test('the servers that a node’s pods are sent to', () => {
  const plain = [{ addresses: ['10.244.0.5'] }, { addresses: ['10.244.1.5'] }];
  expect(serversFor('n1', slices(...plain))).toEqual(['10.244.0.5', '10.244.1.5']);
  const hinted = slices(on('n1', '10.244.0.5'), on('n2', '10.244.1.5'));
  expect(serversFor('n1', hinted)).toEqual(['10.244.0.5']);
  expect(serversFor('n3', hinted)).toEqual(['10.244.0.5', '10.244.1.5']);
  const away = slices({ ...on('n1', '10.244.0.5'), conditions: { ready: false } }, on('n2', '10.244.1.5'));
  expect(serversFor('n1', away)).toEqual(['10.244.1.5']);
});

test('a pod of both families is one server', () => {
  const targetRef = { kind: 'Pod', uid: 'one' };
  const both = slices({ addresses: ['10.244.0.5'], targetRef }, { addresses: ['fd00::5'], targetRef });
  expect(serversFor('n1', both)).toEqual(['10.244.0.5']);
});

test('where those answer datagrams: every address of theirs, at the port that UDP has', () => {
  const ports = [
    { name: 'dns-tcp', port: 53, protocol: 'TCP' as const },
    { name: 'dns', port: 1053, protocol: 'UDP' as const },
  ];
  const both = [
    { ports, endpoints: [on('n1', '10.244.0.5'), on('n2', '10.244.1.5')] },
    { ports, endpoints: [on('n1', 'fd00::5'), { ...on('n1', 'fd00::6'), conditions: { ready: false } }] },
    { ports: ports.slice(0, 1), endpoints: [on('n1', '10.244.0.7')] },
  ] as EndpointSlice[];
  const places = (node: string) => placesFor(node, both).map(({ ip, port }) => `${formatIp(ip)} ${port}`);
  expect(places('n1')).toEqual(['10.244.0.5 1053', 'fd00::5 1053']);
  expect(places('n3')).toEqual(['10.244.0.5 1053', '10.244.1.5 1053', 'fd00::5 1053']);
});

test('metrics are read over HTTP; what is none is an error', async () => {
  const server = createServer((request, response) =>
    response.writeHead(request.url === '/metrics' && status === 200 ? 200 : 500).end('up 1\n'),
  );
  let status = 200;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    expect(await readMetrics('127.0.0.1', port)).toBe('up 1\n');
    status = 500;
    await expect(readMetrics('127.0.0.1', port)).rejects.toThrow('status 500');
  } finally {
    server.close();
    await once(server, 'close');
  }
});

test('a pod runs as long as all of its containers do: one that is started anew need not be the server', async () => {
  const client = new FakeClient();
  const running = (name: string, startedAt: string) => ({ name, state: { running: { startedAt } } });
  const at = (second: number) => `2026-01-01T00:00:${second}Z`;
  const made = client.seed(resources.pods, {
    metadata: { namespace: 'kube-system', name: 'dns-1' },
    status: {
      containerStatuses: [running('dns', at(20)), running('beside', at(40)), { name: 'new', state: {} }],
    },
  } as unknown as Pod);
  const { uid, creationTimestamp } = made.metadata;
  const pod = { namespace: 'kube-system', name: 'dns-1', uid: uid! };
  expect(await podTimes(client, pod)).toEqual({
    created: Date.parse(creationTimestamp ?? '') || 0,
    started: Date.parse(at(20)),
  });
  expect(await podTimes(client, { ...pod, uid: 'another' })).toBeUndefined();
});
