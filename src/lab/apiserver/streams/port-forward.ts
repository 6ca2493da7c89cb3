/**
 * port-forward over SPDY: for each of its connections a client opens an error stream and a data stream of one request
 * id, in this order, both naming the port.
 */
import type { Duplex, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { SpdyStream } from '../../../kube/streams/spdy/connection.ts';
import { firstValue } from '../../../kube/streams/spdy/header-block.ts';

export type Connect = (port: number) => Promise<Duplex>;

interface Pair {
  data?: SpdyStream;
  error?: SpdyStream;
  late: NodeJS.Timeout;
}

/** kubelet's --stream-creation-timeout, which nobody sets. */
export const streamCreationMs = 30_000;

/** The port in a header or query, or undefined for what is none. */
export function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port > 0 && port < 65_536 ? port : undefined;
}

export class PortForwards {
  readonly #connect: Connect;
  readonly #pairs = new Map<string, Pair>();

  constructor(connect: Connect) {
    this.#connect = connect;
  }

  /** False for a stream that is none of a forwarded connection's. */
  add(stream: SpdyStream): boolean {
    const type = firstValue(stream.headers, 'streamtype');
    const port = parsePort(firstValue(stream.headers, 'port'));
    if (port === undefined || (type !== 'error' && type !== 'data')) return false;
    const id = requestId(stream, type);
    const pair = this.#pairOf(id);
    if (pair[type] !== undefined) {
      pair.error?.write(`error processing stream for request ${id}: ${type} stream already assigned`);
      return true;
    }
    pair[type] = stream;
    // One half that is gone is waited for no more.
    stream.once('close', () => this.#forget(id, pair));
    const { data, error } = pair;
    if (data === undefined || error === undefined) return true;
    this.#forget(id, pair);
    error.resume();
    void forward(this.#connect(port), data, error).then(() => error.end());
    return true;
  }

  #pairOf(id: string): Pair {
    const known = this.#pairs.get(id);
    if (known !== undefined) return known;
    const late = setTimeout(() => {
      this.#forget(id, pair);
      pair.error?.end(`(request=${id}) timed out waiting for streams`);
      pair.data?.destroy();
    }, streamCreationMs).unref();
    const pair: Pair = { late };
    this.#pairs.set(id, pair);
    return pair;
  }

  #forget(id: string, pair: Pair): void {
    clearTimeout(pair.late);
    if (this.#pairs.get(id) === pair) this.#pairs.delete(id);
  }
}

/** Old clients number no requests, but open both streams one after the other. */
function requestId({ id, headers }: SpdyStream, type: 'error' | 'data'): string {
  return firstValue(headers, 'requestid') || String(type === 'data' ? id - 2 : id);
}

/** Passes bytes until the pod has closed the connection, or the client has gone; what goes wrong is written to `error`. Never throws. */
export async function forward(connecting: Promise<Duplex>, data: Duplex, error: Writable): Promise<void> {
  let connection: Duplex;
  data.on('error', () => {});
  try {
    connection = await connecting;
  } catch (cause) {
    error.write((cause as Error).message);
    data.destroy();
    return;
  }
  connection.on('error', () => {});
  // The client may have gone meanwhile.
  if (data.destroyed) connection.destroy();
  data.on('close', () => connection.destroy());
  data.pipe(connection).pipe(data);
  await finished(connection).catch(() => data.destroy());
  await finished(data, { readable: false }).catch(() => {});
}
