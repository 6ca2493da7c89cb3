/**
 * DNS over UDP: one datagram, one answer. Nothing that one client does or suffers ends the service of the others.
 * By batches where an address is given, by Node's sockets where one is handed over or the kernel lacks the calls.
 */
import dgram from 'node:dgram';
import net from 'node:net';
import { errno, isErrno } from '../../linux/errno.ts';
import type { Family } from '../../net/ip.ts';
import type { Logger } from '../../util/logger.ts';
import { listenBatchedUdp } from './batched-udp-listener.ts';
import { listenError } from './listen-error.ts';
import type { Reply, Responder } from './responder.ts';

export type UdpPlace = { address: string; port: number; ipv6Only?: boolean } | { fd: number; family: Family };

export interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

/** Resolves when the socket is bound. @throws TendrilError LISTEN */
export async function listenUdp(at: UdpPlace, answer: Responder, logger: Logger): Promise<Listener> {
  if (!('address' in at)) return await listenDgram(at, answer, logger);
  try {
    return listenBatchedUdp(at, answer, logger);
  } catch (cause) {
    if (isErrno(cause, errno.ENOSYS)) return await listenDgram(at, answer, logger);
    throw listenError('UDP for DNS', at, cause);
  }
}

/** By Node's sockets. @throws TendrilError LISTEN */
export async function listenDgram(at: UdpPlace, answer: Responder, logger: Logger): Promise<Listener> {
  const family = 'address' in at ? net.isIP(at.address) : at.family;
  const ipv6Only = 'address' in at && at.ipv6Only;
  const socket = dgram.createSocket({ type: family === 4 ? 'udp4' : 'udp6', ipv6Only });
  let open = true;
  const send = (reply: Reply, to: { address: string; port: number }) => {
    // Zone transfers are for streams.
    if (!Buffer.isBuffer(reply) || !open) return;
    // A client that cannot be reached (ECONNREFUSED, EPERM, ENETUNREACH) asks again, or is gone.
    socket.send(reply, to.port, to.address, (error) => {
      if (error) logger.debug('a reply cannot be sent', { client: to.address, error });
    });
  };
  socket.on('message', (bytes, { address, port }) => {
    // Port 0 is nobody's: no reply can be sent there, and none is meant to be.
    if (port === 0) return;
    const client = { address, port };
    const reply = answer(bytes, { transport: 'udp', client });
    if (reply instanceof Promise) void reply.then((later) => send(later, client));
    else send(reply, client);
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
