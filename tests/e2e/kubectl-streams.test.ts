/**
 * kubectl talks to what runs: exec, attach, cp and port-forward, by WebSocket as a current one does, and by SPDY as
 * those before 1.31 do and a current one where it is told to.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { currentKubectl, goClient } from './support/go-programs.ts';
import { useKubectlLab } from './support/kubectl.ts';
import { type Kubectl, kubectls } from './support/kubectl-programs.ts';
import { streamsManifest } from './support/streams-manifest.ts';
import { must, run } from './support/tendril.ts';
import { until } from './support/until.ts';

interface Way {
  way: string;
  entry: Kubectl;
  env: Record<string, string>;
}

const bySpdy = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' };
const current = currentKubectl();
const ways: Way[] = [
  ...kubectls().map((entry) => ({ way: 'as it does', entry, env: {} })),
  ...current.map((entry) => ({ way: 'by WebSocket', entry, env: {} })),
  ...current.map((entry) => ({ way: 'by SPDY', entry, env: bySpdy })),
];

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-streams-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe.each(ways)('kubectl $entry.version $way', ({ entry, env, way }) => {
  const lab = useKubectlLab(entry);
  const kubectl = (args: string[], stdin?: string) => lab.run(args, { env, stdin, timeoutMs: 30_000 });
  const exec = (
    argv: string[],
    { options = [] as string[], stdin }: { options?: string[]; stdin?: string } = {},
  ) => kubectl(['exec', ...options, 'box', '-c', 'c', '--', ...argv], stdin);
  /** What kubectl says of the ports that it listens on, and a request to the first. */
  async function forwarded(target: string, port: number): Promise<string> {
    using forward = lab.talk(['port-forward', target, `:${port}`], env);
    await until('a port', () => /127\.0\.0\.1:\d+/.test(forward.text()));
    const [, local] = /127\.0\.0\.1:(\d+)/.exec(forward.text())!;
    const answers = Array.from({ length: 20 }, () => fetch(`http://127.0.0.1:${local}/`));
    const texts = await Promise.all((await Promise.all(answers)).map((answer) => answer.text()));
    expect(new Set(texts.map((text) => JSON.parse(text).pod))).toEqual(new Set(['web']));
    return texts[0]!;
  }

  beforeAll(async () => {
    await lab.apply(streamsManifest);
    await lab.kubectl('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s');
  });

  test('exec has both outputs and the exit status', async () => {
    expect(await exec(['sh', '-c', 'echo out; echo err >&2; exit 3'])).toEqual({
      code: 3,
      stdout: 'out\n',
      stderr: 'err\ncommand terminated with exit code 3\n',
    });
  });

  test('exec -i passes input to its end, however much there is', async () => {
    expect(await exec(['cat'], { options: ['-i'], stdin: 'hello' })).toMatchObject({
      code: 0,
      stdout: 'hello',
    });
    const text = randomBytes(3 << 20).toString('hex');
    const { stdout } = await exec(['cat'], { options: ['-i'], stdin: text });
    expect(stdout === text).toBe(true);
  });

  test('exec -t is at a terminal of the container’s', async () => {
    const argv = ['exec', '-it', 'box', '-c', 'c', '--', 'sh', '-c', 'tty; stty size; exit 4'];
    const command = [entry.path, ...argv].map((word) => `'${word}'`).join(' ');
    const { stdout } = await run('script', ['-qec', `stty cols 90 rows 33; ${command}`, '/dev/null'], {
      env: { ...env, ...lab.environment() },
    });
    expect(stdout).toContain('/dev/pts/0\r\n');
    expect(stdout).toContain('command terminated with exit code 4');
  });

  test('exec says what is wrong', async () => {
    expect((await exec(['nosuch'])).stderr).toContain('error executing command in container: failed to exec in container: exec: nosuch: ENOENT'); // biome-ignore format: one line
    expect((await kubectl(['exec', 'box', '-c', 'x', '--', 'true'])).stderr).toMatch(
      /container x is not valid for pod box/,
    );
    expect((await kubectl(['exec', 'nobody', '--', 'true'])).stderr).toContain('pods "nobody" not found');
    expect(await exec(['sh', '-c', 'kill -9 $$'])).toMatchObject({ code: 137 });
  });

  test('exec loses nothing of what a command says that ends at once', async () => {
    const said = Array.from({ length: 200_000 }, (_, i) => `${i + 1}\n`).join('');
    for (let i = 0; i < 3; i++) {
      const { code, stdout, stderr } = await exec(['sh', '-c', 'seq 200000; echo last >&2; exit 5']);
      expect([code, stdout === said, stderr]).toEqual([
        5,
        true,
        'last\ncommand terminated with exit code 5\n',
      ]);
    }
  });

  test('exec -i ends with a command that takes no more of its input', async () => {
    const stdin = 'x'.repeat(3 << 20);
    const answers = [
      await exec(['head', '-c', '1'], { options: ['-i'], stdin }),
      await exec(['sh', '-c', 'exec <&-; echo closed; sleep 0.2; exit 6'], { options: ['-i'], stdin }),
    ];
    expect(answers.map(({ code, stdout }) => [code, stdout])).toEqual([
      [0, 'x'],
      [6, 'closed\n'],
    ]);
  });

  test('cp of a tree with odd names, links and a large file, there and back', async () => {
    const at = (name: string) => join(directory, `${entry.version} ${way} ${name}`);
    await must(run('sh', ['-ec', makeTree, 'sh', at('tree')]));
    await must(kubectl(['cp', at('tree'), 'box:/tmp/tree', '-c', 'c']));
    const there = await exec(['sh', '-c', `cd /tmp/tree && ${listTree}`]);
    const here = await must(run('sh', ['-c', `cd "$1" && ${listTree}`, 'sh', at('tree')]));
    expect(there.stdout).toBe(here);
    await must(kubectl(['cp', 'box:/tmp/tree', at('again'), '-c', 'c']));
    const back = await must(run('sh', ['-c', `cd "$1" && ${listTree}`, 'sh', at('again')]));
    // On the way back kubectl leaves out links, and modes.
    expect(back).toBe(here.replaceAll(/.*link\n/g, '').replace('755 ./run', '644 ./run'));
  });

  test('cp, there and back', async () => {
    const file = (name: string) => join(directory, `${entry.version}-${name}`);
    const bytes = randomBytes(1 << 20);
    writeFileSync(file('there'), bytes);
    await must(kubectl(['cp', file('there'), 'box:/tmp/file', '-c', 'c']));
    await must(kubectl(['cp', 'box:/tmp/file', file('back'), '-c', 'c']));
    expect(readFileSync(file('back')).equals(bytes)).toBe(true);
  });

  test('logs -f goes on as lines come', async () => {
    using logs = lab.talk(['logs', '-f', 'box', '-c', 'talker'], env);
    await until('the last line', () => logs.text() === '1\n2\n3\n');
  });

  test('attach writes to a shell and reads from it', async () => {
    using attached = lab.talk(['attach', '-i', 'shell'], env);
    attached.type('echo $((6 * 7))\n');
    await until('the answer', () => attached.text().includes('42\r\n'));
  });

  test('attach -it is at the container’s own terminal, and ends with it', async () => {
    const command = `'${entry.path}' attach -it terminal`;
    // kubectl asks for a size one larger first, so that whoever attaches anew is drawn a whole screen.
    const typed = 'until stty size | grep "33 90"; do sleep 0.1; done; echo $((6 * 7)); exit\n';
    const { stdout } = await run('script', ['-qec', `stty cols 90 rows 33; ${command}`, '/dev/null'], {
      env: { ...env, ...lab.environment() },
      stdin: typed,
    });
    expect(stdout).toMatch(/33 90\r\n42\r\n/);
  });

  test('attach gives a container all its input', async () => {
    const { stdout } = await kubectl(['attach', '-i', 'reader'], 'one\ntwo\n');
    expect(stdout).toBe('one\ntwo\nover\n');
  });

  test('port-forward to a pod and to a Service, many connections', async () => {
    expect(JSON.parse(await forwarded('pod/web', 80))).toMatchObject({ server: '127.0.0.1:80' });
    await forwarded('svc/web', 8000);
  });

  test('port-forward reaches a pod whose container was restarted', async () => {
    using forward = lab.talk(['port-forward', 'pod/phoenix', ':7000'], env);
    await until('a port', () => /127\.0\.0\.1:\d+/.test(forward.text()));
    const address = `TCP4:${/127\.0\.0\.1:\d+/.exec(forward.text())![0]}`;
    const echo = (text: string) => must(run('socat', ['-t', '5', '-', address], { stdin: text }));
    expect(await echo('before')).toBe('before');
    await must(kubectl(['exec', 'phoenix', '--', 'touch', '/tmp/end']));
    const ready = '{.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].ready}';
    const state = async () => (await kubectl(['get', 'pod', 'phoenix', '-o', `jsonpath=${ready}`])).stdout;
    await until('it runs again', async () => (await state()) === '1 true');
    expect(await echo('after')).toBe('after');
  });

  test('port-forward tells of a port that nobody listens on', async () => {
    using forward = lab.talk(['port-forward', 'pod/web', ':81'], env);
    await until('a port', () => /127\.0\.0\.1:\d+/.test(forward.text()));
    const [, local] = /127\.0\.0\.1:(\d+)/.exec(forward.text())!;
    await expect(fetch(`http://127.0.0.1:${local}/`)).rejects.toThrow();
    await until('the error', () => forward.errors().includes('connection refused'));
    expect(forward.errors()).toMatch(/failed to connect to localhost:81 inside namespace .* IPv4: dial tcp4 127\.0\.0\.1:81: connect: connection refused IPv6 dial tcp6 \[::1\]:81/); // biome-ignore format: one line
  });
});

