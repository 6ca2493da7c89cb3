/** What containers write, in logs of CRI's format (native/launcher/log.h). */
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Exit, SandboxSpec } from './launcher.ts';
import { type LauncherFixture, launcherFixture, logText } from './launcher-fixture.ts';

let fixture: LauncherFixture;
const exits = new Map<string, Exit>();

beforeAll(async () => {
  fixture = await launcherFixture();
  fixture.client.onExit((exit) => exits.set(exit.id, exit));
});
afterAll(() => fixture.stop());

const path = (id: string) => join(fixture.directory, `${id}.log`);
const log = (id: string) => (existsSync(path(id)) ? readFileSync(path(id), 'utf8') : '');
const start = (id: string, script: string, more: Partial<SandboxSpec> = {}) =>
  fixture.client.start({ ...fixture.container(id, ['sh', '-c', script], more), log: path(id) });
const ended = (id: string) => vi.waitFor(() => expect(exits.has(id)).toBe(true), { interval: 1 });

async function written(id: string, script: string, more?: Partial<SandboxSpec>): Promise<string> {
  await start(id, script, more);
  await ended(id);
  return log(id);
}

const entry = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (stdout|stderr) ([FP]) ([^\n]*)$/;
const entries = (text: string) =>
  text.split('\n').slice(0, -1).map((line) => {
    const [, time, stream, tag, said] = entry.exec(line)!;
    return { ms: Date.parse(time!), stream, tag, said: said! };
  }); // biome-ignore format: one pipeline

test('a line has its time and its stream', async () => {
  const before = Date.now();
  const [first, wrong, last, ...rest] = entries(await written('lines', 'echo a; echo b >&2; sleep 0.02; echo; echo c')); // biome-ignore format: one line
  expect(first!.ms).toBeGreaterThanOrEqual(before);
  expect(last!.ms).toBeGreaterThan(first!.ms);
  expect(rest.at(-1)!.ms).toBeLessThanOrEqual(Date.now());
  expect([first, wrong].map((each) => [each!.stream, each!.tag, each!.said]).sort()).toEqual([
    ['stderr', 'F', 'b'],
    ['stdout', 'F', 'a'],
  ]);
  expect([last, ...rest].map((each) => each!.said)).toEqual(['', 'c']);
});

test('a long line is split, one without an end is shown', async () => {
  const script = 'head -c 40000 /dev/zero | tr "\\0" x; echo; printf "$ "';
  const parts = entries(await written('long', script));
  expect(parts.every(({ said }) => said.length <= 16 * 1024)).toBe(true);
  expect(logText(log('long'))).toBe(`${'x'.repeat(40_000)}\n$ `);
  expect(parts.at(-1)).toMatchObject({ tag: 'P', said: '$ ' });
});

test('a prompt is shown while the program waits', async () => {
  await start('prompt', 'printf "name? "; exec sleep 1000');
  await vi.waitFor(() => expect(logText(log('prompt'))).toBe('name? '));
});

test('all is there when the end is told', async () => {
  for (let i = 0; i < 10; i++) {
    const text = logText(await written(`tail-${i}`, 'seq 100000; echo last >&2'));
    expect(text.length).toBe(588_895 + 'last\n'.length);
  }
});

test('what outlives the container does not hold back its end', async () => {
  await start('keeper', 'exec sleep 1000');
  const script = 'while :; do echo x; done & echo mine';
  await fixture.client.start({
    ...fixture.container('outlived', ['sh', '-c', script], { pidNamespaceOf: 'keeper' }),
    log: path('outlived'),
  });
  await ended('outlived');
  expect(logText(log('outlived'))).toContain('mine\n');
  await fixture.client.signal('keeper', 9);
});

test('/dev/stdout can be opened anew, by any user', async () => {
  const script = 'echo a > /dev/stdout; echo b >> /dev/stderr; echo c > /proc/1/fd/1';
  const text = await written('anew', script, { uid: 1000, gid: 1000, capabilities: [] });
  expect(entries(text).map(({ stream, said }) => `${stream} ${said}`).sort()).toEqual(['stderr b', 'stdout a', 'stdout c']); // biome-ignore format: one line
});

test('the last 10 MiB stay, however fast a container writes, and others start meanwhile', async () => {
  await start('flood', 'yes "$(head -c 80 /dev/zero | tr "\\0" x)"');
  await vi.waitFor(() => expect(statSync(path('flood')).size).toBeGreaterThan(64 * 2 ** 20));
  let most = 0;
  for (let i = 0; i < 10; i++) {
    expect(logText(await written(`beside-${i}`, 'echo here'))).toBe('here\n');
    most = Math.max(most, statSync(path('flood')).blocks * 512);
  }
  // A disk may take blocks ahead; a tmpfs, where a lab has its logs, takes 11 MiB.
  expect(most).toBeLessThan(24 * 2 ** 20);
  await fixture.client.signal('flood', 9);
  await ended('flood');
  const { size } = statSync(path('flood'));
  const lines = createInterface(createReadStream(path('flood'), { start: size - 10 * 2 ** 20 }));
  let read = 0;
  for await (const line of lines) if (read++ > 0) expect(entry.test(line)).toBe(true);
  expect(read).toBeGreaterThan(80_000);
});

describe('the logger', () => {
  const pid = () =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .find((name) => commandOf(name) === 'logger' && parentOf(name) === fixture.pid);
  const field = (of: string, name: string) => {
    try {
      return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(readFileSync(`/proc/${of}/status`, 'utf8'))![1];
    } catch {
      return undefined;
    }
  };
  const commandOf = (of: string) => field(of, 'Name');
  const parentOf = (of: string) => Number(field(of, 'PPid'));
  const held = () => readdirSync(`/proc/${pid()}/fd`).length;

  test('keeps nothing of containers that have ended', async () => {
    await written('warm', 'true');
    const launcherHeld = () => readdirSync(`/proc/${fixture.pid}/fd`).length;
    const before = [held(), launcherHeld()];
    await Promise.all(Array.from({ length: 20 }, (_, i) => written(`many-${i}`, 'echo x; echo y >&2')));
    await fixture.client
      .start({ ...fixture.container('bad', ['no-such-command']), log: path('bad') })
      .catch(() => {});
    await vi.waitFor(() => expect([held(), launcherHeld()]).toEqual(before));
  });

  test('is started anew where it was killed', async () => {
    const first = Number(pid());
    process.kill(first, 'SIGKILL');
    await vi.waitFor(() => expect(pid()).not.toBe(String(first)));
    expect(logText(await written('after', 'echo again'))).toBe('again\n');
  });

  test('ends with the launcher', async () => {
    const other = await launcherFixture();
    const child = readFileSync(`/proc/${other.pid}/task/${other.pid}/children`, 'utf8').trim();
    expect(commandOf(child)).toBe('logger');
    process.kill(other.pid, 'SIGKILL');
    await vi.waitFor(() => expect(commandOf(child)).toBeUndefined());
    await other.stop();
  });
});
