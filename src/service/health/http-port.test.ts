import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { openAtFreePort } from '../../util/testing/free-port.ts';
import { openPort } from './http-port.ts';

const host = '127.0.0.1';

/** The status line and body that whoever asks for the target gets. */
async function ask(port: number, target: string): Promise<string[]> {
  const socket = connect(port, host);
  socket.end(`GET ${target} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n`);
  const lines = (await text(socket)).split('\r\n');
  return [lines[0]!, lines.at(-1)!];
}

it('answers whatever is asked for, be it no URL', async () => {
  const addresses = [{ family: 4, host }] as const;
  const { port, opened } = await openAtFreePort((port) =>
    openPort({ port, addresses }, ({ path }) => ({
      ok: true,
      body: path === '/none' ? undefined : JSON.stringify(path),
    })),
  );
  await using _ = opened;
  for (const [target, path] of [
    ['/healthz?verbose', '/healthz'],
    ['http://elsewhere/healthz', '/healthz'],
    ['//', ''],
    ['http://[', ''],
    ['//:99999/', ''],
  ] as const)
    expect([target, ...(await ask(port, target))]).toEqual([target, 'HTTP/1.1 200 OK', `"${path}"`]);
  expect((await ask(port, '/none'))[0]).toBe('HTTP/1.1 404 Not Found');
});
