import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestLab } from './support/lab.ts';
import { shopManifest } from './support/shop.ts';
import { program, runDirectory } from './support/tendril.ts';
import { bringUp, onRealCluster, type TestCluster } from './support/test-cluster.ts';

let lab: TestCluster;
/** Which cluster the command is for. */
let choice: string[];

beforeAll(async () => {
  lab = await bringUp({ manifest: shopManifest, args: ['--nodes', '2'] });
  choice = onRealCluster ? ['--kubeconfig', await lab.kubeconfig()] : ['--name', (lab as TestLab).name];
});

afterAll(() => lab?.down());

/** Runs `forward` while `use` runs; gives its exit status. */
async function forwarding(target: string, use: (port: number) => Promise<void>): Promise<number> {
  const env = { ...process.env, TENDRIL_RUN: runDirectory };
  const child = spawn(program, ['forward', ...choice, ...target.split(' ')], { env });
  const exit = once(child, 'exit');
  try {
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    await use(Number(/127\.0\.0\.1:(\d+)/.exec(line)![1]));
  } finally {
    child.kill('SIGINT');
  }
  return ((await exit) as [number])[0];
}

test('a Service and a pod answer on 127.0.0.1 and ::1, many at once, until Ctrl-C', async () => {
  const code = await forwarding('svc/backend :http', async (port) => {
    const urls = Array.from({ length: 20 }, (_, i) => `http://${i % 2 ? '127.0.0.1' : '[::1]'}:${port}/`);
    const answers = await Promise.all(
      urls.map(async (url) => (await fetch(url)).json() as Promise<{ pod: string }>),
    );
    expect(new Set(answers.map(({ pod }) => pod)).size).toBeGreaterThan(1);
  });
  expect(code).toBe(0);
});

test('a half-closed connection still gets its answer', async () => {
  await forwarding('svc/backend :80', async (port) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    // No HTTP: the stand-in server echoes.
    socket.end('one way\n');
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toBe('one way\n');
  });
});
