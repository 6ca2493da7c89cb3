/** Each command that works by a kubeconfig, on a real cluster: kubelets, containerd, and agents in their pods. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { imageName } from '../../src/deploy/image-name.ts';
import {
  type Application,
  application,
  deployApplication,
  fromNode,
  fromPod,
  removeApplication,
} from './application.ts';
import { existingOrNewCluster } from './cluster/cluster.ts';
import { kubectl } from './cluster/control-plane.ts';
import { fabricNetns, kubeconfigPath, nodes } from './cluster/layout.ts';
import { processesOf } from './cluster/node.ts';
import { run, waitFor } from './cluster/process.ts';

const all = nodes();
const [controlPlane, worker] = all;
const program = join(import.meta.dirname, '../../bin/tendril');
let web: Application;
let server: Application['servers'][number];

beforeAll(async () => {
  await using stack = new AsyncDisposableStack();
  const cluster = await existingOrNewCluster();
  stack.defer(() => cluster.remove());
  web = await deployApplication();
  server = web.servers.find(({ node }) => node === worker!.name)!;
  const owned = stack.move();
  remove = () => owned.disposeAsync();
}, 1_200_000);

let remove = async () => {};

afterAll(async () => {
  removeApplication();
  await remove();
}, 60_000);

/** The kubeconfig behind the command's word; from the control plane's node, which reaches the API server. */
function begin([command = '', ...words]: readonly string[]): ChildProcess {
  const own = [program, command, '--kubeconfig', kubeconfigPath, ...words];
  return spawn('nsenter', [`--net=/run/netns/${controlPlane!.netns}`, ...own]);
}

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

async function tendril(words: readonly string[], input = ''): Promise<Outcome> {
  const child = begin(words);
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]!.setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  child.stdin!.on('error', () => {});
  child.stdin!.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code: code ?? -1, ...texts };
}

async function must(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await tendril(words);
  if (code !== 0) throw new Error(`tendril ${words.join(' ')}: ${code}\n${stdout}\n${stderr}`);
  return stdout;
}

const json = async (...words: string[]) => JSON.parse(await must(...words, '-o', 'json'));

describe('objects', () => {
  test('are shown by get', async () => {
    const { items } = await json('get', 'nodes');
    expect(items.map(({ metadata }: { metadata: { name: string } }) => metadata.name).sort()).toEqual(
      all.map(({ name }) => name),
    );
  });

  test('are applied, and deleted', async () => {
    const pause = { name: 'c', image: 'registry.k8s.io/pause:3.10' };
    const object = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'by-command' },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: 'by-command' } },
        template: { metadata: { labels: { app: 'by-command' } }, spec: { containers: [pause] } },
      },
    };
    const apply = () => tendril(['apply', '-f', '-'], JSON.stringify(object));
    expect((await apply()).stdout).toBe('deployment.apps/by-command created\n');
    expect((await apply()).stdout).toBe('deployment.apps/by-command unchanged\n');
    expect(await must('delete', 'deploy/by-command')).toBe('deployment.apps/by-command deleted\n');
    expect((await tendril(['get', 'deploy', 'by-command'])).code).toBe(1);
  });

  test('have logs', async () => {
    const before = kubectl('logs', server.name);
    // It goes on: it is asked whether it is ready.
    expect((await must('logs', server.name)).slice(0, before.length)).toBe(before);
  });
});

describe('exec', () => {
  const exec = (argv: string[], input?: string) => tendril(['exec', 'box', '--', ...argv], input);
  const node = `/opt/tendril/node_modules/node-linux-${process.arch}/bin/node`;

  /** Of Tendril's own image, which has a shell and Node.js; there are few images without a registry. */
  beforeAll(async () => {
    const container = {
      ...{ name: 'c', image: imageName(packageJson.version), imagePullPolicy: 'IfNotPresent' },
      command: [node, '-e', 'setInterval(() => {}, 1000000)'],
    };
    const spec = { terminationGracePeriodSeconds: 0, nodeName: worker!.name, containers: [container] };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'box' }, spec };
    expect((await tendril(['apply', '-f', '-'], JSON.stringify(pod))).stdout).toBe('pod/box created\n');
    kubectl('wait', 'pod', 'box', '--for=condition=Ready', '--timeout=90s');
  }, 120_000);
  afterAll(() => must('delete', 'pod', 'box', '--ignore-not-found'));

  test('has outputs and the exit status', async () => {
    expect(await exec(['sh', '-c', 'echo out; echo err >&2; exit 3'])).toEqual({
      code: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });

  test('passes input to its end, and loses nothing of 10 MB either way', async () => {
    const text = '0123456789abcde\n'.repeat((10 << 20) / 16);
    const { code, stdout } = await exec([node, '-e', 'process.stdin.pipe(process.stdout)'], text);
    expect([code, stdout.length, stdout === text]).toEqual([0, text.length, true]);
  });

  test('is at a terminal of the container’s where both ends are one', async () => {
    const script = 'process.stdout.isTTY || process.exit(1); process.exit(4)';
    const words = [program, 'exec', '--kubeconfig', kubeconfigPath, 'box', '--', node, '-e', script];
    const command = `stty cols 90 rows 33; ${words.map((word) => `'${word}'`).join(' ')}`;
    const child = spawn('nsenter', [
      ...[`--net=/run/netns/${controlPlane!.netns}`, 'script', '-qec', command, '/dev/null'],
    ]);
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(4);
  });

  test('says with 125 that a program is not there', async () => {
    const { code, stderr } = await exec(['nosuch']);
    expect([code, stderr]).toEqual([125, expect.stringContaining('nosuch')]);
  });
});

