/** A node on which an agent has run, with pods and Services, given back: real kernel, an agent process of its own. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AgentRig, killed } from '../agent/testing/agent-rig.ts';
import type { RemoveTendrilReport } from './remove-tendril.ts';

let rig: AgentRig;

/** As on a node, below the rig's directory. */
beforeEach(() => {
  rig = new AgentRig({
    bpf: true,
    config: (made) => ({
      stateDirectory: made.at('var/lib/tendril'),
      bpfDirectory: made.at('sys/fs/bpf/tendril'),
      cniSocket: made.at('run/tendril/cni.sock'),
      cniConfDirectory: made.at('etc/cni/net.d'),
      cniBinDirectory: made.at('opt/cni/bin'),
    }),
  });
  for (const path of ['sys/fs', 'var/lib/tendril', 'run/tendril'])
    mkdirSync(rig.at(path), { recursive: true });
  symlinkSync(rig.at('bpf'), rig.at('sys/fs/bpf'));
  mkdirSync(rig.at('sys/fs/bpf/tendril'));
});

afterEach(() => rig.close());

const script = `
  const { removeTendril } = await import(${JSON.stringify(join(import.meta.dirname, 'remove-tendril.ts'))});
  const [host, input] = process.argv.slice(1);
  const done = removeTendril(JSON.parse(input), { host });
  console.log(JSON.stringify(await done.catch(({ code, message }) => ({ code, message }))));
`;

/** On the node. */
async function task(input: object = {}): Promise<RemoveTendrilReport & { code?: string; message?: string }> {
  const argv = ['--input-type=module', '-e', script, rig.at('.'), JSON.stringify(input)];
  const child = rig.spawn('node', [process.execPath, ...argv]);
  const [output, errors] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
  expect(output, errors).not.toBe('');
  return JSON.parse(output);
}

const sysctls = () => rig.run('node', 'sysctl -a 2>/dev/null | grep -E "^net.(ipv4.(ip_|conf)|ipv6.conf)"');

const remains = () =>
  [
    rig.remains(),
    rig.run('node', 'nft list ruleset; tc qdisc; tc filter show dev eth0 ingress'),
    rig.run('node', `find ${rig.at('etc')} ${rig.at('opt')} ${rig.at('bpf')} -type f 2>/dev/null || true`),
  ].join('\n');

test('nothing is left of an agent, its pods and its programs, and kernel parameters are as before', async () => {
  const [before, parameters] = [remains(), sysctls()];
  const agent = await rig.startAgent({ REAL_SERVICES: '1' });
  expect((await rig.cni('ADD', 'pod1')).status).toBe(0);
  expect(remains()).not.toBe(before);
  expect(await task({ force: true })).toMatchObject({
    code: 'NODE_IN_USE',
    message: expect.stringContaining('an agent of Tendril runs'),
  });
  await killed(agent, 'SIGTERM');
  const working = remains();
  expect(await task()).toMatchObject({
    code: 'NODE_IN_USE',
    message: expect.stringContaining('one pod has its interface'),
  });
  expect(remains()).toBe(working);

  const { removed, kept } = await task({ force: true });
  expect(kept).toEqual([]);
  expect(Object.keys(removed)).toEqual([
    'CNI files',
    'interfaces',
    'BPF',
    'routes',
    'nftables',
    'sysctls',
    'state',
  ]);
  expect(remains()).toBe(before);
  expect(sysctls()).toBe(parameters);
  expect(await task()).toEqual({ removed: {}, kept: [] });
}, 120_000);

test('what somebody else has changed since stays, and is told', async () => {
  const agent = await rig.startAgent();
  await killed(agent, 'SIGTERM');
  rig.run('node', 'sysctl -qw net.ipv4.ip_local_reserved_ports=8080');
  const { kept } = await task();
  expect(kept).toEqual(['net.ipv4.ip_local_reserved_ports was changed by somebody else since']);
}, 120_000);
