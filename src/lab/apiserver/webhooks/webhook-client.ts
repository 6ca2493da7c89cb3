/**
 * Calls webhooks: a POST of JSON over HTTPS, on a connection of its own, to a URL from where the API server is or to an
 * endpoint of a Service (apiserver, util/webhook/client.go). Redirects are not followed, and answers are bounded.
 */
import type { ClientRequest } from 'node:http';
import { request } from 'node:https';
import { connect as connectPlain, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { Storage } from '../storage/storage.ts';
import { statusText, transportText } from './call-failure.ts';
import { certificatesOf, defaultWebhookPort, type WebhookClientConfig } from './client-config.ts';
import { type Endpoint, resolveEndpoint } from './service-endpoints.ts';

/** Opens a connection to an endpoint of a Service from where it can be reached. */
export type ConnectEndpoint = (endpoint: Endpoint) => Promise<Duplex>;

/** What went wrong, in Go's words. */
export class WebhookCallError extends Error {}

/** More than any object may have, with a patch of it. */
const maxAnswerBytes = 16 * 1024 * 1024;

/** From where the process is. */
export const connectDirectly: ConnectEndpoint = ({ ip, port }) =>
  new Promise((resolve, reject) => {
    const socket = connectPlain({ host: ip, port });
    socket.once('connect', () => resolve(socket.removeAllListeners('error')));
    socket.once('error', reject);
  });

interface Address {
  /** In Host and in the certificate. */
  host: string;
  port: number;
  path: string;
  connect(): Promise<Duplex>;
}

export interface CallOptions {
  timeoutMs: number;
  /** Ends the call early. */
  signal?: AbortSignal | undefined;
}

export class WebhookClient {
  readonly #storage: Storage;
  connectEndpoint: ConnectEndpoint = connectDirectly;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  #addressOf({ url, service }: WebhookClientConfig): Address {
    if (service !== undefined) {
      const { namespace, name, path = '', port = defaultWebhookPort } = service;
      const reference = { namespace, name, path, port };
      const connect = async () => this.connectEndpoint(resolveEndpoint(this.#storage, reference));
      return {
        host: `${name}.${namespace}.svc`,
        port,
        path: path.startsWith('/') ? path : `/${path}`,
        connect,
      };
    }
    const { hostname, port, pathname } = new URL(url!);
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    const number = port === '' ? defaultWebhookPort : Number(port);
    const connect = () => connectDirectly({ ip: host, port: number });
    return { host, port: number, path: pathname, connect };
  }

  /** The decoded answer. @throws WebhookCallError */
  async call(config: WebhookClientConfig, body: object, options: CallOptions): Promise<unknown> {
    const address = this.#addressOf(config);
    const seconds = Math.ceil(options.timeoutMs / 1000);
    const path = `${address.path}?timeout=${seconds}s`;
    const host = address.host.includes(':') ? `[${address.host}]` : address.host;
    const where = `Post ${JSON.stringify(`https://${host}:${address.port}${path}`)}`;
    const timeout = AbortSignal.timeout(options.timeoutMs);
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
    try {
      using exchange = new Exchange(address, config.caBundle, signal);
      return await exchange.send(path, JSON.stringify(body));
    } catch (error) {
      if (error instanceof WebhookCallError) throw error;
      const why = signal.aborted ? cancelText(timeout) : transportText(error);
      throw new WebhookCallError(`${where}: ${why}`, { cause: error });
    }
  }
}

const cancelText = (timeout: AbortSignal) =>
  timeout.aborted ? 'context deadline exceeded' : 'context canceled';

/** One request on one connection, which ends with it. */
class Exchange implements Disposable {
  readonly #address: Address;
  readonly #ca: string[] | undefined;
  readonly #signal: AbortSignal;
  #connection: Duplex | undefined;
  #request: ClientRequest | undefined;

  constructor(address: Address, caBundle: string | undefined, signal: AbortSignal) {
    this.#address = address;
    this.#ca = caBundle ? certificatesOf(caBundle) : undefined;
    this.#signal = signal;
  }

  async send(path: string, body: string): Promise<unknown> {
    const connection = await this.#connect();
    const { host, port } = this.#address;
    const secured = connectTls({
      socket: connection,
      host,
      servername: isIP(host) === 0 ? host : '',
      ...(this.#ca && { ca: this.#ca }),
      ALPNProtocols: ['http/1.1'],
    });
    const headers = {
      host: `${host.includes(':') ? `[${host}]` : host}:${port}`,
      'content-type': 'application/json',
      accept: 'application/json',
      'content-length': Buffer.byteLength(body),
      connection: 'close',
    };
    const answer = new Promise<{ code: number; text: string }>((resolve, reject) => {
      // For as long as they are: an error that nobody hears would end the server.
      for (const stream of [connection, secured]) stream.on('error', reject);
      const options = {
        method: 'POST',
        path,
        headers,
        createConnection: () => secured,
        signal: this.#signal,
      };
      this.#request = request(options, (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxAnswerBytes) {
            reject(new WebhookCallError(`the response is larger than ${maxAnswerBytes} bytes`));
            response.destroy();
          } else chunks.push(chunk);
        });
        response.once('error', reject);
        response.once('end', () =>
          resolve({ code: response.statusCode!, text: Buffer.concat(chunks).toString() }),
        );
      });
      this.#request.once('error', reject);
      this.#request.end(body);
    });
    const { code, text } = await answer;
    return decoded(code, text);
  }

  /** A connection that comes after its time is closed. */
  async #connect(): Promise<Duplex> {
    this.#signal.throwIfAborted();
    const connecting = this.#address.connect();
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(this.#signal.reason);
    this.#signal.addEventListener('abort', abort, { once: true });
    try {
      this.#connection = await Promise.race([connecting, aborted.promise]);
      return this.#connection;
    } catch (error) {
      connecting.then((late) => late.destroy()).catch(() => {});
      throw error;
    } finally {
      this.#signal.removeEventListener('abort', abort);
    }
  }

  [Symbol.dispose](): void {
    // Errors of what nobody waits for any more.
    this.#request?.on('error', () => {});
    this.#request?.destroy();
    this.#connection?.on('error', () => {});
    this.#connection?.destroy();
  }
}

function decoded(code: number, text: string): unknown {
  if (code < 200 || code > 206) throw new WebhookCallError(statusText(code, text));
  try {
    return JSON.parse(text);
  } catch {
    const why = text === '' ? 'EOF' : /^\s*</.test(text) ? 'HTML' : 'not JSON';
    throw new WebhookCallError(`the response is no JSON object: ${why}`);
  }
}
