/** `tendril install`, `status`, `upgrade` and `uninstall` on a cluster of kubelets that has no network at all. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { application, deployApplication, fromNode, fromPod, removeApplication } from './application.ts';
import { existingOrNewCluster } from './cluster/cluster.ts';
import { kubectl } from './cluster/control-plane.ts';
import { kubeconfigPath, nodes } from './cluster/layout.ts';
import { nodeCgroupPath, onNode } from './cluster/node.ts';

const all = nodes();
const [controlPlane] = all;
const program = join(import.meta.dirname, '../../bin/tendril');
const cgroup = ['--set', `cgroup=${nodeCgroupPath}`];
const directory = mkdtempSync(join(tmpdir(), 'install-'));

interface Outcome {
  status: number;
  output: string;
}

/** From the control plane's node, which reaches the API server. */
async function tendril(words: string[], { kubeconfig = kubeconfigPath, endAt = '' } = {}): Promise<Outcome> {
  const argv = [`--net=/run/netns/${controlPlane!.netns}`, program, ...words, '--kubeconfig', kubeconfig];
  const child = spawn('nsenter', argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let ended = false;
  const read = (chunk: Buffer) => {
    output += chunk.toString();
    // Once: a second one means at once.
    if (endAt !== '' && !ended && output.includes(endAt)) ended = child.kill('SIGINT');
  };
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  const status = await new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? -1)));
  return { status, output };
}

const names = (...words: string[]) =>
  kubectl('get', ...words, '-o', 'name')
    .split('\n')
    .filter(Boolean);

/** Whatever a command that failed may have left on the cluster. */
const left = () => [
  ...names('pods', '-A', '-l', 'app.kubernetes.io/name=tendril'),
  ...names('namespaces').filter((name) => name.includes('tendril')),
  ...names('clusterroles').filter((name) => name.includes('tendril')),
];

/** What Tendril makes on a node. */
const onDisk = (node: (typeof all)[number]) =>
  onNode(
    node,
    'sh',
    '-c',
    'ls -d /etc/cni/net.d/* /opt/cni/bin/* /var/lib/tendril /run/tendril /sys/fs/bpf/tendril 2>/dev/null || true; nft list tables',
  )
    .split('\n')
    .filter(Boolean);

let removeCluster = async () => {};

beforeAll(async () => {
  const cluster = await existingOrNewCluster({ network: 'none' });
  removeCluster = () => cluster.remove();
}, 1_200_000);

afterAll(async () => {
  removeApplication();
  await tendril(['uninstall', '--force', ...cgroup]);
  rmSync(directory, { recursive: true, force: true });
  await removeCluster();
}, 600_000);

interface Kubeconfig {
  clusters: { cluster: { server: string } }[];
  users: { user: object }[];
}

/** The cluster's kubeconfig, changed. */
function kubeconfig(change: (config: Kubeconfig) => void): string {
  const config = JSON.parse(readFileSync(kubeconfigPath, 'utf8')) as Kubeconfig;
  change(config);
  const path = join(directory, `${Math.random()}.json`);
  writeFileSync(path, JSON.stringify(config));
  return path;
}

describe('what cannot be used is told, and leaves nothing', () => {
  test.each([
    { what: 'an unknown context', words: ['--context', 'other'], says: 'has no context "other"' },
    { what: 'a misspelt value', words: ['--set', 'uplnk=eth0'], says: 'did you mean uplink?' },
    { what: 'a bad value', words: ['--set', 'xdp=fast'], says: 'xdp is one of off, native, generic' },
    { what: 'another cgroup hierarchy', words: [], says: 'n0, n1, n2: /sys/fs/cgroup is no cgroup2' },
    {
      what: 'an image that is not there',
      words: [...cgroup, '--set', 'image=localhost:1/none:1'],
      says: 'Import localhost:1/none:1 on the node',
    },
  ])('$what', { timeout: 240_000 }, async ({ words, says }) => {
    const { status, output } = await tendril(['install', ...words]);
    expect(output).toContain(says);
    expect(status).toBe(1);
    expect(left()).toEqual([]);
  });

  test('a kubeconfig that is none, a server that does not answer, and a user without rights', async () => {
    const none = join(directory, 'none');
    expect(await tendril(['install'], { kubeconfig: none })).toMatchObject({
      ...{ status: 1, output: expect.stringContaining('cannot be read') },
    });
    const dead = kubeconfig((config) => {
      config.clusters[0]!.cluster.server = 'https://10.90.0.10:1';
    });
    expect(await tendril(['install'], { kubeconfig: dead })).toMatchObject({
      ...{
        status: 1,
        output: expect.stringContaining('the API server at https://10.90.0.10:1 does not answer'),
      },
    });
    const token = kubectl('create', 'token', 'default').trim();
    const weak = kubeconfig((config) => {
      config.users[0]!.user = { token };
    });
    const { status, output } = await tendril(['install'], { kubeconfig: weak });
    expect(status).toBe(1);
    expect(output).toMatch(/these rights are missing: .*create daemonsets.apps in tendril-system/);
    expect(output).toContain('cluster-admin');
    expect(left()).toEqual([]);
  }, 120_000);

  test('Ctrl-C while nodes are looked at', async () => {
    const { status, output } = await tendril(['install', ...cgroup], { endAt: 'looking at 3 nodes' });
    expect(status).toBe(1);
    expect(output).toContain('cleaning up');
    await expect.poll(left, { timeout: 60_000 }).toEqual([]);
  }, 120_000);
});

