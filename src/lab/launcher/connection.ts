/** One connection to the launcher: requests and their answers by number, and what comes unasked. */
import { createConnection, type Socket } from 'node:net';
import { TendrilError } from '../../util/errors.ts';
import { encodeFrame, type Field, type Frame, FrameReader, textOf } from './frame.ts';

interface Pending {
  resolve: (answer: Frame) => void;
  reject: (error: Error) => void;
}

/** Between attempts to connect again while somebody waits for events, ms. */
const reconnectMs = 200;

export class Connection {
  readonly #path: string;
  /** Called when nobody listens any more. */
  onLost = (): void => {};
  readonly #onEvent: (frame: Frame) => void;
  #socket: Socket | undefined;
  /** Nobody listened at the last attempt to reach the launcher. */
  #isLost = false;
  #pending = new Map<string, Pending>();
  #nextRequest = 1;
  #greeting: Field[] | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(path: string, onEvent: (frame: Frame) => void) {
    this.#path = path;
    this.#onEvent = onEvent;
  }

  /** @throws TendrilError TOOL_FAILED when the launcher cannot be reached or the connection is lost meanwhile */
  request(op: string, fields: Field[]): Promise<Frame> {
    const number = String(this.#nextRequest++);
    return new Promise((resolve, reject) => {
      this.#pending.set(number, { resolve, reject });
      this.#open().write(encodeFrame([['op', op], ['req', number], ...fields]));
    });
  }

  /** Sends what has no answer; lost when there is no connection. */
  send(fields: Field[]): void {
    this.#socket?.write(encodeFrame(fields));
  }

  /** Sent at once and on every new connection, which from now on is kept up. Its answer is ignored. */
  onConnect(greeting: Field[]): void {
    this.#greeting = greeting;
    if (this.#socket === undefined) this.#open();
    else this.send(greeting);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  #open(): Socket {
    if (this.#socket !== undefined) return this.#socket;
    const socket = createConnection(this.#path);
    const reader = new FrameReader();
    let failure: Error | undefined;
    this.#socket = socket;
    socket.on('connect', () => {
      this.#isLost = false;
    });
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('close', () => this.#lost(socket, failure));
    socket.on('data', (chunk) => {
      try {
        for (const frame of reader.push(chunk)) this.#receive(frame);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    if (this.#greeting !== undefined) socket.write(encodeFrame(this.#greeting));
    return socket;
  }

  #receive(frame: Frame): void {
    if (textOf(frame, 'event') !== undefined) {
      this.#onEvent(frame);
      return;
    }
    const number = textOf(frame, 'req') ?? '';
    this.#pending.get(number)?.resolve(frame);
    this.#pending.delete(number);
  }

  /** Nobody listens on the socket any more. A connection that broke off says nothing yet: the next one tells. */
  get isLost(): boolean {
    return this.#isLost;
  }

  #lose(): void {
    if (this.#isLost || this.#closed) return;
    this.#isLost = true;
    this.onLost();
  }

  #lost(socket: Socket, cause: Error | undefined): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    const { code } = (cause ?? {}) as NodeJS.ErrnoException;
    if (code === 'ECONNREFUSED' || code === 'ENOENT') this.#lose();
    const error = new TendrilError('TOOL_FAILED', `the launcher at ${this.#path} is gone`, {
      remedy: 'The lab lost its launcher; bring it down and up again.',
      cause,
    });
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    if (this.#greeting === undefined || this.#closed) return;
    this.#timer = setTimeout(() => this.#closed || this.#open(), reconnectMs);
    this.#timer.unref();
  }
}
