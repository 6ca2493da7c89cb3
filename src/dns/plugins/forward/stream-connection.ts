/** One connection to a server over TCP or TLS, for one query at a time (RFC 7766; RFC 7858). */
import net from 'node:net';
import tls from 'node:tls';
import { encodeMessage, type Message } from '../../message/message.ts';
import { type After, noAnswer, replyOf, type Target } from './exchange.ts';

interface Waiter {
  asked: Message;
  settle(outcome: { reply: Message } | { error: unknown } | 'closed'): void;
}

export class StreamConnection {
  readonly #socket: net.Socket;
  readonly #target: Target;
  #pending: Buffer = Buffer.alloc(0);
  #waiter: Waiter | undefined;
  #rested = false;

  /** `secure` absent: plain TCP. `onClose` is told once when the connection has ended. */
  constructor(target: Target, secure: tls.ConnectionOptions | undefined, onClose: () => void) {
    this.#target = target;
    const place = { host: target.address, port: target.port, localAddress: target.sourceAddress };
    this.#socket = secure ? tls.connect({ ...secure, ...place }) : net.connect(place);
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#socket.on('error', (error) => this.#ended(error));
    this.#socket.on('timeout', () => this.close());
    this.#socket.on('close', () => {
      this.#ended();
      onClose();
    });
  }

  get closed(): boolean {
    return this.#socket.destroyed;
  }

  /** True where it had an answer before: then the server may have closed it meanwhile, which is no failure. */
  get rested(): boolean {
    return this.#rested;
  }

  /** The reply, or `closed` where a rested connection turned out to be. @throws TendrilError DNS_UPSTREAM */
  ask(
    asked: Message,
    { timeoutMs, after }: { timeoutMs: number; after: After },
  ): Promise<Message | 'closed'> {
    return new Promise((resolve, reject) => {
      const cancel = after(timeoutMs, () => {
        this.#ended();
        this.close();
      });
      this.#waiter = {
        asked,
        settle: (outcome) => {
          cancel();
          this.#waiter = undefined;
          if (outcome === 'closed') resolve('closed');
          else if ('reply' in outcome) resolve(outcome.reply);
          else reject(outcome.error);
        },
      };
      this.#socket.setTimeout(0);
      this.#socket.write(framed(encodeMessage(asked)));
    });
  }

  /** Closes it after a time without a query. */
  rest(ms: number): void {
    this.#rested = true;
    this.#socket.setTimeout(ms);
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    // What comes unasked was meant for a query that is over, or for nobody.
    if (this.#waiter === undefined) return void this.close();
    this.#pending = Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= 2 && this.#pending.length >= 2 + this.#pending.readUInt16BE(0)) {
      const end = 2 + this.#pending.readUInt16BE(0);
      const reply = replyOf(this.#waiter.asked, this.#pending.subarray(2, end));
      this.#pending = this.#pending.subarray(end);
      if (reply) return void this.#waiter.settle({ reply });
    }
  }

  #ended(cause?: unknown): void {
    const reset = cause === undefined || (cause as NodeJS.ErrnoException).code === 'ECONNRESET';
    const closedMeanwhile = this.#rested && this.#pending.length === 0 && reset && this.#socket.destroyed;
    this.#waiter?.settle(closedMeanwhile ? 'closed' : { error: noAnswer(this.#target, cause) });
  }
}

/** A message with its length before it (RFC 1035, section 4.2.2). */
export function framed(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(2 + message.length);
  bytes.writeUInt16BE(message.length);
  bytes.set(message, 2);
  return bytes;
}
