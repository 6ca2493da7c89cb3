import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { LimitedCgroups } from '../../linux/cgroup/limited-cgroups.ts';
import { createNetns, deleteNetns } from '../../linux/netns/netns.ts';
import { launcherCases } from './launcher.cases.ts';
import type { Exit } from './launcher.ts';
import { LauncherClient } from './launcher-client.ts';
import { type LauncherFixture, launcherFixture } from './launcher-fixture.ts';

let lab: LauncherFixture;
beforeAll(async () => {
  lab = await launcherFixture();
});
afterAll(() => lab.stop());

const run = (argv: string[], options: { stdin?: string; timeoutMs?: number } = {}) =>
  lab.client.run(lab.plain('run', argv), { timeoutMs: 30_000, ...options });

/** Runs `launcher enter` as the command line does. */
const enter = (...argv: string[]) =>
  promisify(execFile)(resolve('dist/native/launcher'), ['enter', ...argv]).then(
    ({ stdout }) => ({ code: 0, stdout }),
    (error) => ({ code: error.code as number, stdout: error.stdout as string }),
  );

describe('the real launcher', () => {
  launcherCases({ launcher: () => lab.client, sleeper: (id) => lab.plain(id, ['sleep', '1000']) });
});

describe('a process on a node', () => {
  it('is born in its cgroup and network namespace, with its environment alone', async () => {
    const netns = join(lab.directory, 'net');
    createNetns(netns);
    try {
      const script =
        'tail -1 /proc/self/cgroup; ls /sys/class/net | wc -l; cat /proc/net/dev | grep -c :; env | sort';
      const spec = lab.plain('born', ['sh', '-c', script], { netns, env: { A: '1', PATH: '/usr/bin:/bin' } });
      const { stdout } = await lab.client.run(spec, { timeoutMs: 30_000 });
      expect(stdout).toContain(`${spec.cgroup.split('/').slice(-2).join('/')}\n`);
      expect(stdout).toMatch(/^A=1\nPATH=.*\nPWD=.*$/m);
      await lab.client.sysctl(netns, { 'net.ipv4.ip_unprivileged_port_start': '7' });
      const read = ['cat', '/proc/sys/net/ipv4/ip_unprivileged_port_start'];
      const value = await lab.client.run(lab.plain('value', read, { netns }), { timeoutMs: 30_000 });
      expect(value.stdout).toBe('7\n');
      await expect(lab.client.sysctl(netns, { 'kernel.hostname': 'x' })).rejects.toThrow(
        /sysctl: kernel.hostname/,
      );
    } finally {
      deleteNetns(netns);
    }
  });

  it('gets its input, and its output and status come back', async () => {
    const result = await run(['sh', '-c', 'cat; echo err >&2; exit 7'], { stdin: 'in\0\n' });
    expect(result).toEqual({ code: 7, stdout: 'in\0\n', stderr: 'err\n' });
  });

  it('is ended with its children when its time is over', async () => {
    expect((await run(['sh', '-c', 'sleep 100 & sleep 100'], { timeoutMs: 50 })).code).toBe(137);
    expect((await lab.client.run(lab.plain('after', ['pgrep', '-f', 'sleep 100 & sleep']), { timeoutMs: 30_000 })).code).toBe(1); // biome-ignore format: one line
  });

  it('may say more than is kept', async () => {
    const { code, stdout } = await run(['head', '-c', '3000000', '/dev/zero']);
    expect([code, stdout.length]).toEqual([0, 1 << 20]);
  });

  it.each([
    ['exec', specOf(['/nonesuch']), /exec: \/nonesuch: ENOENT/],
    ['exec', specOf(['/etc/hostname-x/y']), /exec: .*ENOENT/],
    ['netns', specOf(['true'], { netns: '/nonesuch' }), /netns: \/nonesuch: ENOENT/],
    ['cwd', specOf(['true'], { cwd: '/nonesuch' }), /cwd: \/nonesuch: ENOENT/],
    ['cgroup', specOf(['true'], { cgroup: '/sys/fs/cgroup' }), /cgroup: .*EPERM/],
    ['log', specOf(['true'], { log: '/nonesuch/log' }), /log: \/nonesuch\/log: ENOENT/],
  ])('that cannot start names the step: %s', async (_, make, message) => {
    await expect(lab.client.start(make())).rejects.toThrow(message);
  });

  it('writes to its log, across restarts', async () => {
    const log = join(lab.directory, 'log');
    for (const word of ['one', 'two']) {
      const exits: Exit[] = [];
      lab.client.onExit((exit) => exits.push(exit));
      await lab.client.start(lab.plain(`log-${word}`, ['sh', '-c', `echo ${word}`], { log }));
      await vi.waitFor(() => expect(exits).toContainEqual({ id: `log-${word}`, code: 0 }));
    }
    expect(readFileSync(log, 'utf8')).toBe('one\ntwo\n');
  });
});