test('forward reaches the Service’s servers', async () => {
  const child = begin(['forward', `svc/${application}`, ':80']);
  const exit = once(child, 'exit');
  try {
    const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
    const [, port] = /127\.0\.0\.1:(\d+)/.exec(line)!;
    const names = new Set<string>();
    for (let i = 0; i < 10; i++) names.add(fromNode(controlPlane!, `http://127.0.0.1:${port}/hostname`));
    expect([...names].sort()).toEqual(web.servers.map(({ name }) => name).sort());
  } finally {
    child.kill('SIGINT');
  }
  expect(((await exit) as [number])[0]).toBe(0);
});

function asksAgent(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes('ask-agent');
  } catch {
    return false;
  }
}

describe('a node’s agent', () => {
  test('tells its Services, each node’s its own', async () => {
    for (const { name } of all) {
      const { node, services } = await json('service', 'list', '--node', name, '-n', 'default');
      expect(node).toBe(name);
      const frontends = services.map(({ frontend }: { frontend: string }) => frontend);
      for (const ip of web.clusterIps)
        expect(frontends.some((frontend: string) => frontend.includes(ip))).toBe(true);
    }
    expect(await must('service', 'list')).toContain(`default/${application}`);
  });

  test('tells the connections that it translates', async () => {
    const connections = async () => (await json('conntrack', 'list', '--node', worker!.name)).connections;
    const url = `http://${worker!.ipv4}:${web.nodePort}/hostname`;
    const nodePort = new RegExp(`\\b${web.nodePort}$`);
    await waitFor('a connection', 30, async () => {
      // From outside: translated per packet.
      run('nsenter', [`--net=/run/netns/${fabricNetns}`, 'curl', '-gsS', '--noproxy', '*', '-m', '5', url]);
      return (await connections()).some(({ frontend }: { frontend: string }) => nodePort.test(frontend));
    });
  });

  test('tells what the kernel answers, as long as somebody watches', async () => {
    const child = begin(['dns', 'watch', '--node', worker!.name]);
    const lines = createInterface({ input: child.stdout! });
    const seen: string[] = [];
    lines.on('line', (line) => seen.push(line));
    try {
      await waitFor('an answer', 60, () => {
        fromPod(controlPlane!, server, application, 80);
        return seen.some((line) => line.includes(`${application}.default.svc.cluster.local`));
      });
    } finally {
      child.kill('SIGINT');
    }
    // What asked in the agent's pod goes with who asked for it.
    await waitFor('the end of ask-agent', 60, () => !processesOf(worker!).some(asksAgent));
  });

  test('tells its addresses, and every one is its pod’s', async () => {
    const { pools, allocations } = await json('ipam', 'show', '--node', worker!.name);
    expect(pools).toHaveLength(2);
    const own = allocations.find(({ pod }: { pod: string }) => pod === `default/${server.name}`);
    expect(own.ips).toEqual(server.ips);
    await waitFor(
      'every address to be a pod’s',
      90,
      async () => (await tendril(['ipam', 'check'])).code === 0,
    );
  });

  test('is none on a node that there is not', async () => {
    const { code, stderr } = await tendril(['service', 'list', '--node', 'n9']);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('there is no node "n9"; there are n0, n1, n2'),
    ]);
  });
});

test('dns query and records are made of the API’s objects', async () => {
  const { steps } = await json('dns', 'query', application, '--from', server.name, '--type', 'A');
  expect(steps[0]).toMatchObject({
    question: `${application}.default.svc.cluster.local`,
    outcome: 'answered',
  });
  expect(await must('dns', 'records', '-n', 'default')).toContain(`${application}.default.svc.cluster.local`);
});
