/** The API over TLS. A client certificate says who may speak; health and version need none. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { ApiError } from '../../../kube/client/api-error.ts';
import { TendrilError } from '../../../util/errors.ts';
import type { ApiHandler, ApiRequest, ApiResponse, UserInfo } from '../api-request.ts';
import { anonymous } from '../auth/permission.ts';
import { internalError, unauthorized } from '../status.ts';
import { checkTarget, hasBody } from './request-guard.ts';
import { readRequest, readUpgrade } from './request-reader.ts';
import { writeResponse } from './response-writer.ts';
import { isUpgradable, type Upgrade, upgrade } from './upgrade.ts';

export interface ListenOptions {
  /** PEM. */
  certificate: string;
  key: string;
  /** PEM; client certificates must be signed by it. */
  clientCa: string;
  /** Who has a bearer token; undefined for one that is not good. */
  authenticate?: (token: string) => UserInfo | undefined;
  /** Whose protocol may be changed; the API's exec, attach and portforward unless given. */
  upgradable?: (message: IncomingMessage) => boolean;
  /** An address and port (0: any free one), or sockets that listen already, made in another namespace. */
  at: { host: string; port: number } | { fds: number[] };
  patience?: Patience;
}

/** How long a request may take to arrive, in ms: one that trickles in would hold its connection for ever. */
export interface Patience {
  headers: number;
  /** With the body. */
  whole: number;
}

/** kube-apiserver's: its server's ReadHeaderTimeout, and --request-timeout. */
const usualPatience: Patience = { headers: 32_000, whole: 60_000 };

export interface Listener {
  /** Of the first socket. */
  readonly port: number;
  close(): Promise<void>;
}

const clientGone = new Error('the client has closed the connection');

const open = new Set(['/healthz', '/livez', '/readyz', '/version']);

type Authenticate = NonNullable<ListenOptions['authenticate']>;

/** By certificate, or else by token. Throws Unauthorized. */
function identify(message: IncomingMessage, authenticate: Authenticate): () => UserInfo {
  const socket = message.socket as TLSSocket;
  if (socket.authorized) return () => certificateUser(socket);
  const [, token] = /^bearer (\S+)$/i.exec(message.headers.authorization ?? '') ?? [];
  const user = token === undefined ? undefined : authenticate(token);
  if (user === undefined) throw unauthorized();
  return () => user;
}

/** Reading a certificate takes longer than answering a request; it stays the same for a connection. */
const certificateUsers = new WeakMap<TLSSocket, UserInfo>();

/** The certificate's common name and organizations, as Kubernetes reads them. */
function certificateUser(socket: TLSSocket): UserInfo {
  const user = certificateUsers.get(socket) ?? readCertificateUser(socket);
  certificateUsers.set(socket, user);
  return user;
}

function readCertificateUser(socket: TLSSocket): UserInfo {
  // Null once the client has gone, which the request then learns by itself.
  const { CN = '', O = [] } = ((socket.getPeerCertificate() as PeerCertificate | null)?.subject ?? {}) as {
    CN?: string;
    O?: string | string[];
  };
  return { username: CN, groups: [...(Array.isArray(O) ? O : [O]), 'system:authenticated'] };
}

interface Parts {
  handle: ApiHandler;
  authenticate: Authenticate;
}

async function answer(
  { handle, authenticate }: Parts,
  message: IncomingMessage,
  read: () => Promise<ApiRequest> | ApiRequest,
): Promise<ApiResponse> {
  try {
    checkTarget(message);
    const path = (message.url ?? '').split('?')[0]!;
    const user = open.has(path) ? () => anonymous : identify(message, authenticate);
    const request = await read();
    return await handle({ ...request, user });
  } catch (error) {
    const { status } = error instanceof ApiError ? error : internalError('the request cannot be read');
    return { status: status.code, body: status };
  }
}

function serve(parts: Parts) {
  return async (message: IncomingMessage, out: ServerResponse): Promise<void> => {
    const abort = new AbortController();
    // An answer that is complete has nothing left to stop; a reason of one's own spares making an error each time.
    out.on('close', () => {
      if (!out.writableFinished) abort.abort(clientGone);
    });
    const response = await answer(parts, message, () => readRequest(message, abort.signal));
    // What is left of a refused body would be read as the next request.
    if (hasBody(message) && !message.complete) out.setHeader('connection', 'close');
    const acceptsGzip = String(message.headers['accept-encoding'] ?? '').includes('gzip');
    try {
      await writeResponse(out, response, { acceptsGzip, accept: message.headers.accept });
    } catch {
      out.destroy();
    }
  };
}

/** Keeps what is upgraded, which the server forgets, until it is closed. */
function serveUpgrades(parts: Parts, upgraded: Set<Duplex>): Upgrade {
  const serveUpgrade = upgrade((message) => answer(parts, message, () => readUpgrade(message)));
  return (message, socket, head) => {
    upgraded.add(socket);
    socket.on('close', () => upgraded.delete(socket));
    serveUpgrade(message, socket, head);
  };
}

/** Throws TendrilError BAD_INPUT where the port is taken. */
function listen(server: Server, at: { host: string; port: number } | { fd: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const where = 'fd' in at ? `descriptor ${at.fd}` : `${at.host} port ${at.port}`;
      const remedy =
        cause.code === 'EADDRINUSE' ? 'Choose another port, or end what listens there.' : undefined;
      reject(new TendrilError('BAD_INPUT', `the API server cannot listen on ${where}`, { cause, remedy }));
    });
    server.listen(at, () => resolve());
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** One TLS server for each socket, all on the same handler. */
export async function listenHttps(handle: ApiHandler, options: ListenOptions): Promise<Listener> {
  const places = 'fds' in options.at ? options.at.fds.map((fd) => ({ fd })) : [options.at];
  const { authenticate = () => undefined, upgradable = isUpgradable, patience = usualPatience } = options;
  const servers: Server[] = [];
  const upgraded = new Set<Duplex>();
  const closeAll = async () => {
    for (const socket of upgraded) socket.destroy();
    await Promise.all(servers.map(close));
  };
  try {
    for (const place of places) {
      const tls = { cert: options.certificate, key: options.key, ca: options.clientCa };
      const asked = { requestCert: true, rejectUnauthorized: false, shouldUpgradeCallback: upgradable };
      const parts = { handle, authenticate };
      // Answers may take as long as they like: watches are silent for long, and the clients' own timeouts end them.
      const arriving = {
        headersTimeout: patience.headers,
        requestTimeout: patience.whole,
        connectionsCheckingInterval: Math.min(5000, patience.headers),
      };
      const server = createServer({ ...tls, ...asked, ...arriving }, serve(parts));
      server.on('upgrade', serveUpgrades(parts, upgraded));
      server.keepAliveTimeout = 65_000;
      servers.push(server);
      await listen(server, place);
    }
  } catch (error) {
    await closeAll();
    throw error;
  }
  return { port: (servers[0]!.address() as AddressInfo).port, close: closeAll };
}
