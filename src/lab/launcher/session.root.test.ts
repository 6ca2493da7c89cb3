import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Session } from './launcher.ts';
import { type LauncherFixture, launcherFixture, logText } from './launcher-fixture.ts';

let fixture: LauncherFixture;

beforeAll(async () => {
  fixture = await launcherFixture();
  await fixture.client.start(fixture.container('box', ['sleep', '1000']));
  await fixture.client.start(
    fixture.container('user', ['sleep', '1000'], { uid: 1000, gid: 1000, capabilities: [] }),
  );
});
afterAll(() => fixture.stop());

const inBox = (argv: string[], { interactive = false, tty = false, box = 'box' } = {}) =>
  fixture.client.session(box, { argv, interactive, tty });
const shell = (script: string, more = {}) => inBox(['sh', '-c', script], more);

/** What is said so far. */
function heard(stream: Readable): () => string {
  let said = '';
  stream.on('data', (chunk) => {
    said += chunk;
  });
  return () => said;
}

async function result(session: Session) {
  const [stdout, stderr, code] = await Promise.all([
    text(session.stdout),
    text(session.stderr),
    session.exited,
  ]);
  return { stdout, stderr, code };
}

describe('a command that is talked to', () => {
  test('leaves no descriptor and no process behind, however it ends', async () => {
    const held = () => readdirSync(`/proc/${fixture.pid}/fd`).length;
    const before = held();
    const ended = [
      result(await shell('echo x')),
      result(await shell('cat', { interactive: true, tty: true })),
      result(await shell('exec tail -f /dev/null')),
      result(await shell('cat', { interactive: true })),
    ];
    await ended[0];
    const sessions = [await shell('yes'), await shell('sh', { interactive: true, tty: true })];
    for (const session of sessions) session.close();
    await inBox(['nosuch']).catch(() => {});
    await result(await shell('killall tail cat; true'));
    await Promise.all(ended);
    await vi.waitFor(() => expect(held()).toBe(before));
    expect((await result(await shell('ps ax | grep -cE "[y]es|[c]at$|[t]ail"; true'))).stdout).toBe('0\n');
  });

  test('has both outputs and an exit status', async () => {
    expect(await result(await shell('echo out; echo err >&2; exit 3'))).toEqual({
      stdout: 'out\n',
      stderr: 'err\n',
      code: 3,
    });
  });

  test('has the status of shells when a signal ends it', async () => {
    expect(await result(await shell('kill -9 $$'))).toMatchObject({ code: 137 });
  });

  test('reads what is written, to the end', async () => {
    const session = await inBox(['cat'], { interactive: true });
    session.stdin.write('one ');
    session.stdin.end('two');
    expect(await result(session)).toEqual({ stdout: 'one two', stderr: '', code: 0 });
  });

  test('has no input unless it is asked for', async () => {
    expect(await result(await inBox(['cat']))).toEqual({ stdout: '', stderr: '', code: 0 });
  });

  test('passes more than any buffer holds, both ways', async () => {
    const bytes = randomBytes(8 << 20);
    const session = await inBox(['cat'], { interactive: true });
    session.stdin.end(bytes);
    expect((await buffer(session.stdout)).equals(bytes)).toBe(true);
    expect(await session.exited).toBe(0);
  });

  test('waits for a reader that is slow, and ends when it has read all', async () => {
    const session = await shell('head -c 5000000 /dev/zero');
    await vi.waitFor(() => expect(session.stdout.readableLength).toBeGreaterThan(0));
    expect(session.stdout.readableLength).toBeLessThan(1 << 20);
    expect((await buffer(session.stdout)).length).toBe(5_000_000);
    expect(await session.exited).toBe(0);
  });

  test('goes on with one output that its reader has kept waiting, whatever the other says meanwhile', async () => {
    const session = await shell(
      '(while echo e; do :; done | head -c 200000 >&2) & head -c 20000000 /dev/zero; wait',
    );
    const [zeros, other] = await Promise.all([buffer(session.stdout), buffer(session.stderr)]);
    expect([zeros.length, other.length]).toEqual([20_000_000, 200_000]);
    expect(await session.exited).toBe(0);
  });

  test('takes no more than it reads, and others go on meanwhile', async () => {
    const session = await shell('sleep 1000', { interactive: true });
    let taken = 0;
    const write = (error?: Error | null): void => {
      if (error) return;
      session.stdin.write(Buffer.alloc(1 << 16), (failed) => {
        taken++;
        write(failed);
      });
    };
    write();
    expect(await result(await shell('echo here'))).toMatchObject({ stdout: 'here\n' });
    expect(taken).toBeLessThan(100);
    session.close();
  });

  test('is in the container: its processes, its root, none of our descriptors', async () => {
    const { stdout } = await result(await shell('readlink /proc/1/exe; ls /proc/self/fd; hostname'));
    expect(stdout).toMatch(/sleep|busybox|coreutils/);
    expect(stdout).toContain('0\n1\n2\n3\nbox\n');
  });

  test('that cannot be run is an error that says why', async () => {
    await expect(inBox(['nosuch'])).rejects.toMatchObject({
      code: 'TOOL_FAILED',
      message: expect.stringContaining('nosuch: ENOENT'),
    });
    await expect(inBox([])).rejects.toMatchObject({ code: 'TOOL_FAILED' });
    await expect(inBox(['true'], { box: 'nobox' })).rejects.toMatchObject({ code: 'TOOL_FAILED' });
  });

  test('is done with when its children have closed its output', async () => {
    expect(await result(await shell('(sleep 0.2; echo late) & echo early'))).toEqual({
      stdout: 'early\nlate\n',
      stderr: '',
      code: 0,
    });
  });

  test('loses its input and outputs when nobody listens any more', async () => {
    const session = await shell('echo $$; cat; echo x; echo y > /tmp/after', { interactive: true });
    const said = heard(session.stdout);
    await vi.waitFor(() => expect(said()).not.toBe(''));
    session.close();
    const left = async () => (await result(await shell('ps ax | grep -c "[c]at; echo x"'))).stdout;
    await vi.waitFor(async () => expect(await left()).toBe('0\n'));
  });

  test('a hundred at a time', async () => {
    const all = Array.from({ length: 100 }, async (_, i) => result(await shell(`echo ${i}; exit ${i % 7}`)));
    expect((await Promise.all(all)).map(({ stdout, code }) => [stdout, code])).toEqual(
      Array.from({ length: 100 }, (_, i) => [`${i}\n`, i % 7]),
    );
  });
});

