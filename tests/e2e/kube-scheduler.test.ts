/** kube-scheduler itself on the lab's API: it finds every kind that it waits for, and binds pods through it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kubeScheduler } from './support/go-programs.ts';
import { bringUp, type TestLab } from './support/lab.ts';
import { must } from './support/tendril.ts';
import { until } from './support/until.ts';

/** The lab's own scheduler leaves pods of another one alone. */
const pod = (name: string, spec: string) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: {app: ${name.split('-')[0]}}}
spec:
  schedulerName: kube
  containers: [{name: c, image: busybox, command: [sleep, '100000']}]
  ${spec}
---`;
const apart =
  'affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: apart}}}]}}';
const manifest = [
  pod('plain', 'restartPolicy: Never'),
  pod('chosen', 'nodeSelector: {kubernetes.io/hostname: node-2}'),
  pod('apart-a', apart),
  pod('apart-b', apart),
  pod('nowhere', 'nodeSelector: {nothing: has-it}'),
].join('');

const program = kubeScheduler();
describe.skipIf(program === undefined)('kube-scheduler on the lab’s API', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-kube-scheduler-'));
  const file = join(directory, 'configuration.json');
  let lab: TestLab;
  let scheduler: ChildProcess | undefined;
  let said = '';

  beforeAll(async () => {
    lab = await bringUp();
    await must(lab.tendril(['apply', '-f', '-'], { stdin: manifest }));
    const kubeconfig = (await must(lab.tendril(['kubeconfig']))).trim();
    const configuration = {
      apiVersion: 'kubescheduler.config.k8s.io/v1',
      kind: 'KubeSchedulerConfiguration',
      leaderElection: { leaderElect: false },
      clientConnection: { kubeconfig },
      profiles: [{ schedulerName: 'kube' }],
    };
    writeFileSync(file, JSON.stringify(configuration));
    scheduler = spawn(program!, ['--config', file, '--secure-port', '0'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    scheduler.stderr!.on('data', (chunk) => (said += chunk));
  });
  afterAll(async () => {
    if (scheduler && scheduler.exitCode === null) {
      const exit = once(scheduler, 'exit');
      scheduler.kill('SIGKILL');
      await exit;
    }
    await lab?.down();
    rmSync(directory, { recursive: true, force: true });
  });

  const get = async (name: string) => JSON.parse(await must(lab.tendril(['get', 'pod', name, '-o', 'json'])));
  async function nodeOf(name: string): Promise<string> {
    await until(
      `${name} runs: ${said.slice(-500)}`,
      async () => (await get(name)).status.phase === 'Running',
    );
    return (await get(name)).spec.nodeName;
  }

  test('it binds pods to nodes, where they may be', async () => {
    expect(await nodeOf('plain')).toMatch(/^node-\d$/);
    expect(await nodeOf('chosen')).toBe('node-2');
    expect(await nodeOf('apart-a')).not.toBe(await nodeOf('apart-b'));
  });

  test('it says why one stays pending', async () => {
    await until(
      'the condition',
      async () => (await get('nowhere')).status.conditions?.[0]?.status === 'False',
    );
    expect((await get('nowhere')).status.conditions[0]).toMatchObject({
      type: 'PodScheduled',
      reason: 'Unschedulable',
      message: expect.stringContaining("didn't match Pod's node affinity/selector"),
    });
    expect(said).not.toContain('could not find the requested resource');
  });
});
