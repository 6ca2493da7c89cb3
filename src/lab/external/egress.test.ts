import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EndpointSlice, Service } from '../../kube/types.ts';
import { connectDirectly } from '../apiserver/webhooks/webhook-client.ts';
import { egressTarget, removeEgressSocket, requireFreeSocket, startEgress } from './egress.ts';

const hook = (spec: object) => ({
  metadata: { name: 'hook', namespace: 'default' },
  spec: { clusterIPs: ['10.96.0.7', 'fd00:10:96::7'], ipFamilies: ['IPv4', 'IPv6'], ...spec },
});
const slice = (addressType: string, ip: string, namespace = 'default') => ({
  metadata: { name: addressType, namespace, labels: { 'kubernetes.io/service-name': 'hook' } },
  addressType,
  ports: [{ name: 'tls', port: 8443 }],
  endpoints: [{ addresses: [ip], nodeName: 'node-2', conditions: { ready: true } }],
});
const routes = (slices: object[] = []) => ({
  nodeIps: ['172.20.0.11', 'fd00:10:20::b'],
  services: { list: () => [hook({ ports: [{ name: 'tls', port: 443 }] })] as unknown as Service[] },
  slices: { list: () => slices as EndpointSlice[] },
});
const both = [slice('IPv6', 'fd00:10:244::5'), slice('IPv4', '10.244.1.5')];
const endpoint = { ip: '10.244.1.5', port: 8443, node: 'node-2' };

test.each([
  ['10.96.0.7:443', both, endpoint],
  ['[fd00:10:96::7]:443', both, endpoint],
  ['10.96.0.7:443', both.slice(0, 1), { ...endpoint, ip: 'fd00:10:244::5' }],
  ['10.244.1.9:80', both, { ip: '10.244.1.9', port: 80 }],
  ['172.20.0.11:10250', [], { machine: { ip: '172.20.0.11', port: 10250 } }],
  ['[fd00:10:20:0::b]:10250', [], { machine: { ip: 'fd00:10:20::b', port: 10250 } }],
  ['172.20.0.11:8443', [], { ip: '172.20.0.11', port: 8443 }],
])('to %s', (authority, slices, target) => {
  expect(egressTarget(authority, routes(slices))).toEqual(target);
});

test.each([
  ['10.96.0.7:443', 'no endpoints available for service "hook"'],
  ['10.96.0.7:80', 'no service port 80 found for service "hook"'],
  ['example.com:443', '"example.com:443" is no address and port'],
  ['', '"" is no address and port'],
])('not to %j', (authority, message) => {
  const elsewhere = [slice('IPv4', '10.244.9.9', 'other')];
  expect(() => egressTarget(authority, routes(elsewhere))).toThrow(message);
});

describe('the proxy', () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tendril-egress-'));
    file = join(directory, 'egress.sock');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const start = (connect = connectDirectly) => startEgress({ file, connect, ...routes() });
  const tunnel = async (path: string) => {
    const [response, socket] = await once(
      request({ socketPath: file, method: 'CONNECT', path }).end(),
      'connect',
    );
    return { response, socket: socket as Socket };
  };

  test('carries both ways, and an end of one way alone', async () => {
    const server = createServer({ allowHalfOpen: true }, async (socket) => {
      socket.end(`heard ${await text(socket)}`);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const stop = await start();
    const { socket } = await tunnel(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    socket.end('this');
    expect(await text(socket)).toBe('heard this');
    stop();
    server.close();
  });

  test('says in its status line why it does not', async () => {
    const stop = await start();
    const { response, socket } = await tunnel('10.96.0.7:443');
    expect([response.statusCode, response.statusMessage]).toEqual([
      502,
      'no endpoints available for service "hook"',
    ]);
    socket.destroy();
    stop();
  });

  test('is for root alone, and one at a time', async () => {
    const stop = await start();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(() => requireFreeSocket(file)).toThrow(`${file} is there already`);
    await expect(start()).rejects.toThrow(`${file} cannot be listened on`);
    stop();
    expect(() => requireFreeSocket(file)).not.toThrow();
    expect(() => requireFreeSocket(join(directory, 'none', 'x'))).toThrow('there is no directory');
  });

  test('leaves nothing when its process was killed, and what is no socket alone', async () => {
    const stop = await start();
    removeEgressSocket(file);
    expect(existsSync(file)).toBe(false);
    stop();
    removeEgressSocket(directory);
    removeEgressSocket(undefined);
    expect(existsSync(directory)).toBe(true);
  });
});
