import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { askControl } from './control.ts';

let directory: string;
let socket: string;
let server: Server | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'control-'));
  socket = join(directory, 'control.sock');
});

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
  rmSync(directory, { recursive: true, force: true });
});

const serve = (answer: RequestListener): Promise<void> =>
  new Promise((resolve) => {
    server = createServer(answer).listen(socket, resolve);
  });

const refusal = async (timeoutMs?: number) => {
  const error = await askControl(socket, '/status', timeoutMs).catch((thrown: unknown) => thrown);
  return error as { code: string; message: string; remedy?: string };
};

describe('a question to the server of a lab', () => {
  test('is answered', async () => {
    await serve((request, response) => response.end(JSON.stringify({ path: request.url })));
    expect(await askControl(socket, '/status')).toEqual({ path: '/status' });
  });

  test("a refusal has the server's words", async () => {
    await serve((_, response) => response.writeHead(400).end('{"error":"no node x"}'));
    expect(await refusal()).toMatchObject({ code: 'API', message: 'no node x' });
  });

  test('a server that is silent is not called dead', async () => {
    await serve(() => {});
    const { code, message, remedy } = await refusal(50);
    expect([code, message]).toEqual(['LAB_UNREACHABLE', expect.stringContaining('within 0.05 s')]);
    expect(remedy).not.toContain('died');
  });

  test('the time is for the whole answer: drops keep nothing alive', async () => {
    await serve((_, response) => {
      const drops = setInterval(() => response.write(' '), 5);
      response.on('close', () => clearInterval(drops));
    });
    expect((await refusal(60)).message).toContain('within 0.06 s');
  });

  test('a socket that nobody listens on is that of a dead server', async () => {
    // As a killed process leaves it: closing a server in order removes the file.
    const dead = createTcpServer();
    await new Promise<void>((resolve) => dead.listen({ path: `${socket}.before` }, resolve));

    renameSync(`${socket}.before`, socket);
    await new Promise((resolve) => dead.close(resolve));
    const { message, remedy } = await refusal();
    expect(message).toContain('it has died');
    expect(remedy).toContain('tendril down --name control-');
  });

  test('no socket at all: it is coming up, or has died', async () => {
    expect((await refusal()).remedy).toMatch(/coming up, or has died/);
  });

  test('an answer that breaks off', async () => {
    await serve((_, response) => {
      response.writeHead(200, { 'content-length': '10' });
      response.write('{', () => response.destroy());
    });
    expect(await refusal()).toMatchObject({
      code: 'LAB_UNREACHABLE',
      message: expect.stringContaining('broke off'),
    });
  });
});
