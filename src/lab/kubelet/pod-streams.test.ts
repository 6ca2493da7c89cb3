import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Pod } from '../../kube/types.ts';
import { isReady, KubeletFixture } from './lab-fixture.ts';
import { logEntry } from './log-text.ts';
import { podPaths } from './pod-directory.ts';
import { attachTo, execIn, forwardTo } from './pod-streams.ts';

let lab: KubeletFixture;
let pod: Pod;

beforeEach(async () => {
  lab = await new KubeletFixture().start();
});
afterEach(() => lab.stop());

const at = () => lab.kubelet.running({ namespace: 'default', pod: 'web' });

async function run(more: object = {}): Promise<void> {
  await lab.createPod({ spec: { containers: [{ name: 'app', image: 'busybox', command: ['x'], ...more }] } });
  pod = await lab.podThat(isReady);
}

async function logFile(): Promise<string> {
  const file = `${podPaths(at().context.paths, pod.metadata.uid).logs('app')}/0.log`;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, logEntry('before\n'));
  return file;
}

describe('exec', () => {
  test('runs the command in the container that runs', async () => {
    await run();
    const spec = { argv: ['ls'], interactive: true, tty: false };
    await execIn(at(), 'app', spec)();
    expect(lab.launcher.sessions).toMatchObject([{ id: `${pod.metadata.uid}.app.0`, spec }]);
  });

  test('in what does not run is refused', async () => {
    await run();
    const spec = { argv: ['ls'], interactive: true, tty: false };
    expect(() => execIn(at(), 'other', spec)).toThrow('container not found ("other")');
    await lab.exit('app', 0);
    await lab.until(() => !at().record.containers[0]!.ready);
    expect(() => execIn(at(), 'app', spec)).toThrow('container not found ("app")');
    expect(() => attachTo(at(), 'app')).toThrow('container app not found in pod web_default');
  });
});

describe('attach', () => {
  test('shows what is written from then on, until the container ends', async () => {
    await run();
    const log = await logFile();
    const session = await attachTo(at(), 'app')();
    const shown = Promise.all([text(session.stdout), text(session.stderr)]);
    await appendFile(log, logEntry('after\n') + logEntry('wrong\n', { stream: 'stderr' }));
    await lab.exit('app', 3);
    expect([await shown, await session.exited]).toEqual([['after\n', 'wrong\n'], 0]);
  });

  test('writes to a container whose input is open; the client’s end is none of its', async () => {
    await run({ stdin: true, tty: true });
    expect(lab.launcher.started[0]).toMatchObject({ interactive: true, tty: true, env: { TERM: 'xterm' } });
    await logFile();
    const session = await attachTo(at(), 'app')();
    session.resize({ columns: 80, rows: 24 });
    session.stdin.end('typed');
    const input = lab.launcher.inputs.get(`${pod.metadata.uid}.app.0`)!;
    expect(await session.exited).toBe(0);
    expect([String(input.stdin.read() ?? ''), input.stdin.writableEnded, input.sizes.length]).toEqual(['typed', false, 1]); // biome-ignore format: one line
  });

  test('ends an input that is there once, and waits for the container', async () => {
    await run({ stdin: true, stdinOnce: true });
    await logFile();
    const session = await attachTo(at(), 'app')();
    const input = lab.launcher.inputs.get(`${pod.metadata.uid}.app.0`)!;
    session.stdin.end('all');
    expect(await text(input.stdin)).toBe('all');
    await lab.exit('app', 0);
    expect(await session.exited).toBe(0);
  });

  test('throws away what is typed for a container without input', async () => {
    await run();
    await logFile();
    const session = await attachTo(at(), 'app')();
    session.stdin.end('nothing');
    expect(lab.launcher.inputs.size).toBe(0);
    session.close();
    expect(await session.exited).toBe(0);
  });
});

describe('port-forward', () => {
  test('connects to the pod’s own loopback address, IPv4 first', async () => {
    await run();
    lab.host.listeners.set('[::1]:80', true).set('::1:80', true);
    await forwardTo(at())(80);
    expect(lab.host.dials.slice(-2)).toEqual(['127.0.0.1:80', '::1:80']);
    lab.host.listeners.set('127.0.0.1:80', true);
    await forwardTo(at())(80);
    expect(lab.host.dials.at(-1)).toBe('127.0.0.1:80');
  });

  test('says what containerd says where nobody listens', async () => {
    await run();
    const { uid } = pod.metadata;
    const netns = podPaths(at().context.paths, uid).netns;
    await expect(forwardTo(at())(80)).rejects.toThrow(
      `error forwarding port 80 to pod ${uid}, uid : failed to execute portforward in network namespace "${netns}": failed to connect to localhost:80 inside namespace "${uid}", IPv4: dial tcp4 127.0.0.1:80: connect: connection refused IPv6 dial tcp6 [::1]:80: connect: connection refused`,
    );
  });

  test('to a pod without containers that run is refused', async () => {
    await lab.createPod({ spec: { restartPolicy: 'Never', containers: [{ name: 'app', image: 'busybox', command: ['x'] }] } }); // biome-ignore format: one line
    await lab.podThat(isReady);
    await lab.exit('app', 0);
    await lab.podThat((now) => now.status?.phase === 'Succeeded');
    expect(() => forwardTo(at())).toThrow('pod not found ("web_default")');
  });
});
