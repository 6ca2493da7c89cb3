import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { silentLogger } from '../../util/logger.ts';
import { listenStatus } from './status-port.ts';
import { wildcardAddresses } from './wildcard.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function status(options: { port?: number; addresses?: string[]; ok?: () => boolean } = {}) {
  const { port = 0, addresses = ['127.0.0.1'], ok = () => true } = options;
  const listener = await listenStatus({ what: 'readiness', port, addresses, ok, logger: silentLogger });
  cleanups.push(() => listener.close());
  return listener.port;
}

test('tells by the HTTP status whether all is well, anew for each request', async () => {
  let ok = false;
  const url = `http://127.0.0.1:${await status({ ok: () => ok })}/ready`;
  expect((await fetch(url)).status).toBe(503);
  ok = true;
  expect(await (await fetch(url)).text()).toBe('OK');
});

test('a port that is taken is named with its purpose and what to do; no other address stays open', async () => {
  const port = await status({ addresses: ['127.0.0.2'] });
  await expect(status({ port, addresses: ['127.0.0.1', '127.0.0.2'] })).rejects.toMatchObject({
    code: 'LISTEN',
    message: `127.0.0.2 port ${port} cannot be listened on (HTTP for readiness)`,
    remedy: `Another process has it: find it with ss -lntup "sport = :${port}" and end it.`,
  });
  await status({ port, addresses: ['127.0.0.1'] });
});

test('every address of the machine: IPv4 alone where there is no IPv6, and the other way round', async () => {
  expect(await wildcardAddresses(async (address) => address === '0.0.0.0')).toEqual(['0.0.0.0']);
  expect(await wildcardAddresses(async (address) => address === '::')).toEqual(['::']);
  expect(await wildcardAddresses()).toContain('0.0.0.0');
});

test('sockets of both families share one port', async () => {
  const addresses = await wildcardAddresses();
  const free = net.createServer();
  const port = await new Promise<number>((resolve) =>
    free.listen(0, () => {
      const { port } = free.address() as net.AddressInfo;
      free.close(() => resolve(port));
    }),
  );
  await status({ port, addresses });
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
  if (addresses.includes('::')) expect((await fetch(`http://[::1]:${port}/`)).status).toBe(200);
});
