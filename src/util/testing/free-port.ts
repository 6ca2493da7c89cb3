import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { isError } from '../errors.ts';

/**
 * Opens what must be told its port at one that is free on all addresses. A port is free only until another process
 * takes it, so that one that is taken in between is left to whoever has it, for the next.
 */
export async function openAtFreePort<T>(
  open: (port: number) => Promise<T>,
): Promise<{ port: number; opened: T }> {
  for (;;) {
    const port = await freePort();
    try {
      return { port, opened: await open(port) };
    } catch (error) {
      if (!isError(error, 'LISTEN')) throw error;
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
