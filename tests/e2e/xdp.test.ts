/** A lab whose nodes run XDP at their uplinks. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { agentStatusPort } from '../../src/lab/server/agents.ts';
import { type LabConfig, labPaths } from '../../src/lab/topology/lab-config.ts';
import { cgroupMount } from '../../src/linux/cgroup/cgroup.ts';
import { bringUp, type TestLab } from './support/lab.ts';
import { shopManifest } from './support/shop.ts';
import { runDirectory, tendril } from './support/tendril.ts';

let lab: TestLab;
let config: LabConfig;

beforeAll(async () => {
  lab = await bringUp({ manifest: shopManifest, args: ['--xdp', 'native'] });
  const paths = labPaths(lab.name, { base: runDirectory, cgroupMount: cgroupMount() });
  config = JSON.parse(readFileSync(paths.config, 'utf8'));
});
afterAll(() => lab?.down());

test('every node has it in force, and its status says so', async () => {
  for (const { name, ips } of config.nodes) {
    const url = `http://${ips[0]}:${agentStatusPort}/status`;
    const status = JSON.parse(await lab.exec(['--node', name], 'curl', '-s', '-m', '5', url));
    expect(status.services.xdp).toEqual({ mode: 'native' });
  }
});

test('NodePorts of every node answer the outside in both families', async () => {
  for (const ip of config.nodes.flatMap(({ ips }) => ips)) {
    const host = ip.includes(':') ? `[${ip}]` : ip;
    const script = `for i in 1 2 3 4 5 6; do curl -s -m 5 http://${host}:30090/; echo; done`;
    const answers = (await lab.exec(['--outside'], 'sh', '-c', script))
      .split('\n')
      .filter((line) => line !== '');
    expect(answers.map((line) => JSON.parse(line).pod)).toEqual(
      Array(6).fill(expect.stringMatching(/^backend-/)),
    );
  }
});

test('pods reach each other and their names', async () => {
  expect(JSON.parse(await lab.exec(['client'], 'curl', '-s', '-m', '5', 'http://backend/')).pod).toMatch(
    /^backend-/,
  );
});

test('a mode that there is not is refused', async () => {
  const { code, stderr } = await tendril(['up', '--name', 'none', '--xdp', 'fast']);
  expect([code, stderr]).toEqual([2, expect.stringContaining('off, native or generic')]);
});
