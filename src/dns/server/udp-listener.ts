/** DNS over UDP: one datagram, one answer. Nothing that one client does or suffers ends the service of the others. */
import dgram from 'node:dgram';
import net from 'node:net';
import type { Family } from '../../net/ip.ts';
import type { Logger } from '../../util/logger.ts';
import type { Responder } from './dns-server.ts';
import { listenError } from './listen-error.ts';

export type UdpPlace = { address: string; port: number; ipv6Only?: boolean } | { fd: number; family: Family };

export interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

/** Resolves when the socket is bound. @throws TendrilError LISTEN */
export async function listenUdp(at: UdpPlace, answer: Responder, logger: Logger): Promise<Listener> {
  const family = 'address' in at ? net.isIP(at.address) : at.family;
  const ipv6Only = 'address' in at && at.ipv6Only;
  const socket = dgram.createSocket({ type: family === 4 ? 'udp4' : 'udp6', ipv6Only });
  let open = true;
  socket.on('message', async (bytes, from) => {
    // Port 0 is nobody's: no reply can be sent there, and none is meant to be.
    if (from.port === 0) return;
    const reply = await answer(bytes, 'udp', from);
    // A client that cannot be reached (ECONNREFUSED, EPERM, ENETUNREACH) asks again, or is gone.
    const unsent = (error: Error | null) => {
      if (error) logger.debug('a reply cannot be sent', { client: from.address, error });
    };
    if (reply && open) socket.send(reply, from.port, from.address, unsent);
  });
  await bind(socket, at);
  socket.on('error', (error) => logger.warn('receiving failed', { transport: 'udp', error }));
  return {
    port: socket.address().port,
    close: () => {
      open = false;
      return new Promise((resolve) => socket.close(resolve));
    },
  };
}

function bind(socket: dgram.Socket, at: UdpPlace): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => {
      socket.close();
      reject(listenError('UDP for DNS', 'address' in at ? at : {}, cause));
    };
    socket.once('error', fail);
    socket.bind(('address' in at ? { address: at.address, port: at.port } : { fd: at.fd }) as object, () => {
      socket.off('error', fail);
      resolve();
    });
  });
}