describe('a terminal', () => {
  test('is the container’s, of the size that is told', async () => {
    const session = await shell('read go; tty; stty size; echo $TERM', { interactive: true, tty: true });
    session.resize({ rows: 30, columns: 100 });
    session.stdin.write('go\n');
    expect(await result(session)).toEqual({
      stdout: 'go\r\n/dev/pts/0\r\n30 100\r\nxterm\r\n',
      stderr: '',
      code: 0,
    });
  });

  test('tells of a new size while a command runs', async () => {
    const session = await shell('trap "stty size; exit" WINCH; echo up; while :; do sleep 0.05; done', { tty: true }); // biome-ignore format: one line
    const said = heard(session.stdout);
    await vi.waitFor(() => expect(said()).toContain('up'));
    session.resize({ rows: 11, columns: 22 });
    await vi.waitFor(() => expect(said()).toContain('11 22'));
    expect(await session.exited).toBe(0);
  });

  test('makes signals of keys', async () => {
    const session = await shell('echo up; sleep 1000', { interactive: true, tty: true });
    const said = heard(session.stdout);
    await vi.waitFor(() => expect(said()).toContain('up'));
    session.stdin.write('\x03');
    expect(await session.exited).toBe(130);
  });

  test('belongs to the user whose command it is', async () => {
    const session = await shell('stat -c %u $(tty); echo x > $(tty); id -u', { tty: true, box: 'user' });
    expect(await result(session)).toMatchObject({ stdout: '1000\r\nx\r\n1000\r\n', code: 0 });
  });

  test('is hung up when nobody listens any more', async () => {
    const session = await shell('echo up; exec sleep 4321', { interactive: true, tty: true });
    const said = heard(session.stdout);
    await vi.waitFor(() => expect(said()).toContain('up'));
    session.close();
    const left = async () => (await result(await shell('ps ax | grep -c "[s]leep 4321"'))).stdout;
    await vi.waitFor(async () => expect(await left()).toBe('0\n'));
  });
});

describe('a container', () => {
  const log = (id: string) => join(fixture.directory, `${id}.log`);
  const start = (id: string, argv: string[], more: object) =>
    fixture.client.start({ ...fixture.container(id, argv), log: log(id), ...more });
  const logged = (id: string) => (existsSync(log(id)) ? logText(readFileSync(log(id), 'utf8')) : '');

  test('whose input is open reads what is written, until it is ended', async () => {
    const exits: string[] = [];
    fixture.client.onExit(({ id }) => exits.push(id));
    await start('reader', ['sh', '-c', 'cat; echo over'], { interactive: true });
    const first = fixture.client.input('reader');
    first.stdin.write('a\n');
    await vi.waitFor(() => expect(logged('reader')).toBe('a\n'));
    first.stdin.destroy();
    const second = fixture.client.input('reader');
    second.stdin.end('b\n');
    await vi.waitFor(() => expect(logged('reader')).toBe('a\nb\nover\n'));
    await vi.waitFor(() => expect(exits).toContain('reader'));
  });

  test('with a terminal writes to it, and its log has what it shows', async () => {
    await start('screen', ['sh', '-c', 'tty; read x; stty size; echo "got $x"'], {
      interactive: true,
      tty: true,
    });
    await vi.waitFor(() => expect(logged('screen')).toBe('/dev/pts/0\r\n'));
    const input = fixture.client.input('screen');
    input.resize({ rows: 7, columns: 70 });
    input.stdin.write('word\n');
    await vi.waitFor(() => expect(logged('screen')).toContain('7 70\r\ngot word\r\n'));
  });

  test('that is gone hears nothing', async () => {
    const input = fixture.client.input('never-was');
    input.stdin.end('x');
    await new Promise((resolve) => input.stdin.once('close', resolve));
    expect(await fixture.client.list()).toContain('box');
  });
});
