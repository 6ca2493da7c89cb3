/**
 * DNS over TLS (RFC 7858), with what the plugin `tls` says about certificates. A TCP socket listens; who connects is
 * given to a TLS server that does not, so that another with other certificates can take its place between two clients.
 */
import tls from 'node:tls';
import type { Logger } from '../../util/logger.ts';
import type { TlsSettings } from '../plugin.ts';
import { Connections } from './connections.ts';
import type { Responder } from './responder.ts';
import { serveStream } from './stream-connection.ts';
import { listenStream, type TcpPlace } from './tcp-listener.ts';
import type { Listener } from './udp-listener.ts';

/** A client that has not finished its handshake by then is closed. */
const handshakeMs = 10_000;

export interface TlsListener extends Listener {
  /** Clients who connect from now on are shown and asked these; those who are connected are served on. */
  setTls(settings: TlsSettings): void;
}

/** Resolves when the socket listens. @throws TendrilError LISTEN */
export async function listenTls(
  at: TcpPlace,
  settings: TlsSettings,
  { answer, logger }: { answer: Responder; logger: Logger },
): Promise<TlsListener> {
  const connections = new Connections();
  const serve = (socket: tls.TLSSocket) => serveStream(socket, { transport: 'tls', answer, connections });
  let server = createTlsServer(settings, { serve, logger });
  const listener = await listenStream(at, {
    what: 'TLS for DNS',
    connections,
    serve: (socket) => server.emit('connection', socket),
    logger,
  });
  return {
    ...listener,
    setTls: (changed) => {
      server = createTlsServer(changed, { serve, logger });
    },
  };
}

function createTlsServer(
  settings: TlsSettings,
  { serve, logger }: { serve(socket: tls.TLSSocket): void; logger: Logger },
): tls.Server {
  const { cert, key, ca, clientAuth } = settings;
  const server = tls.createServer({
    cert,
    key,
    ca,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['dot'],
    allowHalfOpen: true,
    handshakeTimeout: handshakeMs,
    requestCert: clientAuth !== 'nocert',
    rejectUnauthorized: clientAuth === 'require_and_verify',
  });
  server.on('tlsClientError', (error, socket) => {
    logger.debug('a TLS handshake failed', { client: socket.remoteAddress, error });
    socket.destroy();
  });
  server.on('secureConnection', (socket) => {
    if (isAdmitted(socket, clientAuth)) serve(socket);
    else socket.destroy();
  });
  return server;
}

/** What Node.js does not judge itself: certificates that must be there, or be right only where they are there. */
function isAdmitted(socket: tls.TLSSocket, clientAuth: TlsSettings['clientAuth']): boolean {
  if (clientAuth !== 'require' && clientAuth !== 'verify_if_given') return true;
  const given = Object.keys(socket.getPeerCertificate()).length > 0;
  return clientAuth === 'require' ? given : !given || socket.authorized;
}