test('a dry run prints what would be applied, and touches no cluster', async () => {
  const { status, output } = await tendril(['install', '--dry-run', ...cgroup], { kubeconfig: '/none' });
  expect(status).toBe(0);
  expect(output).toContain(`path: ${nodeCgroupPath}`);
});

test('installed, every node becomes Ready, and an application is served', async () => {
  const { status, output } = await tendril(['install', ...cgroup]);
  expect(output).toContain('All is well.');
  expect(status).toBe(0);
  const web = await deployApplication();
  for (const ip of web.clusterIps)
    expect(fromNode(controlPlane!, `http://${ip.includes(':') ? `[${ip}]` : ip}/hostname`)).toContain(
      application,
    );
  expect(fromPod(controlPlane!, web.servers[0]!, application, 80)).toHaveLength(1);
}, 600_000);

test('status tells every node; installing again changes nothing', async () => {
  const { status, output } = await tendril(['status', '-o', 'json']);
  expect(status).toBe(0);
  const seen = JSON.parse(output) as { nodes: { name: string; agent: string; dns: string }[] };
  expect(seen.nodes.map(({ name, agent, dns }) => [name, agent, dns])).toEqual(
    all.map(({ name }) => [name, 'in force', 'answers']),
  );
  const again = await tendril(['install']);
  expect(again.output).toContain('16 objects are as they should be');
  expect(again.status).toBe(0);
}, 240_000);

test('an upgrade brings other values to every node, and keeps those before', async () => {
  const { status, output } = await tendril(['upgrade', '--set', 'healthzPort=10300']);
  expect(output).toContain('All is well.');
  expect(status).toBe(0);
  for (const node of all)
    expect(onNode(node, 'curl', '-sS', '-m', '5', 'http://127.0.0.1:10300/healthz')).toContain('lastUpdated');
  const { spec } = JSON.parse(
    kubectl('-n', 'tendril-system', 'get', 'daemonset', 'tendril-agent', '-o', 'json'),
  ).spec.template;
  expect(JSON.stringify(spec.volumes)).toContain(nodeCgroupPath);
}, 600_000);

test('uninstalled, nothing is left on the cluster or its nodes', async () => {
  const { status, output } = await tendril(['uninstall']);
  expect(output).toContain('Tendril is off the cluster.');
  expect(status).toBe(0);
  expect(left()).toEqual([]);
  expect(
    names('-n', 'kube-system', 'services,configmaps').filter((name) => /kube-dns|coredns/.test(name)),
  ).toEqual([]);
  for (const node of all) expect(onDisk(node)).toEqual([]);
  expect(kubectl('get', 'nodes', '-o', 'json')).not.toContain('TendrilIsUp');
  expect(await tendril(['status'])).toMatchObject({
    status: 1,
    output: expect.stringContaining('is not on this cluster'),
  });
  expect((await tendril(['uninstall', ...cgroup])).output).toContain('Tendril was not on the cluster.');
}, 600_000);

test('and it can be installed again', async () => {
  expect((await tendril(['install', ...cgroup])).status).toBe(0);
  expect((await tendril(['uninstall'])).status).toBe(0);
  for (const node of all) expect(onDisk(node)).toEqual([]);
}, 900_000);
