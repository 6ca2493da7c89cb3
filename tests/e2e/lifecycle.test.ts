import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { expectSameHost, hostSnapshot } from './support/host.ts';
import { bringUp, createLab, labName } from './support/lab.ts';
import { scratchFiles } from './support/scratch-files.ts';
import { shopManifest } from './support/shop.ts';
import { must, program, run, tendril } from './support/tendril.ts';

test('a lab comes up, says so, goes down, and leaves the machine as it was', async () => {
  const before = hostSnapshot();
  {
    await using lab = await bringUp({ manifest: shopManifest, args: ['--nodes', '2'] });
    const status = JSON.parse(await must(lab.tendril(['status', '-o', 'json'])));
    expect(status).toMatchObject({
      name: lab.name,
      problems: [],
      nodes: [
        { name: 'node-1', ready: true },
        { name: 'node-2', ready: true },
      ],
    });
    expect(status.standIns).toMatchObject([{ image: 'example.com/backend' }]);
    expect(await must(lab.tendril(['get', 'pods', '-o', 'name']))).toContain('pod/client');
  }
  await expectSameHost(before);
});

test('down of what is not there is fine, twice too', async () => {
  const name = labName();
  for (let i = 0; i < 2; i++)
    expect(await must(tendril(['down', '--name', name]))).toContain('nothing to do');
});

test('up on a running name changes nothing; on the remains of a dead lab it says what to do', async () => {
  await using lab = await bringUp({ args: ['--nodes', '1'] });
  const again = await lab.tendril(['up']);
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining(`a lab named "${lab.name}" is up`)]);
  await must(lab.tendril(['status']));
});

test('two labs at once do not meet', async () => {
  await using one = await bringUp({ manifest: shopManifest, args: ['--nodes', '1'] });
  await using two = await bringUp({ args: ['--nodes', '1'] });
  expect(await must(two.tendril(['get', 'pods', '-o', 'name']))).toBe('');
  expect(await one.exec(['client'], 'curl', '-s', 'http://backend/')).toContain('"pod"');
  const other = await two.tendril([
    'exec',
    '--node',
    'node-1',
    '--',
    'curl',
    '-s',
    '-m',
    '2',
    'http://172.20.0.11:30090/',
  ]);
  expect(other.code).not.toBe(0);
});

test('after kill -9 of everything, down --all leaves nothing', async () => {
  const before = hostSnapshot();
  const lab = createLab(labName());
  await must(lab.tendril(['up', '-f', '-', '--nodes', '2'], { stdin: shopManifest }));
  // What ends with its parent is gone before its turn.
  await must(
    run('sh', [
      '-c',
      `find /sys/fs/cgroup -path '*/${lab.name}/*' -name cgroup.procs -exec cat {} + | sort -u | xargs -r kill -9 || true`,
    ]),
  );
  const status = await lab.tendril(['status']);
  expect([status.code, status.stderr]).toEqual([1, expect.stringContaining('does not answer')]);
  const again = await lab.tendril(['up']);
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining(`tendril down --name ${lab.name}`)]);
  await must(tendril(['down', '--all']));
  await expectSameHost(before);
});

test('Ctrl-C during up undoes what was made', async () => {
  const before = hostSnapshot();
  const name = labName();
  const { stderr } = await run('timeout', ['-s', 'INT', '0.7', program, 'up', '--name', name]);
  expect(stderr).not.toContain('could not be removed');
  await must(tendril(['down', '--name', name]));
  await expectSameHost(before);
});

test('pods that do not become Ready: the lab stays, each with its reason', async () => {
  const pod =
    'apiVersion: v1\nkind: Pod\nmetadata: {name: broken}\nspec: {containers: [{name: sh, image: busybox, command: [sh, -c, exit 3]}]}\n';
  const lab = createLab(labName());
  try {
    const { code, stderr } = await lab.tendril(['up', '-f', '-', '--nodes', '1', '--timeout', '5s'], {
      stdin: pod,
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/default\/broken: .*exit status 3/);
    await must(lab.tendril(['get', 'pod', 'broken']));
  } finally {
    await lab.down();
  }
});

test('down touches no directory that a lab did not make, by name or all of them', async () => {
  using files = scratchFiles({});
  const run = files.path('run');
  mkdirSync(join(run, 'home', 'mine'), { recursive: true });
  const env = { TENDRIL_RUN: run };
  const one = await tendril(['down', '--name', 'home'], { env });
  expect([one.code, one.stderr]).toEqual([
    1,
    expect.stringMatching(/home was not made by a lab: nothing is touched/),
  ]);
  expect((await tendril(['down', '--all'], { env })).stdout).toMatch(/no lab is up/);
  expect(existsSync(join(run, 'home', 'mine'))).toBe(true);
});
