/** The commands that work on any cluster, at a lab that they know nothing of but the kubeconfig: by the API alone. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bringUp, type TestLab } from './support/lab.ts';
import { scratchFiles } from './support/scratch-files.ts';
import { scriptedAgents } from './support/scripted-agents.ts';
import { must, program, type RunOptions, run, tendril } from './support/tendril.ts';
import { until } from './support/until.ts';

const manifest = `
apiVersion: v1
kind: Pod
metadata: {name: box}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - {name: c, image: busybox, command: [sh, -c, 'for i in 1 2 3; do echo $i; sleep 0.2; done; exec sleep infinity']}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: c, image: nginx, ports: [{name: http, containerPort: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 8000, targetPort: http}]}
`;

let lab: TestLab;
let directory: string;
let kubeconfig: string;

beforeAll(async () => {
  lab = await bringUp({ manifest, args: ['--nodes', '2'] });
  directory = mkdtempSync(join(tmpdir(), 'tendril-by-kubeconfig-'));
  chmodSync(directory, 0o755);
  kubeconfig = join(directory, 'config');
  copyFileSync((await must(lab.tendril(['kubeconfig']))).trim(), kubeconfig);
});

afterAll(async () => {
  if (directory) rmSync(directory, { recursive: true });
  await lab?.down();
});

/** Where no lab is known. */
const elsewhere = { TENDRIL_RUN: '/nonexistent' };
const by = (args: readonly string[], options: RunOptions = {}) => {
  const [command = '', ...rest] = args;
  return tendril([command, '--kubeconfig', kubeconfig, ...rest], {
    ...options,
    env: { ...elsewhere, ...options.env },
  });
};

describe('objects', () => {
  const object = (value: string) => `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {key: ${value}}
---
apiVersion: v1
kind: Pod
metadata: {name: passing}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: c, image: busybox, command: [sleep, infinity]}]
`;

  test('are applied, shown and deleted, and deletion is waited for', async () => {
    using files = scratchFiles({ 'one.yaml': object('one'), 'two.yaml': object('two') });
    const apply = (file: string) => must(by(['apply', '-f', files.path(file)]));
    expect(await apply('one.yaml')).toBe('configmap/settings created\npod/passing created\n');
    expect(await apply('one.yaml')).toBe('configmap/settings unchanged\npod/passing unchanged\n');
    expect(await apply('two.yaml')).toBe('configmap/settings configured\npod/passing unchanged\n');
    const shown = JSON.parse(await must(by(['get', 'configmap', 'settings', '-o', 'json'])));
    expect(shown.data).toEqual({ key: 'two' });
    await until('it runs', async () => /Running/.test((await by(['get', 'pod', 'passing'])).stdout));
    expect(await must(by(['delete', '-f', files.path('two.yaml')]))).toContain('pod/passing deleted\n');
    const { code, stderr } = await by(['get', 'pod', 'passing']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('pods "passing" not found')]);
  });

  test('are those of the context’s namespace, and of another context where it is named', async () => {
    const config = JSON.parse(readFileSync(kubeconfig, 'utf8'));
    const [{ context }] = config.contexts;
    config.contexts.push({ name: 'system', context: { ...context, namespace: 'kube-system' } });
    const file = join(directory, 'two-contexts');
    writeFileSync(file, JSON.stringify(config));
    const { stdout } = await tendril(['get', 'daemonsets', '-o', 'name', '--context', 'system'], {
      env: { ...elsewhere, KUBECONFIG: file },
    });
    expect(stdout).toContain('daemonset.apps/');
    expect((await by(['get', 'daemonsets'])).stderr).toBe('No resources found in default namespace.\n');
  });
});

test('logs are shown, and followed as more is printed', async () => {
  await until('all is printed', async () => (await must(by(['logs', 'box']))) === '1\n2\n3\n');
  expect(await must(by(['logs', 'box', '--tail', '1']))).toBe('3\n');
  const child = spawn(program, ['logs', '--kubeconfig', kubeconfig, 'box', '-f'], {
    env: { ...process.env, ...elsewhere },
  });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  await until('the last line', () => text === '1\n2\n3\n');
  child.kill();
});

