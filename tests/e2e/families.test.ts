/** Labs of one address family, and of other address blocks: all of the network works as in a dual-stack one. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bringUp, labName, type TestLab } from './support/lab.ts';
import { shopManifest } from './support/shop.ts';
import { must, tendril } from './support/tendril.ts';

const urlHost = (ip: string) => (ip.includes(':') ? `[${ip}]` : ip);

interface Family {
  family: string;
  args: string[];
  nodes: string[];
  /** Of pods and Services. */
  prefixes: RegExp;
}

describe.each<Family>([
  {
    family: 'IPv4 alone',
    args: ['--ip-family', 'ipv4'],
    nodes: ['172.20.0.11', '172.20.0.12'],
    prefixes: /^10\.(244|96)\./,
  },
  {
    family: 'IPv6 alone',
    args: ['--ip-family', 'ipv6'],
    nodes: ['fd00:10:20::b', 'fd00:10:20::c'],
    prefixes: /^fd00:10:(244|96):/,
  },
  {
    family: 'dual stack, IPv6 first, in blocks of its own',
    args: ['--pod-cidr', 'fd00:1::/60,10.128.0.0/12', '--service-cidr', 'fd00:2::/120,192.168.7.0/27'],
    nodes: ['fd00:10:20::b', '172.20.0.11'],
    prefixes: /^(fd00:[12]:|10\.1[23]\d\.|192\.168\.7\.)/,
  },
])('$family', ({ args, nodes, prefixes }) => {
  let lab: TestLab;
  beforeAll(async () => {
    lab = await bringUp({ manifest: shopManifest, args: ['--nodes', '2', ...args] });
  });
  afterAll(() => lab?.down());

  const objects = async <T>(...words: string[]): Promise<T> =>
    JSON.parse(await must(lab.tendril(['get', ...words, '-o', 'json']))) as T;
  const answers = async (where: string[], url: string) =>
    JSON.parse(await lab.exec(where, 'curl', '-s', '-m', '5', url)) as { pod: string; client: string };

  test('pods reach each other by every address they have, and are seen by it', async () => {
    type Pod = { metadata: { name: string }; status: { podIPs: { ip: string }[] } };
    const client = await objects<Pod>('pod', 'client');
    const { items } = await objects<{ items: Pod[] }>('pods', '-l', 'app=backend');
    for (const { metadata, status } of items) {
      expect(status.podIPs).toHaveLength(client.status.podIPs.length);
      for (const [i, { ip }] of status.podIPs.entries()) {
        expect(ip).toMatch(prefixes);
        const answer = await answers(['client'], `http://${urlHost(ip)}:8080/`);
        expect(answer.pod).toBe(metadata.name);
        expect(answer.client).toContain(client.status.podIPs[i]!.ip);
      }
    }
  });

  test('a Service answers by name and address, from pods and nodes', async () => {
    const service = await objects<{ spec: { clusterIPs: string[] } }>('svc', 'backend');
    for (const ip of service.spec.clusterIPs) expect(ip).toMatch(prefixes);
    const hosts = ['backend', 'backend.default.svc.cluster.local', ...service.spec.clusterIPs.map(urlHost)];
    for (const host of hosts) expect((await answers(['client'], `http://${host}/`)).pod).toMatch(/^backend-/);
    for (const ip of service.spec.clusterIPs)
      expect((await answers(['--node', 'node-2'], `http://${urlHost(ip)}/`)).pod).toMatch(/^backend-/);
  });

  test('a headless Service gives its pods', async () => {
    expect((await answers(['client'], 'http://pods:8080/')).pod).toMatch(/^backend-/);
  });

  test('NodePorts answer outside, by address and by node name', async () => {
    for (const host of [...nodes.map(urlHost), 'node-1', 'node-2'])
      expect((await answers(['--outside'], `http://${host}:30090/`)).pod).toMatch(/^backend-/);
  });

  test('the outside world is reached by name', async () => {
    expect((await answers(['client'], 'http://www.example.com/')).pod).toBe('outside');
  });
});

test.each([
  { args: ['--pod-cidr', '10.1.0.0/24', '--nodes', '2'], says: 'has room for 1 nodes of a /24' },
  { args: ['--pod-cidr', '10.1.0.0/25', '--nodes', '1'], says: 'has room for 0 nodes' },
  { args: ['--service-cidr', '10.1.0.0/28'], says: 'is too small' },
  { args: ['--service-cidr', '10.0.0.0/8'], says: 'is too large' },
  { args: ['--ip-family', 'ipv4', '--pod-cidr', 'fd00:1::/56'], says: 'which this lab does not have' },
])('$args is refused', async ({ args, says }) => {
  const { code, stderr } = await tendril(['up', '--name', labName(), ...args]);
  expect([code, stderr]).toEqual([1, expect.stringContaining(says)]);
});

test('one node has room in a /24', async () => {
  const args = ['--ip-family', 'ipv4', '--pod-cidr', '10.1.0.0/24', '--nodes', '1'];
  await using lab = await bringUp({ manifest: shopManifest, args });
  expect(await lab.exec(['client'], 'curl', '-s', '-m', '5', 'http://backend/')).toContain('"pod"');
});
