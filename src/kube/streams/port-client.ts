/**
 * A connection to a port of a pod's, made on its node and relayed by the API server (the subresource `portforward`): as
 * kubectl's, a pair of SPDY streams in the messages of a WebSocket. The protocol of channels that there is besides
 * cannot tell that one side has no more to send.
 */
import { Duplex } from 'node:stream';
import { createWebSocketStream } from 'ws';
import { TendrilError } from '../../util/errors.ts';
import { ApiError } from '../client/api-error.ts';
import type { Transport } from '../client/transport.ts';
import { resourcePath, resources } from '../resources.ts';
import { pingWhileOpen } from './pings.ts';
import { SpdyConnection, type SpdyStream } from './spdy/connection.ts';

export interface PodPort {
  namespace: string;
  pod: string;
  port: number;
}

const protocol = 'SPDY/3.1+portforward.k8s.io';

/**
 * Half-closes are passed on both ways. What the node says of a connection that fails is the stream's error.
 * @throws TendrilError as Transport.open does, where the API server refuses
 */
export async function connectToPod(
  api: Pick<Transport, 'webSocket'>,
  { namespace, pod, port }: PodPort,
): Promise<Duplex> {
  const path = resourcePath(resources.pods, { namespace, name: pod, subresource: 'portforward' });
  const { socket } = await api.webSocket({ path, protocols: [protocol] }).catch((error) => {
    throw withoutProtocol(error) ? tooOld(error) : error;
  });
  pingWhileOpen(socket);
  const connection = new SpdyConnection(createWebSocketStream(socket));
  const open = (streamtype: string) =>
    connection.open(
      new Map([
        ['streamtype', streamtype],
        ['port', String(port)],
        ['requestid', '0'],
      ]),
    );
  const error = open('error');
  error.end();
  return new PortStream(open('data'), error, connection);
}

/** As containers' runtimes refuse, to whom an older API server passes the question on. */
const withoutProtocol = (error: unknown) =>
  error instanceof ApiError && error.status.code === 403 && error.message === 'HTTP 403';

const tooOld = (cause: unknown) =>
  new TendrilError('API', 'the API server relays no ports by WebSocket', {
    cause,
    remedy: 'Kubernetes does from 1.31 on; before, use kubectl port-forward.',
  });

/** The data stream, which ends with the error that the other one tells: that comes first. */
class PortStream extends Duplex {
  readonly #data: SpdyStream;
  readonly #connection: SpdyConnection;
  readonly #over: Promise<void>;
  #told = '';

  constructor(data: SpdyStream, error: SpdyStream, connection: SpdyConnection) {
    super({ allowHalfOpen: true });
    this.#data = data;
    this.#connection = connection;
    error.on('data', (chunk: Buffer) => {
      this.#told += chunk;
    });
    // The node has passed on all that it was sent.
    this.#over = new Promise((resolve) => error.once('close', resolve));
    data.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) data.pause();
    });
    data.on('end', () => (this.#told === '' ? this.push(null) : this.destroy(this.#failure())));
    data.on('close', () => {
      if (!data.readableEnded) this.destroy(this.#failure());
    });
  }

  #failure(): Error {
    return new TendrilError('API', this.#told || 'the connection was broken off on its way to the pod');
  }

  override _read(): void {
    this.#data.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#data.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#data.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const isOver = error === null && this.readableEnded && this.writableFinished;
    if (isOver) void this.#over.then(() => this.#connection.close());
    else {
      this.#data.destroy();
      this.#connection.close();
    }
    done(error);
  }
}
