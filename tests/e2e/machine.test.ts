/** What a machine may lack or run out of: each is named, with the remedy, and nothing is half done. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LabPaths, labPaths } from '../../src/lab/topology/lab-config.ts';
import { cgroupMount, processes } from '../../src/linux/cgroup/cgroup.ts';
import { bringUp, labName, type TestLab } from './support/lab.ts';
import { must, program, root, run, runDirectory } from './support/tendril.ts';
import { until } from './support/until.ts';

test.each([
  {
    what: 'no root',
    command: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', program],
    says: ['needs root', 'sudo tendril up'],
  },
  {
    what: 'root that may not load kernel programs or enter namespaces',
    command: ['setpriv', '--bounding-set=-bpf,-sys_admin', '--inh-caps=-all', program],
    says: ['this kernel lacks', 'cgroup-sock-addr (Linux', 'EPERM'],
  },
  {
    what: 'no nftables',
    command: ['PATH=/usr/bin:/bin', program],
    says: ['this kernel lacks nf-tables', 'install nftables'],
  },
])('$what: said before anything is made', async ({ command, says }) => {
  const name = labName();
  const { code, stderr } = await run('env', [...command, 'up', '--name', name]);
  expect(code).toBe(1);
  for (const text of says) expect(stderr).toContain(text);
  expect(existsSync(join(runDirectory, name))).toBe(false);
});

test('bin/tendril before a build says how to build', async () => {
  const clone = mkdtempSync(join(tmpdir(), 'tendril-unbuilt-'));
  try {
    mkdirSync(join(clone, 'bin'));
    cpSync(join(root, 'bin/tendril'), join(clone, 'bin/tendril'));
    const { code, stderr } = await run(join(clone, 'bin/tendril'), ['up']);
    expect([code, stderr]).toEqual([1, `tendril: not built yet; run: make -C ${clone} build\n`]);
  } finally {
    rmSync(clone, { recursive: true });
  }
});

test('a kubeconfig belongs to who called sudo', async () => {
  const env = { SUDO_UID: '65534', SUDO_GID: '65534' };
  const lab = await bringUp({ args: ['--nodes', '1', '--no-wait'], env });
  try {
    const { uid, gid, mode } = statSync((await must(lab.tendril(['kubeconfig']))).trim());
    expect([uid, gid, mode & 0o777]).toEqual([65534, 65534, 0o600]);
  } finally {
    await lab.down();
  }
});

describe('the disk of the address store is full', () => {
  let lab: TestLab;
  let paths: LabPaths;
  let store: string;

  beforeAll(async () => {
    lab = await bringUp({ args: ['--nodes', '1'] });
    paths = labPaths(lab.name, { base: runDirectory, cgroupMount: cgroupMount() });
    store = paths.node('node-1').state;
    await must(run('sh', ['-c', moveToSmallDisk, 'sh', store]));
    const agent = `${paths.node('node-1').cgroup}/agent`;
    const [old] = processes(agent);
    process.kill(old!, 'SIGKILL');
    await until('a new agent serves', async () => {
      return !processes(agent).includes(old!) && (await lab.tendril(['status'])).code === 0;
    });
  });

  afterAll(() => lab?.down());

  test('pods wait and say why; when there is room again, they start', async () => {
    await must(run('sh', ['-c', `head -c 1M /dev/zero > ${store}/filler || true`]));
    const { code } = await lab.tendril(['apply', '-f', '-'], { stdin: manyPods });
    expect(code).toBe(0);
    const why = async () => (await lab.tendril(['status'])).stdout;
    await until('the reason is told', async () => /address store .*cannot be written/.test(await why()));
    expect(await why()).toMatch(/ENOSPC/);
    rmSync(`${store}/filler`);
    await must(lab.kubectl('rollout', 'status', 'deployment/late', '--timeout=60s'));
    expect((await lab.tendril(['status'])).code).toBe(0);
  });
});

test('a container that fills all there is to fill leaves the lab its room', async () => {
  await using lab = await bringUp({ args: ['--nodes', '1'], manifest: filler });
  // Small, so that filling it takes no time.
  const files = join(runDirectory, lab.name, 'container-files');
  await must(run('mount', ['-o', 'remount,size=64m', files]));
  const full = async () => (await must(run('df', ['--output=pcent', files]))).includes('100%');
  await must(lab.tendril(['exec', 'filler', '--', 'touch', '/v/go']));
  await until('all is full', full);
  const { code, stderr } = await lab.tendril(['apply', '-f', '-'], { stdin: anyService });
  expect([code, stderr]).toEqual([0, '']);
  await until('all is well', async () => (await lab.tendril(['status'])).code === 0);
  await must(lab.tendril(['delete', 'pod', 'filler']));
  await until('its room is free again', async () => !(await full()));
});

const filler = `
apiVersion: v1
kind: Pod
metadata: {name: filler}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: filler
      image: busybox
      command: [sh, -c, 'until test -e /v/go; do sleep 0.1; done; cat /dev/zero > /v/file; sleep 1000']
      volumeMounts: [{name: v, mountPath: /v}]
  volumes: [{name: v, emptyDir: {}}]
`;

const anyService = `
apiVersion: v1
kind: Service
metadata: {name: any}
spec: {selector: {app: any}, ports: [{port: 80}]}
`;

/** Puts what is in a directory onto a file system of 64 KiB mounted over it. */
const moveToSmallDisk = `
set -e
copy=$(mktemp -d)
cp -a "$1/." "$copy"
mount -t tmpfs -o size=64k tmpfs "$1"
cp -a "$copy/." "$1"
rm -r "$copy"
`;

/** More than the last page of the store, which is allocated already, has room for. */
const manyPods = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: late}
spec:
  replicas: 60
  selector: {matchLabels: {app: late}}
  template:
    metadata: {labels: {app: late}}
    spec: {containers: [{name: web, image: example.com/web}]}
`;
