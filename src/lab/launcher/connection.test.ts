import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Connection } from './connection.ts';

let directory: string;
let path: string;
let server: Server | undefined;
let connection: Connection;
let sockets: Socket[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'connection-'));
  path = join(directory, 'launcher.sock');
  connection = new Connection(path, () => {});
  sockets = [];
});

afterEach(async () => {
  connection.close();
  await stop();
  rmSync(directory, { recursive: true, force: true });
});

/** The socket's file stays when it is stopped, as that of a killed process does. */
const listen = async (): Promise<void> => {
  const listening = createServer((socket) => sockets.push(socket.resume().on('error', () => {})));
  await new Promise<void>((resolve) => listening.listen(`${path}.new`, resolve));
  renameSync(`${path}.new`, path);
  server = listening;
};

const stop = async (): Promise<void> => {
  const stopping = server;
  server = undefined;
  for (const socket of sockets.splice(0)) socket.destroy();
  if (stopping) await new Promise((resolve) => stopping.close(resolve));
};

const connected = () => vi.waitFor(() => expect(sockets).toHaveLength(1));

describe('a launcher that is watched', () => {
  test('is not lost while it listens, nor for one connection that breaks', async () => {
    await listen();
    connection.onConnect([['op', 'watch']]);
    await connected();
    sockets.pop()!.destroy();
    await connected();
    expect(connection.isLost).toBe(false);
  });

  test('is lost once nobody listens, without anybody asking', async () => {
    await listen();
    connection.onConnect([['op', 'watch']]);
    await connected();
    await stop();
    await vi.waitFor(() => expect(connection.isLost).toBe(true));
  });

  test('is there again when another one listens', async () => {
    connection.onConnect([['op', 'watch']]);
    await vi.waitFor(() => expect(connection.isLost).toBe(true));
    await listen();
    await vi.waitFor(() => expect(connection.isLost).toBe(false));
  });

  test('fails requests when it is gone', async () => {
    await expect(connection.request('list', [])).rejects.toMatchObject({ code: 'TOOL_FAILED' });
    expect(connection.isLost).toBe(true);
  });
});
