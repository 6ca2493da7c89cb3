import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CniServer, startCniServer } from './cni-server.ts';
import { decodeAnswer, encodeRequest } from './frame.ts';

let directory: string;
let path: string;
let server: CniServer | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-cni-'));
  path = join(directory, 'cni.sock');
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(directory, { recursive: true });
});

const echo = async (request: { env: Record<string, string> }) => ({
  status: 0,
  output: JSON.stringify(request.env),
});

function send(bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(path, () => socket.end(bytes));
    socket.on('data', (chunk) => chunks.push(chunk)).on('end', () => resolve(Buffer.concat(chunks)));
    socket.on('error', reject);
  });
}

it('answers one request per connection, on a socket only root can reach', async () => {
  server = await startCniServer({ path, dispatch: echo });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const answers = await Promise.all(
    ['1', '2', '3'].map(async (n) =>
      decodeAnswer(await send(encodeRequest({ env: { N: n }, config: null }))),
    ),
  );
  expect(answers.map(({ output }) => output)).toEqual(['{"N":"1"}', '{"N":"2"}', '{"N":"3"}']);
});

it('answers what is no request with code 6', async () => {
  server = await startCniServer({ path, dispatch: echo });
  const answer = decodeAnswer(await send(Buffer.from('\0\0\0\x03xyz')));
  expect(answer.status).toBe(1);
  expect(JSON.parse(answer.output)).toMatchObject({ code: 6 });
});

it('goes on after a client that went away', async () => {
  let served = 0;
  const counting = async () => ({ status: 0, output: String(++served) });
  server = await startCniServer({ path, dispatch: counting });
  const gone = connect(path, () =>
    gone.write(encodeRequest({ env: {}, config: null }), () => gone.destroy()),
  );
  await new Promise((resolve) => gone.on('close', resolve));
  await send(encodeRequest({ env: {}, config: null }));
  expect(decodeAnswer(await send(encodeRequest({ env: {}, config: null }))).output).toBe(String(served));
});

it('replaces the socket of an agent that was killed, not of one that lives', async () => {
  const killed = createServer().listen(path);
  await new Promise((resolve) => killed.on('listening', resolve));
  await expect(startCniServer({ path, dispatch: echo })).rejects.toThrow('another agent listens');
  // Node.js unlinks on close, a kill does not: a file that nobody listens on stands for it.
  await new Promise((resolve) => killed.close(resolve));
  writeFileSync(path, '');
  server = await startCniServer({ path, dispatch: echo });
  expect(decodeAnswer(await send(encodeRequest({ env: {}, config: null }))).status).toBe(0);
});

it('finishes calls under way before it closes', async () => {
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  let begun = () => {};
  const started = new Promise<void>((resolve) => (begun = resolve));
  server = await startCniServer({
    path,
    dispatch: async () => {
      begun();
      await held;
      return { status: 0, output: 'done' };
    },
  });
  const answer = send(encodeRequest({ env: {}, config: null }));
  await started;
  const closed = server.close();
  release();
  await closed;
  expect(decodeAnswer(await answer).output).toBe('done');
});

it('ends at once, whoever is connected and says nothing', async () => {
  server = await startCniServer({ path, dispatch: echo });
  const [quiet, halfway] = [connect(path), connect(path)];
  const cut = [quiet, halfway].map((socket) => {
    socket.on('error', () => {});
    return new Promise((resolve) => socket.on('close', resolve));
  });
  await Promise.all([once(quiet, 'connect'), once(halfway, 'connect')]);
  halfway.write(encodeRequest({ env: {}, config: null }).subarray(0, 6));
  await server.close();
  await Promise.all(cut);
});

it('ends though a client keeps its connection after the answer', async () => {
  server = await startCniServer({ path, dispatch: echo });
  const client = connect({ path, allowHalfOpen: true });
  client.write(encodeRequest({ env: { A: 'b' }, config: null }));
  const [answer] = await once(client, 'data');
  expect(decodeAnswer(answer).output).toBe('{"A":"b"}');
  await server.close();
  client.destroy();
});