describe('exec', () => {
  const exec = (argv: string[], stdin?: string) => by(['exec', 'box', '--', ...argv], { stdin });

  test('has both outputs and the exit status', async () => {
    const script = 'echo out; echo err >&2; exit 3';
    expect(await exec(['sh', '-c', script])).toEqual({ code: 3, stdout: 'out\n', stderr: 'err\n' });
    expect((await exec(['true'])).code).toBe(0);
    expect((await exec(['sh', '-c', 'kill -9 $$'])).code).toBe(137);
  });

  test('loses nothing of 10 MB, either way', async () => {
    const text = randomBytes(5 << 20).toString('hex');
    const { code, stdout } = await exec(['cat'], text);
    expect([code, stdout.length, stdout === text]).toEqual([0, 10 << 20, true]);
  });

  test('loses nothing of what a command says that ends at once', async () => {
    const said = Array.from({ length: 200_000 }, (_, i) => `${i + 1}\n`).join('');
    for (let i = 0; i < 3; i++) {
      const { code, stdout, stderr } = await exec(['sh', '-c', 'seq 200000; echo last >&2; exit 5']);
      expect([code, stdout === said, stderr]).toEqual([5, true, 'last\n']);
    }
  });

  test('ends with a command that takes no more of its input', async () => {
    const { code, stdout } = await exec(['head', '-c', '1'], 'x'.repeat(3 << 20));
    expect([code, stdout]).toEqual([0, 'x']);
  });

  test('goes on for a reader that has had enough', async () => {
    const words = [
      program,
      'exec',
      '--kubeconfig',
      kubeconfig,
      'box',
      '--',
      'sh',
      '-c',
      'seq 1000000; exit 6',
    ];
    const command = words.map((word) => `'${word}'`).join(' ');
    const { stdout } = await run('bash', ['-c', `${command} | head -1; echo "\${PIPESTATUS[0]}"`], {
      env: elsewhere,
    });
    expect(stdout).toBe('1\n6\n');
  });

  test('is at a terminal of the container’s where both ends are one: its size, its keys, its exit status', async () => {
    const script =
      'tty; until stty size | grep "33 90"; do sleep 0.1; done; read line; echo "got $line"; exit 4';
    const words = [program, 'exec', '--kubeconfig', kubeconfig, 'box', '--', 'sh', '-c', script];
    const command = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
    const { code, stdout } = await run('script', ['-qec', `stty cols 90 rows 33; ${command}`, '/dev/null'], {
      env: elsewhere,
      stdin: 'typed\n',
    });
    expect(stdout).toMatch(/\/dev\/pts\/\d+\r\n/);
    expect(stdout).toContain('33 90\r\n');
    expect(stdout).toContain('got typed\r\n');
    expect(code).toBe(4);
  });

  test('is at none where one end is a pipe', async () => {
    expect((await exec(['tty'])).stdout).toBe('not a tty\n');
  });

  test('says with 125 what Tendril itself could not do', async () => {
    const cases: [string[], RegExp][] = [
      [['exec', 'box', '--', 'nosuch'], /nosuch/],
      [['exec', 'nobody', '--', 'true'], /pods "nobody" not found/],
      [['exec', 'box', '-c', 'x', '--', 'true'], /no container "x"; it has c/],
      [['exec', '--node', 'node-1', '--', 'true'], /--node is of a lab/],
      [['exec', '--outside', '--', 'true'], /--outside is of a lab/],
    ];
    for (const [args, message] of cases) {
      const { code, stderr } = await by(args);
      expect([code, stderr]).toEqual([125, expect.stringMatching(message)]);
    }
  });

  test('needs no root', async () => {
    chmodSync(kubeconfig, 0o644);
    const words = ['--reuid', '65534', '--regid', '65534', '--clear-groups', program];
    const own = ['exec', '--kubeconfig', kubeconfig, 'deploy/web', '--', 'echo', 'hello'];
    expect(await must(run('setpriv', [...words, ...own], { env: elsewhere }))).toBe('hello\n');
  });
});