describe('the launcher itself', () => {
  it('keeps exits for whoever asks later, and tells them once', async () => {
    const quiet = await launcherFixture();
    try {
      await quiet.client.start(quiet.plain('unseen', ['true']));
      await vi.waitFor(async () => expect(await quiet.client.list()).toEqual([]));
      const exits: Exit[] = [];
      quiet.client.onExit((exit) => exits.push(exit));
      await vi.waitFor(() => expect(exits).toEqual([{ id: 'unseen', code: 0 }]));
      const later = new LauncherClient(quiet.socket);
      later.onExit((exit) => exits.push(exit));
      await later.list();
      expect(exits).toHaveLength(1);
      later.close();
    } finally {
      await quiet.stop();
    }
  });

  it('outlives clients that talk nonsense or leave amid a request', async () => {
    for (const bytes of ['\xff\xff\xff\xff', '\0\0\0\x04abcd', '\0\0\x01', '\0\0\0\x0a\0\0\0\x05op=xx\0']) {
      await new Promise<void>((done) => {
        const socket = connect(lab.socket, () => socket.end(Buffer.from(bytes, 'latin1')));
        socket.on('error', () => {}).on('close', () => done());
        socket.resume();
      });
    }
    expect(await lab.client.list()).toEqual([]);
  });

  it('runs hundreds at once and holds no more afterwards', async () => {
    const descriptors = async () =>
      (
        await lab.client.run(lab.plain('count', ['ls', `/proc/${lab.pid}/fd`]), { timeoutMs: 30_000 })
      ).stdout.split('\n').length;
    const before = await descriptors();
    const many = Array.from({ length: 300 }, (_, i) =>
      lab.client.run(lab.plain(`many-${i % 7}`, ['sh', '-c', `exit ${i % 100}`]), { timeoutMs: 30_000 }),
    );
    expect((await Promise.all(many)).map(({ code }) => code)).toEqual(many.map((_, i) => i % 100));
    // Fewer is fine: what an earlier test left may be let go of meanwhile.
    await expect.poll(descriptors).toBeLessThanOrEqual(before);
  });
});

