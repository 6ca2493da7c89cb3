/**
 * Several addresses of one API: all requests go to one of the servers until it does not answer, then to the next, for
 * good. A cluster's API servers share what they store, so a watch goes on at another one from where it broke off.
 */
import { isError } from '../../util/errors.ts';
import { ApiError } from './api-error.ts';
import { NotConnected, StaleConnection } from './exchange.ts';
import type { Transport, TransportRequest } from './transport.ts';

/** Another server is asked from now on. */
export interface Failover {
  from: string;
  to: string;
  error: unknown;
}

export interface FailoverOptions {
  /** In the order in which they are tried; the first one first. */
  servers: readonly string[];
  /** To one of them; called when it is first asked. */
  connect: (server: string) => Transport;
  onFailover?: (failover: Failover) => void;
}

type Asked = Pick<TransportRequest, 'method'>;

/** Throws as the transport of the server that was asked last. */
export function createFailover({ servers, connect, onFailover }: FailoverOptions): Transport {
  const transports = new Map<string, Transport>();
  let current = 0;

  const transportTo = (server: string): Transport => {
    const transport = transports.get(server) ?? connect(server);
    transports.set(server, transport);
    return transport;
  };

  /** Of many requests that fail at one server only the first leaves it: the others find another one chosen. */
  const leave = (failed: number, error: unknown): void => {
    if (failed !== current) return;
    current = (failed + 1) % servers.length;
    onFailover?.({ from: servers[failed]!, to: servers[current]!, error });
  };

  const ask = async <T>(request: Asked, use: (transport: Transport) => Promise<T>): Promise<T> => {
    for (let tries = 1; ; tries++) {
      const asked = current;
      try {
        return await use(transportTo(servers[asked]!));
      } catch (error) {
        if (!isOfServer(error)) throw error;
        leave(asked, error);
        if (tries === servers.length || !mayRepeat(request, error)) throw error;
      }
    }
  };

  return {
    open: (request) => ask(request, (transport) => transport.open(request)),
    send: (request) => ask(request, (transport) => transport.send(request)),
    // A command may have been begun by a handshake that broke.
    webSocket: (request) => ask({ method: 'CONNECT' }, (transport) => transport.webSocket(request)),
    close: () => {
      for (const transport of transports.values()) transport.close();
    },
  };
}

/** Whether another server may do better. */
function isOfServer(error: unknown): boolean {
  if (error instanceof ApiError) return unavailable.has(error.status.code);
  return isError(error, 'API_UNREACHABLE') && !(error instanceof StaleConnection);
}

/** A proxy before it, it is starting or ending, or its etcd does not answer. */
const unavailable = new Set([502, 503, 504]);

/** What may have been done must not be asked for twice. */
function mayRepeat({ method }: Asked, error: unknown): boolean {
  return method === 'GET' || error instanceof NotConnected;
}
