/** One request and the head of its answer, or in which phase it failed: callers repeat by it. */
import type * as http from 'node:http';
import { TendrilError } from '../../util/errors.ts';

/** A reused connection that broke before an answer began. */
export class StaleConnection extends TendrilError {}

/** No connection came about: nothing was sent. */
export class NotConnected extends TendrilError {}

interface ExchangeOptions {
  /** The request's body. */
  payload: string | undefined;
  timeoutMs: number;
  connectTimeoutMs: number | undefined;
  server: string;
}

/** Sends a request; the answer once its head is there. @throws TendrilError API_UNREACHABLE */
export function exchange(
  request: http.ClientRequest,
  options: ExchangeOptions,
): Promise<http.IncomingMessage> {
  const { payload, timeoutMs, connectTimeoutMs, server } = options;
  return new Promise((resolve, reject) => {
    let [late, connected] = [false, false];
    const endAfter = (ms: number, message: string) =>
      setTimeout(() => {
        late = true;
        request.destroy(new Error(message));
      }, ms);
    const timer = timeoutMs === 0 ? undefined : endAfter(timeoutMs, `no answer within ${timeoutMs / 1000} s`);
    const connecting =
      connectTimeoutMs === undefined
        ? undefined
        : endAfter(connectTimeoutMs, `no connection within ${connectTimeoutMs / 1000} s`);
    onConnected(request, () => {
      connected = true;
      clearTimeout(connecting);
    });
    const settle = () => [timer, connecting].forEach(clearTimeout);
    request.on('response', (response) => {
      settle();
      resolve(response);
    });
    request.on('error', (cause) => {
      settle();
      const stale = request.reusedSocket && !late;
      const kind = stale ? StaleConnection : connected ? TendrilError : NotConnected;
      reject(new kind('API_UNREACHABLE', `the API server at ${server} does not answer`, { cause }));
    });
    request.end(payload);
  });
}

/** Once something can be sent: after TLS, where there is some. */
function onConnected(request: http.ClientRequest, connected: () => void): void {
  request.once('socket', (socket) => {
    if (request.reusedSocket) return connected();
    socket.once(request.protocol === 'https:' ? 'secureConnect' : 'connect', connected);
  });
}
