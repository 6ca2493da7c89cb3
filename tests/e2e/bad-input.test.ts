import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectSameHost, hostSnapshot } from './support/host.ts';
import { bringUp, labName, type TestLab } from './support/lab.ts';
import { scratchFiles } from './support/scratch-files.ts';
import { must, tendril } from './support/tendril.ts';

const deployment = (over: { replicas?: string; kind?: string; name?: string } = {}) => `
apiVersion: apps/v1
kind: ${over.kind ?? 'Deployment'}
metadata: {name: ${over.name ?? 'web'}}
spec:
  replicas: ${over.replicas ?? '1'}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: example.com/web}]}
`;

describe('up refuses, with nothing touched', () => {
  test.each([
    { what: 'YAML that is none', files: { 'a.yaml': 'kind: [\n' }, says: /a\.yaml:\d+:\d+: / },
    {
      what: 'an unknown kind',
      files: { 'a.yaml': deployment({ kind: 'Deploymint' }) },
      says: /a\.yaml:2: .*no kind "Deploymint"[\s\S]*Did you mean Deployment\?/,
    },
    {
      what: 'a wrong type',
      files: { 'a.yaml': deployment({ replicas: 'many' }) },
      says: /a\.yaml:2: deployment\.apps\/web: .*replicas/,
    },
    {
      what: 'a bad name',
      files: { 'a.yaml': deployment({ name: 'Web_1' }) },
      says: /metadata\.name: Invalid value: "Web_1"/,
    },
    {
      what: 'an unknown field',
      files: { 'a.yaml': deployment().replace('replicas', 'replicass') },
      says: /unknown field "spec\.replicass"/,
    },
    {
      what: 'a namespace that is not there',
      files: { 'a.yaml': deployment().replace('{name: web}', '{name: web, namespace: shop}') },
      says: /namespaces "shop" not found/,
    },
    {
      what: 'one bad document among good ones',
      files: { 'a.yaml': `${deployment()}---${deployment({ replicas: '-1' })}` },
      says: /a\.yaml:\d+: .*spec\.replicas/,
    },
  ])('$what', async ({ files, says }) => {
    using scratch = scratchFiles(files as Record<string, string>);
    const before = hostSnapshot();
    const { code, stderr } = await tendril(['up', '--name', labName(), '-f', scratch.path('a.yaml')]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(says)]);
    await expectSameHost(before);
  });

  test.each([
    { args: ['--pod-cidr', '10.96.0.0/16'], code: 1, says: 'overlaps the service CIDR' },
    { args: ['--nodes', '0'], code: 1, says: 'between 1 and 100' },
    { args: ['--nodes', 'three'], code: 2, says: '--nodes takes a number' },
    { args: ['--timeout', 'soon'], code: 2, says: '--timeout takes a duration' },
    { args: ['--ip-family', 'ipv5'], code: 2, says: '--ip-family is dual, ipv4 or ipv6' },
    { args: ['-f', '/no/such/file'], code: 1, says: 'there is no such file' },
    { args: ['--node', '3'], code: 2, says: 'Did you mean --nodes?' },
    { args: ['extra'], code: 2, says: 'one word too many' },
  ])('$args', async ({ args, code, says }) => {
    const result = await tendril(['up', '--name', labName(), ...args]);
    expect([result.code, result.stderr]).toEqual([code, expect.stringContaining(says)]);
  });

  test('a name that is a path', async () => {
    for (const command of ['up', 'down'])
      expect((await tendril([command, '--name', '../etc'])).code).toBeGreaterThan(0);
  });
});

test.each(['status', 'get pods', 'apply -f -', 'logs x', 'kubeconfig'])(
  '%s without a lab says how to get one',
  async (command) => {
    const stdin = command.startsWith('apply') ? deployment() : '';
    const { code, stderr } = await tendril([...command.split(' '), '--name', labName()], { stdin });
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/no lab named "e2e-[^"]*" is up[\s\S]*(tendril up|--name)/),
    ]);
  },
);

describe('a running lab', () => {
  let lab: TestLab;
  beforeAll(async () => {
    lab = await bringUp({ manifest: deployment(), args: ['--nodes', '1'] });
  });
  afterAll(() => lab?.down());

  const apply = (manifest: string) => lab.tendril(['apply', '-f', '-'], { stdin: manifest });

  test('keeps everything as it was when one document is bad', async () => {
    const { code, stderr } = await apply(
      `${deployment({ replicas: '3' })}---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 99999}]}\n`,
    );
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/stdin:\d+: service\/s: .*spec\.ports\[0\]\.port/),
    ]);
    expect(JSON.parse(await must(lab.tendril(['get', 'deploy', 'web', '-o', 'json']))).spec.replicas).toBe(1);
  });

  test('refuses to change an immutable field, by its path', async () => {
    const { code, stderr } = await apply(deployment().replaceAll('{app: web}', '{app: other}'));
    expect([code, stderr]).toEqual([1, expect.stringMatching(/spec\.selector: .*immutable/)]);
  });

  test('tells created, configured and unchanged apart', async () => {
    expect((await apply(deployment())).stdout).toBe('deployment.apps/web unchanged\n');
    expect((await apply(deployment({ replicas: '2' }))).stdout).toBe('deployment.apps/web configured\n');
    expect((await apply(deployment({ name: 'web2' }))).stdout).toBe('deployment.apps/web2 created\n');
  });

  test('forward to a port that is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    await must(
      apply(
        'apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}\n',
      ),
    );
    const { code, stderr } = await lab.tendril(['forward', 'svc/web', `${port}:80`]);
    taken.close();
    expect([code, stderr]).toEqual([1, expect.stringContaining(`port ${port} of 127.0.0.1 is taken`)]);
  });
});
