/** The process that asks in an agent's pod, as it is run there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, test } from 'vitest';

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function ask(agent: RequestListener, ...words: string[]) {
  server = createServer(agent);
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const main = join(import.meta.dirname, '..', 'main.ts');
  const argv = ['--disable-warning=ExperimentalWarning', main, 'ask-agent', '--port', String(port), ...words];
  return spawn(process.execPath, argv);
}

async function outcome(child: Awaited<ReturnType<typeof ask>>) {
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk) => {
      texts[name] += chunk;
    });
  const [code] = (await once(child, 'close')) as [number];
  return { code, ...texts };
}

test('prints the answer as a line', async () => {
  const child = await ask(
    ({ url }, response) => response.end(JSON.stringify({ url }, null, 2)),
    '/x?limit=5',
  );
  expect(await outcome(child)).toEqual({ code: 0, stdout: '{"url":"/x?limit=5"}\n', stderr: '' });
});

test('says what the agent refuses', async () => {
  const child = await ask((_, response) => response.writeHead(403).end('only for the node itself\n'), '/x');
  const { code, stdout, stderr } = await outcome(child);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^tendril: the agent does not answer: only for the node itself\n/);
});

test('goes on until its input ends', async () => {
  let answers = 0;
  const child = await ask((_, response) => response.end(String(++answers)), '/x', '--repeat');
  const seen: string[] = [];
  const three = Promise.withResolvers<void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (seen.push(line) === 3) three.resolve();
  });
  await three.promise;
  expect(seen.slice(0, 3)).toEqual(['1', '2', '3']);
  child.stdin.end();
  expect(await once(child, 'close')).toEqual([0, null]);
});

test('ends also where nobody takes what it says', async () => {
  const child = await ask(
    (_, response) => response.end(JSON.stringify('x'.repeat(1 << 20))),
    '/x',
    '--repeat',
  );
  await once(child.stdout, 'readable');
  child.stdin.end();
  child.stdout.resume();
  expect(await once(child, 'close')).toEqual([0, null]);
});