describe('forward', () => {
  interface Forwarding {
    port: number;
    errors: () => string;
  }

  /** While `use` runs; gives the exit status. */
  async function forwarding(target: string, use: (forwarding: Forwarding) => Promise<void>): Promise<number> {
    const words = ['forward', '--kubeconfig', kubeconfig, ...target.split(' ')];
    const child = spawn(program, words, { env: { ...process.env, ...elsewhere } });
    const exit = once(child, 'exit');
    let errors = '';
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    try {
      const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
      await use({ port: Number(/127\.0\.0\.1:(\d+)/.exec(line)![1]), errors: () => errors });
    } finally {
      child.kill('SIGINT');
    }
    return ((await exit) as [number])[0];
  }

  test('has a Service’s pods answer on 127.0.0.1 and ::1, many at once, until Ctrl-C', async () => {
    const code = await forwarding('svc/web :http', async ({ port }) => {
      const urls = Array.from({ length: 20 }, (_, i) => `http://${i % 2 ? '127.0.0.1' : '[::1]'}:${port}/`);
      const answers = await Promise.all(
        urls.map(async (url) => (await fetch(url)).json() as Promise<{ pod: string }>),
      );
      expect(new Set(answers.map(({ pod }) => pod)).size).toBe(2);
    });
    expect(code).toBe(0);
  });

  test('passes on 10 MB, and that one side has no more to send', async () => {
    await forwarding('deploy/web :80', async ({ port }) => {
      const bytes = Buffer.concat([Buffer.from('one way\n'), randomBytes(10 << 20)]);
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      // No HTTP: the stand-in server echoes.
      socket.end(bytes);
      const chunks: Buffer[] = [];
      for await (const chunk of socket) chunks.push(chunk as Buffer);
      expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    });
  });

  test('tells of a port that nobody listens on, and goes on', async () => {
    await forwarding('deploy/web :81', async ({ port, errors }) => {
      await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
      await until('the error', () => errors().includes('connection refused'));
      await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
    });
  });
});

test('dns query and records are made of the API’s objects', async () => {
  const { steps } = JSON.parse(
    await must(by(['dns', 'query', 'web', '--from', 'box', '--type', 'A', '-o', 'json'])),
  );
  const service = JSON.parse(await must(by(['get', 'service', 'web', '-o', 'json'])));
  expect(steps[0]).toMatchObject({ question: 'web.default.svc.cluster.local', outcome: 'answered' });
  expect(steps[0].records).toEqual([expect.stringContaining(` A ${service.spec.clusterIP}`)]);
  expect(await must(by(['dns', 'records', '-n', 'default']))).toContain('web.default.svc.cluster.local');
});

test.each([
  ['service', 'list'],
  ['conntrack', 'list'],
  ['dns', 'watch'],
  ['ipam', 'show'],
  ['ipam', 'check'],
])('%s %s say that Tendril is not there as on a cluster', async (...args) => {
  const { code, stderr } = await by(args);
  expect([code, stderr]).toEqual([1, 'tendril: Tendril is not on this cluster\n  Run: tendril install\n']);
});

