/** Commands on a running lab's objects: manifests of every form, logs, targets. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bringUp, createLab, labName, type TestLab } from './support/lab.ts';
import { must, program, run } from './support/tendril.ts';
import { until } from './support/until.ts';

let lab: TestLab;
let files: string;

beforeAll(async () => {
  files = mkdtempSync(join(tmpdir(), 'tendril-e2e-'));
  lab = await bringUp({ args: ['--nodes', '1'], manifest: talker });
});

afterAll(async () => {
  rmSync(files, { recursive: true });
  await lab?.down();
});

const talker = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: talker}
spec:
  selector: {matchLabels: {app: talker}}
  template:
    metadata: {labels: {app: talker}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - {name: first, image: busybox, command: [sh, -c, 'for i in 1 2 3 4 5; do echo line $i; done; sleep infinity']}
        - {name: second, image: busybox, command: [sh, -c, 'while true; do echo again; sleep 0.1; done']}
---
apiVersion: v1
kind: Pod
metadata: {name: twice}
spec:
  containers:
    - name: sh
      image: busybox
      command: [sh, -c, 'if [ -e /data/ran ]; then echo second run; sleep infinity; else touch /data/ran; echo first run; exit 1; fi']
      volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, emptyDir: {}}]
`;

const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });

describe('logs', () => {
  test('of a Deployment’s pod, its first container; of another one with -c', async () => {
    const text = await must(lab.tendril(['logs', 'deploy/talker']));
    expect(text).toBe('line 1\nline 2\nline 3\nline 4\nline 5\n');
    const other = await must(lab.tendril(['logs', 'deploy/talker', '-c', 'second', '--tail', '1']));
    expect(other).toBe('again\n');
  });

  test('--tail gives the last lines, 0 none', async () => {
    expect(await must(lab.tendril(['logs', 'deploy/talker', '--tail', '2']))).toBe('line 4\nline 5\n');
    expect(await must(lab.tendril(['logs', 'deploy/talker', '--tail', '0']))).toBe('');
  });

  test('-f goes on until its reader has had enough', async () => {
    const command = `${program} logs --name ${lab.name} -f deploy/talker -c second | head -n 20 | wc -l`;
    const { stdout } = await run('timeout', ['20', 'sh', '-c', command]);
    expect(Number(stdout)).toBe(20);
  });

  test('--previous gives those of the run before', async () => {
    const logs = async (...args: string[]) => (await lab.tendril(['logs', 'twice', ...args])).stdout;
    await until('it runs again', async () => (await logs()) === 'second run\n');
    expect(await logs('--previous')).toBe('first run\n');
  });

  test('of what has none says why', async () => {
    const { code, stderr } = await lab.tendril(['logs', 'deploy/talker', '-c', 'third']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('it has first, second')]);
    expect((await lab.tendril(['logs', 'deploy/talker', '--previous'])).code).toBe(1);
    expect((await lab.tendril(['logs', 'deploy/nothing'])).code).toBe(1);
  });
});

describe('manifests', () => {
  const apply = async (...args: string[]) =>
    (await must(lab.tendril(['apply', ...args]))).trim().split('\n').sort();
  const file = (name: string, text: string) => {
    writeFileSync(join(files, name), text);
    return join(files, name);
  };

  test('several files, a directory, and standard input at once', async () => {
    mkdirSync(join(files, 'dir'));
    file('dir/one.yaml', JSON.stringify(configMap('one')));
    file('dir/two.json', JSON.stringify(configMap('two')));
    file('dir/notes.txt', 'no manifest');
    const three = file('three.yml', JSON.stringify(configMap('three')));
    const stdin = JSON.stringify(configMap('four'));
    const all = ['-f', join(files, 'dir'), '-f', three, '-f', '-'];
    const { stdout } = await lab.tendril(['apply', ...all], { stdin });
    const names = ['one', 'two', 'three', 'four'];
    expect(stdout.trim().split('\n')).toEqual(names.map((name) => `configmap/${name} created`));
    const { code } = await lab.tendril(['delete', ...all], { stdin });
    expect(code).toBe(0);
    expect((await lab.tendril(['get', 'configmap', 'one'])).code).toBe(1);
  });

  test('Lists, nested in a file of several documents, some of them empty', async () => {
    const list = { apiVersion: 'v1', kind: 'List', items: [configMap('l1'), configMap('l2')] };
    const typed = { apiVersion: 'v1', kind: 'ConfigMapList', items: [configMap('l3')] };
    const text = `---\n# nothing\n---\n${JSON.stringify(list)}\n---\n\n---\n${JSON.stringify(typed)}\n---\n`;
    expect(await apply('-f', file('list.yaml', text))).toEqual(
      ['l1', 'l2', 'l3'].map((name) => `configmap/${name} created`),
    );
  });

  test('a namespace and what is in it come in any order; a bad object in it stops all', async () => {
    const inside = (over: object) => ({
      ...configMap('inside'),
      metadata: { name: 'inside', namespace: 'fresh' },
      ...over,
    });
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'fresh' } };
    const text = (...objects: object[]) => objects.map((object) => JSON.stringify(object)).join('\n---\n');
    const bad = await lab.tendril(['apply', '-f', '-'], { stdin: text(inside({ dataa: {} }), namespace) });
    expect([bad.code, bad.stderr]).toEqual([1, expect.stringContaining('unknown field "dataa"')]);
    expect((await lab.tendril(['get', 'namespace', 'fresh'])).code).toBe(1);
    const good = await lab.tendril(['apply', '-f', '-'], { stdin: text(inside({}), namespace) });
    expect(good.stdout).toBe('namespace/fresh created\nconfigmap/inside created\n');
  });

  test('a Service keeps one port number for TCP and UDP', async () => {
    const service = (...protocols: string[]) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'dns' },
      spec: { ports: protocols.map((protocol) => ({ name: protocol.toLowerCase(), port: 53, protocol })) },
    });
    const step = async (...protocols: string[]) => {
      const { stdout } = await lab.tendril(['apply', '-f', '-'], {
        stdin: JSON.stringify(service(...protocols)),
      });
      const { spec } = JSON.parse(await must(lab.tendril(['get', 'svc', 'dns', '-o', 'json'])));
      expect(spec.ports.map(({ protocol }: { protocol: string }) => protocol)).toEqual(protocols);
      return stdout.trim().split(' ')[1];
    };
    expect(await step('UDP')).toBe('created');
    expect(await step('UDP', 'TCP')).toBe('configured');
    expect(await step('UDP', 'TCP')).toBe('unchanged');
    expect(await step('TCP')).toBe('configured');
  });
});

test('exec gives a container no file of the caller’s to open anew', async () => {
  const [input, output] = ['input', 'output'].map((name) => join(files, name)) as [string, string];
  for (const file of [input, output]) writeFileSync(file, 'mine\n', { mode: 0o600 });
  const script = 'cat; echo theirs > /proc/self/fd/0; : > /proc/self/fd/1';
  const exec = `"$0" "$@" exec deploy/talker -- sh -c '${script}' < ${input} >> ${output}`;
  await run('sh', ['-c', exec, program, '--name', lab.name]);
  expect(readFileSync(input, 'utf8')).toBe('mine\n');
  expect(readFileSync(output, 'utf8')).toBe('mine\nmine\n');
});

describe('output that nobody takes', () => {
  const shell = (script: string) => run('sh', ['-c', script, program, '--name', lab.name]);

  test('ends no work: all objects are applied though the reader has gone', async () => {
    const objects = Array.from({ length: 50 }, (_, i) => ({ metadata: { name: `unread-${i}` } }));
    const items = objects.map((object) => ({ apiVersion: 'v1', kind: 'ConfigMap', ...object }));
    writeFileSync(join(files, 'unread.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    const { stderr } = await shell(`"$0" "$@" apply -f ${join(files, 'unread.json')} | head -1`);
    expect(stderr).toBe('');
    expect((await must(lab.tendril(['get', 'cm', '-o', 'name']))).match(/unread-/g)).toHaveLength(50);
  });

  test('is a failure where the disk is full', async () => {
    const { code, stderr } = await shell('"$0" "$@" get pods -A -o json > /dev/full');
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^tendril: the output cannot be written: ENOSPC/),
    ]);
  });
});

test('two ups with one name at once: one lab comes up, the other says so', { timeout: 120_000 }, async () => {
  const twin = createLab(labName());
  try {
    const args = ['up', '--nodes', '1'];
    const results = await Promise.all([twin.tendril(args), twin.tendril(args)]);
    expect(results.map(({ code }) => code).sort()).toEqual([0, 1]);
    expect(results.find(({ code }) => code === 1)!.stderr).toContain(`a lab named "${twin.name}"`);
    await must(twin.tendril(['status']));
  } finally {
    await twin.down();
  }
});

test('fifty nodes come up and see each other', { timeout: 180_000 }, async () => {
  await using wide = await bringUp({ args: ['--nodes', '50', '--timeout', '120s'] });
  const { items } = JSON.parse(await must(wide.tendril(['get', 'nodes', '-o', 'json'])));
  expect(items).toHaveLength(50);
  await wide.exec(
    ['--node', 'node-50'],
    'nslookup',
    '-timeout=2',
    'kubernetes.default.svc.cluster.local',
    '10.96.0.10',
  );
});
