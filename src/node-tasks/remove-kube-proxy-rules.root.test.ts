/** kube-proxy's rules removed from a node's kernel, with a connection that they translated. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createNetns, deleteNetns, type NetnsHandle, openNetns } from '../linux/netns/netns.ts';
import { connectTcp, listenTcp, localEndpoint } from '../linux/netns/sockets.ts';
import { nftProgram } from '../linux/nftables/nft-program.ts';
import { parseIp } from '../net/ip.ts';
import { decodeOutcome } from './outcome.ts';
import type { RemoveKubeProxyReport } from './remove-kube-proxy-rules.ts';

const main = resolve(import.meta.dirname, '../main.ts');

let directory: string;
let stack: AsyncDisposableStack;
let netns: NetnsHandle;

beforeEach(() => {
  stack = new AsyncDisposableStack();
  directory = mkdtempSync(join(tmpdir(), 'tendril-proxy-'));
  stack.defer(() => rmSync(directory, { recursive: true }));
  createNetns(join(directory, 'node'));
  stack.defer(() => void deleteNetns(join(directory, 'node')));
  netns = stack.use(openNetns(join(directory, 'node')));
});
afterEach(() => stack.disposeAsync());

/** A task works in the namespace that its process is in. */
function run(input: object = {}): RemoveKubeProxyReport {
  const words = ['node-task', 'remove-kube-proxy-rules', '--input', JSON.stringify(input)];
  const command = [`--net=${join(directory, 'node')}`, process.execPath, main, ...words];
  const outcome = decodeOutcome(execFileSync('nsenter', command, { encoding: 'utf8' }))!;
  return (outcome as { report: RemoveKubeProxyReport }).report;
}

async function listen(ip: string, port = 0): Promise<number> {
  const fd = listenTcp(netns, { ip: parseIp(ip), port });
  const server = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen({ fd });
  stack.defer(() => void server.close());
  await once(server, 'listening');
  return port || localEndpoint(fd).port;
}

/** In the families' own tables, as kube-proxy has them in its mode nftables. */
const kubeProxyTable = (family: 'ip' | 'ip6', port: number) => `
table ${family} kube-proxy {
  chain services { tcp dport 7 redirect to :${port}; }
  chain nat-output { type nat hook output priority -100; jump services; }
}
`;

/** As iptables-nft leaves them; the kubelet's chain among them. */
const iptablesTables = `
table ip nat {
  chain KUBE-SVC-ABC { }
  chain KUBE-SERVICES { tcp dport 8 jump KUBE-SVC-ABC; }
  chain MINE { }
  chain OUTPUT { type nat hook output priority -100; jump KUBE-SERVICES; jump MINE; }
}
table ip filter {
  chain KUBE-FIREWALL { }
  chain KUBE-FORWARD { }
  chain FORWARD { type filter hook forward priority 0; jump KUBE-FORWARD; jump KUBE-FIREWALL; }
}
`;

test.each([
  ['ip', '127.0.0.1'],
  ['ip6', '::1'],
] as const)(
  'the tables of mode nftables go, and a connection that %s translated stays',
  async (family, ip) => {
    const port = await listen(ip);
    await nftProgram.apply(netns, kubeProxyTable(family, port));
    const client = await connectTcp(netns, { ip: parseIp(ip), port: 7, timeoutMs: 20_000 });
    const echoes = async () => {
      client.write('x');
      return String((await once(client, 'data'))[0]);
    };
    expect(await echoes()).toBe('x');
    const report = run();
    expect(report).toMatchObject({
      removed: { tables: [`${family} kube-proxy`], chains: [], ipsets: [], links: [], virtualServers: 0 },
      ...{ translatedConnections: 1, natKept: true, problems: [] },
    });
    expect(await echoes()).toBe('x');
    expect(run().natKept).toBe(true);
    expect(await echoes()).toBe('x');
    client.destroy();
  },
);

test('chains of iptables go with what leads to them, the kubelet’s and others’ stay; another run finds nothing', async () => {
  await nftProgram.apply(netns, iptablesTables);
  expect(run().removed.chains.sort()).toEqual([
    'ip filter KUBE-FORWARD',
    'ip nat KUBE-SERVICES',
    'ip nat KUBE-SVC-ABC',
  ]);
  const left = await nftProgram.list(netns);
  for (const stays of ['KUBE-FIREWALL', 'MINE', 'jump MINE', 'jump KUBE-FIREWALL'])
    expect(left).toContain(stays);
  for (const gone of ['KUBE-S', 'KUBE-FORWARD']) expect(left).not.toContain(gone);
  expect(run()).toMatchObject({ removed: { tables: [], chains: [] }, natKept: false });
});

test('nothing is removed while kube-proxy runs, unless that is asked for', async () => {
  await nftProgram.apply(netns, kubeProxyTable('ip', 1));
  await listen('127.0.0.1', 10_249);
  expect(() => run()).toThrow('kube-proxy runs on this node');
  expect(await nftProgram.tables(netns)).toEqual(['ip kube-proxy']);
  expect(run({ force: true }).removed.tables).toEqual(['ip kube-proxy']);
});