describe('groups of version 1', () => {
  it('hold a container, and all that enters it', async ({ skip }) => {
    const cgroups = new LimitedCgroups(lab.cgroup);
    const limits = { memory: Number.POSITIVE_INFINITY, pids: Number.POSITIVE_INFINITY };
    const cgroups1 = cgroups.ensureLeaf(join(lab.cgroup, 'node', 'limited'), limits);
    skip(cgroups1.length === 0, 'version 1 has no controller of processes or memory here');
    const { pid } = await lab.client.start({ ...lab.container('limited', ['sleep', '1000']), cgroups1 });
    for (const group of cgroups1)
      expect(readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n')).toContain(String(pid));
    // Seen from inside, the container's own groups are the highest.
    const own = ['grep', '-cE', ':(memory|pids|):/$', '/proc/self/cgroup'];
    const executed = await lab.client.exec('limited', own, { timeoutMs: 30_000 });
    expect(executed.stdout).toBe(`${cgroups1.length + 1}\n`);
    const more = cgroups1.flatMap((group) => ['--cgroup1', group]);
    const place = ['--pid', String(pid), '--cgroup', join(lab.cgroup, 'node', 'limited'), ...more, '--'];
    expect((await enter(...place, ...own)).stdout).toBe(`${cgroups1.length + 1}\n`);
    await lab.client.signal('limited', 9);
  });

  it('are not made: what is missing fails the start', async () => {
    const cgroups1 = [join(lab.directory, 'nonesuch')];
    const failed = lab.client.start(lab.plain('lost', ['true'], { cgroups1 }));
    await expect(failed).rejects.toThrow(/start lost: cgroup: .*nonesuch: ENOENT/);
  });
});

describe('a command of somebody at a terminal, or not', () => {
  it('enters a container as what it is', async () => {
    const script = 'trap "exit 0" TERM; while :; do sleep 0.1; done';
    const { pid } = await lab.client.start({
      ...lab.container('entered', ['sh', '-c', script], { uid: 1000, gid: 1001, supplementalGroups: [5] }),
      env: { PATH: '/usr/bin:/bin', MARK: 'x' },
    });
    const at = ['--pid', String(pid), '--cgroup', join(lab.cgroup, 'node', 'entered'), '--'];
    const told = await enter(
      ...at,
      'sh',
      '-c',
      'id -u; id -g; id -G; hostname; echo $MARK; grep CapEff /proc/self/status',
    );
    expect(told.stdout).toBe('1000\n1001\n1001 5\nentered\nx\nCapEff:\t0000000000000000\n');
    expect((await enter(...at, 'sh', '-c', 'exit 42')).code).toBe(42);
    expect((await enter(...at, 'nonesuch')).code).toBe(127);
    expect((await enter(...at, '/etc/passwd')).code).toBe(126);
    expect((await enter(...at, 'sh', '-c', 'kill -9 $$')).code).toBe(137);
    await lab.client.signal('entered', 9);
  });

  it('gives a container a terminal of its own, and the caller’s back as it was', async () => {
    const { pid } = await lab.client.start(lab.container('at-terminal', ['sleep', '1000']));
    const program = `${resolve('dist/native/launcher')} enter --pid ${pid}`;
    const inside =
      'stat -L -c "theirs %t:%T" /proc/self/fd/0; stty size; trap "exit 9" INT; echo ready; sleep 60';
    // What is left behind keeps the container's terminal, and hears nothing of what is typed after.
    const left = `setsid sh -c "head -c 1 > /tmp/heard; echo end >> /tmp/heard" &`;
    const session = spawn('script', ['-qec', `sh ${join(lab.directory, 'session')}`, '/dev/null']);
    writeFileSync(
      join(lab.directory, 'session'),
      `stat -L -c 'mine %t:%T' /proc/self/fd/0; stty rows 33 cols 99
       ${program} -- sh -c '${left} ${inside}'; echo status $?; stty size; read line; echo typed $line`,
    );
    let shown = '';
    session.stdout.on('data', (bytes: Buffer) => {
      shown += bytes;
    });
    const type = async (after: string, text: string) => {
      await expect.poll(() => shown).toContain(after);
      session.stdin.write(text);
    };
    await type('ready', '\x03');
    await type('status', 'secret\r');
    await once(session, 'close');
    const [, mine] = /mine (\S+)/.exec(shown)!;
    const [, theirs] = /theirs (\S+)/.exec(shown)!;
    expect(theirs).not.toBe(mine);
    expect(shown).toMatch(/33 99.*status 9\r\n33 99.*typed secret/s);
    const heard = () => enter('--pid', String(pid), '--', 'cat', '/tmp/heard').then(({ stdout }) => stdout);
    await expect.poll(heard).toBe('end\n');
    await lab.client.signal('at-terminal', 9);
  });

  it('enters a network namespace and cgroup', async () => {
    const netns = join(lab.directory, 'node');
    createNetns(netns);
    try {
      const place = ['--netns', netns, '--cgroup', join(lab.cgroup, 'host'), '--'];
      expect((await enter(...place, 'sh', '-c', 'tail -1 /proc/self/cgroup')).stdout).toMatch(/\/host\n$/);
      expect((await enter('--netns', '/nonesuch', '--', 'true')).code).toBe(125);
      expect((await enter('--', 'true')).code).toBe(125);
    } finally {
      deleteNetns(netns);
    }
  });
});

/** Tables are made before the launcher is: the spec is asked for later. */
function specOf(argv: string[], more: object = {}) {
  return () => lab.plain('failing', argv, more);
}
