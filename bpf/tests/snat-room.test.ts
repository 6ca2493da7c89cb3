/** Twice as many short connections to one backend of another node as it has source ports, in seconds: real ones. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EndpointSlice, Service } from '../../src/kube/types.ts';
import { netnsCookie } from '../../src/linux/bpf/netns-cookie.ts';
import { withNetns } from '../../src/linux/netns/netns.ts';
import { serviceSnatPorts } from '../../src/net/ports.ts';
import { createServiceProxy, type ServiceProxy } from '../../src/service/service-proxy.ts';
import { TestStore, testService, testSlice } from '../../src/service/testing-objects.ts';
import { silentLogger } from '../../src/util/logger.ts';
import { addresses, bpfIn, objectsDirectory, TestCluster, type TestNode } from './cluster.ts';

const families = [4, 6] as const;
const count = 20_000;

let cluster: TestCluster;
let one: TestNode;
let proxy: ServiceProxy;

/** Answers, and closes first: its side of every connection waits in TIME_WAIT. */
const server = `
  require('net').createServer((socket) => {
    socket.on('error', () => {});
    socket.end('x');
  }).listen({ port: 8080, host: '::', backlog: 4096 })`;

/** 100 connections at a time; prints how many were answered, and what became of the others. */
const client = `
  const [host, port, count] = process.argv.slice(1);
  const ends = {};
  let begun = 0, ended = 0;
  const next = () => {
    if (begun++ >= Number(count)) return;
    let answer = '';
    const socket = require('net').connect(Number(port), host);
    socket.setTimeout(10_000, () => socket.destroy(new Error('timeout')));
    socket.on('data', (data) => { answer += data; });
    socket.on('error', (error) => { answer = error.code ?? error.message; });
    socket.on('close', () => {
      ends[answer] = (ends[answer] ?? 0) + 1;
      if (++ended === Number(count)) console.log(JSON.stringify(ends));
      next();
    });
  };
  for (let i = 0; i < 100; i++) next();`;

beforeAll(async () => {
  cluster = new TestCluster();
  const two = cluster.nodes[1]!;
  one = cluster.nodes[0]!;
  const services = new TestStore<Service>();
  const slices = new TestStore<EndpointSlice>();
  const clusterIPs = ['10.96.0.1', 'fd00:96::1'];
  services.set(testService('web', { type: 'NodePort', clusterIPs, ports: [{ port: 80, nodePort: 30080 }] }));
  for (const family of families) {
    const endpoints = [{ ip: two.pod.ips[family], node: two.name }];
    slices.set(testSlice('web', { family, ports: [{ port: 8080 }], endpoints }));
  }
  const { name, pinDirectory, cgroup, uplinkIfindex } = one;
  proxy = withNetns(one.netns, () =>
    createServiceProxy(
      {
        ...{ services, slices, logger: silentLogger },
        node: { name, addresses: () => addresses(one) },
        bpf: { objectsDirectory, pinDirectory, cgroup, uplinkIfindex },
      },
      { bpf: bpfIn(one.netns), netnsCookie },
    ),
  );
  await proxy.start();
  await proxy.synced();
  cluster.spawn(two.pod.path, [process.execPath, '-e', server]);
});

afterAll(async () => {
  await proxy?.cleanup();
  cluster?.close();
});

function connect(host: string, connections: number): Record<string, number> {
  const argv = [
    `--net=${cluster.client.path}`,
    process.execPath,
    '-e',
    client,
    host,
    '30080',
    `${connections}`,
  ];
  return JSON.parse(execFileSync('nsenter', argv, { encoding: 'utf8' }));
}

it.each(families)('none of 20,000 is dropped, IPv%i', async (f) => {
  expect(count).toBeGreaterThan(serviceSnatPorts.last - serviceSnatPorts.first + 1);
  while (connect(one.ips[f], 1).x !== 1) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(connect(one.ips[f], count)).toEqual({ x: count });
  expect(proxy.status().drops).not.toHaveProperty('snat exhausted');
});
