/**
 * One client floods the DNS server, another asks a hundred questions a second: it gets its answers. Real processes, each with a
 * namespace of its own:
 *
 *     flood 10.7.1.2 ── server 10.7.0.53, fd07::53 ── good 10.7.2.2
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { inside } from '../../bpf/tests/cluster.ts';
import { createNetns, deleteNetns } from '../../src/linux/netns/netns.ts';
import { program, run } from './support/tendril.ts';

const directory = mkdtempSync(join(tmpdir(), 'tendril-flood-'));
const support = join(import.meta.dirname, 'support');
const addresses = { 4: '10.7.0.53', 6: 'fd07::53' } as const;
const places = ['server', 'flood', 'good'] as const;
const at = (place: (typeof places)[number]) => join(directory, place);
const children = new Set<ChildProcess>();

function start(place: (typeof places)[number], ...argv: string[]): ChildProcess {
  const child = spawn('nsenter', [`--net=${at(place)}`, ...argv], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  return child;
}

function connect(client: 'flood' | 'good', number: number): void {
  inside(
    at('server'),
    `ip link add ${client} type veth peer name eth0 netns ${at(client)}
     echo 0 > /proc/sys/net/ipv6/conf/${client}/accept_dad
     ip link set ${client} up; ip addr add 10.7.${number}.1/24 dev ${client}; ip addr add fd07:${number}::1/64 dev ${client} nodad`,
  );
  inside(
    at(client),
    `ip link set lo up; ip link set eth0 up
     ip addr add 10.7.${number}.2/24 dev eth0; ip addr add fd07:${number}::2/64 dev eth0 nodad
     ip route add default via 10.7.${number}.1; ip -6 route add default via fd07:${number}::1`,
  );
}

beforeAll(async () => {
  for (const place of places) createNetns(at(place));
  inside(
    at('server'),
    `ip link set lo up; ip addr add ${addresses[4]}/32 dev lo; ip addr add ${addresses[6]}/128 dev lo`,
  );
  connect('flood', 1);
  connect('good', 2);
  const corefile = join(directory, 'Corefile');
  writeFileSync(corefile, '.:53 {\n hosts /dev/null {\n 10.1.2.3 one.example\n}\n}\n');
  start('server', program, 'dns', '--conf', corefile);
  const dig = ['dig', `@${addresses[6]}`, '+short', '+tries=1', '+time=1', 'one.example'];
  await vi.waitFor(async () => {
    const { stdout } = await run('nsenter', [`--net=${at('good')}`, ...dig]);
    expect(stdout.trim()).toBe('10.1.2.3');
  });
});

afterAll(async () => {
  const ended = [...children].filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  for (const child of ended) child.kill('SIGKILL');
  await Promise.all(ended.map((child) => once(child, 'exit')));
  for (const place of places) deleteNetns(at(place));
  rmSync(directory, { recursive: true });
});

const seconds = 4;
const client = (place: 'flood' | 'good', role: string, ofSeconds: number, family: 4 | 6) =>
  start(
    place,
    ...[process.execPath, join(support, 'dns-clients.ts')],
    ...[role, `${ofSeconds}`, addresses[family], 'one.example'],
  );

test.each([
  ['UDP', 4],
  ['UDP', 6],
  ['TCP', 4],
  ['TCP', 6],
] as const)('a flood over %s, IPv%i: another is answered', async (transport, family) => {
  // It goes on for longer than anybody asks.
  const flood = client('flood', `flood-${transport.toLowerCase()}`, seconds + 4, family);
  const flooded = text(flood.stdout!);
  const good = client('good', 'good', seconds, family);
  const { asked, udp, tcp } = JSON.parse(await text(good.stdout!));
  expect(asked).toBe(100 * seconds);
  expect(udp / asked, await flooded).toBeGreaterThanOrEqual(0.99);
  expect(tcp / asked, await flooded).toBeGreaterThanOrEqual(0.99);
});
