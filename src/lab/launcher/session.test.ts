import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { encodeFrame } from './frame.ts';
import { openSession } from './session.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'session-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** A launcher that answers each request so. */
async function launcher(answer: (socket: Socket) => void) {
  const path = join(directory, 'launcher.sock');
  const server = createServer((socket) => void socket.once('data', () => answer(socket))).listen(path);
  await once(server, 'listening');
  return { path, [Symbol.dispose]: () => void server.close() };
}

const output = (data: Buffer) =>
  encodeFrame([['event', 'output'], ['id', 'x'], ['stream', '1'], ['data', data]]); // biome-ignore format: one line

test('a command that writes much before it is known to run is heard to its end', async () => {
  const piece = Buffer.alloc(16 << 10, 'x');
  using place = await launcher((socket) => {
    // Beyond what a socket, and a stream that nobody reads yet, hold.
    for (let i = 0; i < 64; i++) socket.write(output(piece));
    socket.write(encodeFrame([['req', '1'], ['ok', '1'], ['pid', '7']])); // biome-ignore format: one line
    socket.write(encodeFrame([['event', 'exit'], ['id', 'x'], ['code', '5']])); // biome-ignore format: one line
  });
  const session = await openSession(place.path, 'box', { argv: ['tar'], interactive: false, tty: false });
  expect((await buffer(session.stdout)).length).toBe(64 * piece.length);
  expect(await session.exited).toBe(5);
});