const makeTree = `mkdir -p "$1/below/far" "$1/empty"; cd "$1"
echo 1 >"with space"; echo 2 >"ünïcode-名"; echo 3 >"-dash"; echo 4 >'quote"'"'"'s'; echo 6 >'$HOME'
echo 7 >below/far/.hidden; head -c 20971520 /dev/urandom >below/large; printf '#!/bin/sh\n' >run; chmod 755 run
ln -s ../run below/link; ln -s /etc/hostname away-link; ln -s nowhere lost-link`;
const listTree =
  'LC_ALL=C; export LC_ALL; find . -type f | sort | while read -r f; do sha256sum "$f" | cut -c -64; stat -c "%a %n" "$f"; done; find . -type l | sort';

const client = goClient('streams');

describe.runIf(client !== undefined && current.length > 0)('a program made with client-go', () => {
  const lab = useKubectlLab(current[0] ?? { path: '', version: 'v1.0' });
  const streams = (args: string[], stdin?: string) =>
    run(client!, args, { stdin, env: lab.environment(), timeoutMs: 60_000 });

  beforeAll(async () => {
    await lab.apply(streamsManifest.replaceAll('\n    - {name: talker', '\n    # - {name: talker'));
    await lab.kubectl('wait', '--for=condition=Ready', 'pod/box', 'pod/web', '--timeout=60s');
  });

  describe.each(['spdy', 'websocket'])('by %s', (transport) => {
    test('executes, with input, outputs and exit status', async () => {
      const script = 'cat; echo err >&2; exit 3';
      expect(await streams(['exec', transport, 'box', '-i', 'sh', '-c', script], 'typed')).toEqual({
        code: 3,
        stdout: 'typed',
        stderr: 'err\n',
      });
    });

    test('has a terminal of the size that it says', async () => {
      const script = 'until stty size | grep -q "40 100"; do sleep 0.05; done; stty size';
      const { code, stdout } = await streams(['exec', transport, 'box', '-t', 'sh', '-c', script]);
      expect([code, stdout]).toEqual([0, '40 100\r\n']);
    });

    test('executes a hundred at a time, 1 MiB both ways each', async () => {
      // What the client logs of a ping that came too late is none of the sessions' matter.
      expect(await streams(['many', transport, 'box', '100', String(1 << 20)])).toMatchObject({
        code: 0,
        stdout: '100\n',
      });
    });

    test('forwards a port', async () => {
      const { code, stdout } = await streams(['forward', transport, 'web', '80']);
      expect([code, JSON.parse(stdout).pod]).toEqual([0, 'web']);
    });
  });
});