describe('agents in their pods', () => {
  beforeAll(async () => {
    await must(by(['apply', '-f', '-'], { stdin: scriptedAgents }));
    const ready = async () => {
      const get = ['get', 'daemonset', 'tendril-agent', '-n', 'tendril-system', '-o', 'json'];
      return JSON.parse(await must(by(get))).status?.numberReady === 2;
    };
    await until('they are ready', ready);
  });

  test('are asked by the program of their image, on the node that is named or on the first', async () => {
    const list = async (...args: string[]) =>
      JSON.parse(await must(by(['service', 'list', '-o', 'json', ...args])));
    expect(await list()).toMatchObject({ node: 'node-1', services: [{ frontend: 'node-1|80' }] });
    expect(await list('--node', 'node-2')).toMatchObject({ services: [{ frontend: 'node-2|80' }] });
    expect(await list('-n', 'other')).toEqual({ node: 'node-1', services: [] });
  });

  test('are all asked for their addresses', async () => {
    const { pools } = JSON.parse(await must(by(['ipam', 'show', '-o', 'json'])));
    expect(pools.map(({ node, cidr }: { node: string; cidr: string }) => [node, cidr])).toEqual([
      ['node-1', '10.9.0.0/24'],
      ['node-2', '10.9.0.0/24'],
    ]);
    const { code, stdout } = await by(['ipam', 'check', '--node', 'node-1']);
    expect([code, stdout]).toEqual([1, expect.stringContaining('the agent gives addresses of 10.9.0.0/24')]);
  });

  test('that say no are told, as is a node that there is not', async () => {
    expect(await by(['conntrack', 'list', '--limit', '7'])).toEqual({
      code: 1,
      stdout: '',
      stderr: 'tendril: the agent of node-1 could not be asked: the agent does not answer: it is busy\n',
    });
    const { stderr } = await by(['service', 'list', '--node', 'node-9']);
    expect(stderr).toContain('there is no node "node-9"; there are node-1, node-2');
  });

  test('are followed as long as somebody watches, by a process that ends then', async () => {
    const watch = ['dns', 'watch', '--node', 'node-2', '--every', '3', '--seconds', '1'];
    const lines = (await must(by(watch))).trim().split('\n');
    expect(lines.length).toBeGreaterThan(2);
    expect(new Set(lines)).toEqual(new Set(['1970-01-01T00:00:00.000Z  pod  A node-2--repeat  one']));
    const pods = JSON.parse(await must(by(['get', 'pods', '-n', 'tendril-system', '-o', 'json'])));
    const { metadata } = pods.items.find(
      ({ spec }: { spec: { nodeName: string } }) => spec.nodeName === 'node-2',
    );
    const ps = ['exec', '-n', 'tendril-system', metadata.name, '--', 'ps', '-o', 'args'];
    const asks = async () => (await must(by(ps))).includes('ask-agent /dns-answers');
    await until('the end of the first', async () => !(await asks()));
    const child = spawn(program, ['dns', '--kubeconfig', kubeconfig, ...watch.slice(1, -2)], {
      env: { ...process.env, ...elsewhere },
    });
    await until('another one', asks);
    child.kill('SIGKILL');
    await until('its end', async () => !(await asks()));
  });
});

test('a user that authenticates by a program', async () => {
  const config = JSON.parse(readFileSync(kubeconfig, 'utf8'));
  const { 'client-certificate-data': cert, 'client-key-data': key } = config.users[0].user;
  const pem = (data: string) => Buffer.from(data, 'base64').toString();
  const apiVersion = 'client.authentication.k8s.io/v1';
  const status = { clientCertificateData: pem(cert), clientKeyData: pem(key) };
  using files = scratchFiles({
    credential: JSON.stringify({ kind: 'ExecCredential', apiVersion, status }),
    plugin: '#!/bin/sh\nexec cat "$(dirname "$0")/credential"\n',
  });
  chmodSync(files.path('plugin'), 0o755);
  config.users[0].user = { exec: { apiVersion, command: './plugin', interactiveMode: 'Never' } };
  writeFileSync(files.path('config'), JSON.stringify(config));
  const as = (...args: string[]) =>
    must(tendril([...args, '--kubeconfig', files.path('config')], { env: elsewhere }));
  expect(await as('get', 'pod', 'box', '-o', 'name')).toBe('pod/box\n');
  const exec = tendril(['exec', '--kubeconfig', files.path('config'), 'box', '--', 'echo', 'hi'], {
    env: elsewhere,
  });
  expect(await must(exec)).toBe('hi\n');
});
