/** `--internet` is the one thing of a lab that touches the machine's own network, and it is undone. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { bringUp } from './support/lab.ts';
import { must, run, tendril } from './support/tendril.ts';

const forwarding = () =>
  ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'].map((key) =>
    readFileSync(`/proc/sys/net/${key}`, 'utf8').trim(),
  );

/** What `--internet` changes of the machine: settings of forwarding and router advertisements, rules, links, addresses. */
async function machine(): Promise<string> {
  const script =
    'cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/*/forwarding; grep -H . /proc/sys/net/ipv6/conf/*/accept_ra; nft list ruleset; ip -o addr; ip route; ip -6 route';
  return (await must(run('sh', ['-c', script]))).replaceAll(/expires \S+|valid_lft.*/g, '');
}

test('two labs with a way out: the settings stay until the last one goes', { timeout: 120_000 }, async () => {
  const before = await machine();
  const args = ['--nodes', '1', '--internet', '--no-wait'];
  const [first, second] = [await bringUp({ args }), await bringUp({ args })];
  try {
    expect(forwarding()).toEqual(['1', '1']);
    await first.down();
    expect(forwarding()).toEqual(['1', '1']);
  } finally {
    await first.down();
    await second.down();
  }
  expect(await machine()).toBe(before);
});

test('after kill -9 of everything, down --all undoes it, too', { timeout: 120_000 }, async () => {
  const before = await machine();
  const lab = await bringUp({ args: ['--nodes', '1', '--internet', '--no-wait'] });
  const kill = `find /sys/fs/cgroup -path '*/${lab.name}/*' -name cgroup.procs -exec cat {} + | sort -u | xargs -r kill -9 || true`;
  await must(run('sh', ['-c', kill]));
  await must(tendril(['down', '--all']));
  expect(await machine()).toBe(before);
});
