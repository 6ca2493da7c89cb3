/** A lab whose launcher has died says so everywhere that somebody would look, and goes down as any other. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { bringUp } from './support/lab.ts';
import { until } from './support/until.ts';

const manifest = `
apiVersion: v1
kind: Pod
metadata: {name: box}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: busybox, command: [sleep, '86400']}]
`;

/** By its program and the lab that it serves. */
function launcherPid(lab: string): number {
  const pids = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
  const found = pids.find((pid) => {
    try {
      const [program = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return program.endsWith('/launcher') && args.some((word) => word.split('/').includes(lab));
    } catch {
      return false;
    }
  });
  if (found === undefined) throw new Error(`no launcher of ${lab}`);
  return Number(found);
}

test('neither its nodes nor its pods are Ready, and status says what to do', async () => {
  await using lab = await bringUp({ manifest, args: ['--nodes', '1'] });
  process.kill(launcherPid(lab.name), 'SIGKILL');
  const get = async (...what: string[]) =>
    JSON.parse((await lab.tendril(['get', ...what, '-o', 'json'])).stdout);
  const ready = ({
    status,
  }: {
    status: { conditions: { type: string; status: string; message?: string }[] };
  }) => status.conditions.find(({ type }) => type === 'Ready');
  await until(
    'the node says so',
    async () => ready(await get('node', 'node-1'))?.message === 'container runtime is down',
  );
  await until('the pod is not Ready', async () => ready(await get('pod', 'box'))?.status === 'False');
  const { code, stdout } = await lab.tendril(['status']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/node-1 +NotReady/);
  expect(stdout).toContain(
    `the launcher has died, and every container with it; take the lab down and bring it up again: tendril down --name ${lab.name}`,
  );
  expect(stdout).toMatch(/pod default\/box: /);
});
