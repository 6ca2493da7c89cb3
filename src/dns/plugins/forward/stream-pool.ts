/** Connections to one server that are kept for the next query; the one that has rested longest is taken first, as by CoreDNS. */
import type { ConnectionOptions } from 'node:tls';
import type { Message } from '../../message/message.ts';
import type { After, Target } from './exchange.ts';
import { StreamConnection } from './stream-connection.ts';

export interface StreamPoolOptions {
  target: Target;
  /** Absent: plain TCP. */
  tls?: ConnectionOptions;
  /** ms; `maxAgeMs` 0: any age. */
  expireMs: number;
  maxAgeMs: number;
  /** 0: any number. */
  maxIdle: number;
  after: After;
  /** Monotonic, ms. */
  now(): number;
  /** Told of each query whether it took a connection that was there. */
  onConnection(reused: boolean): void;
}

interface Kept {
  connection: StreamConnection;
  since: number;
}

export class StreamPool {
  readonly #options: StreamPoolOptions;
  #idle: Kept[] = [];
  #stopped = false;

  constructor(options: StreamPoolOptions) {
    this.#options = options;
  }

  /** @throws TendrilError DNS_UPSTREAM where no reply comes in time, or the server cannot be reached */
  async ask(asked: Message, timeoutMs: number): Promise<Message> {
    const { after, onConnection } = this.#options;
    for (;;) {
      const kept = this.#take();
      onConnection(kept.connection.rested);
      const reply = await kept.connection.ask(asked, { timeoutMs, after });
      if (reply === 'closed') continue;
      this.#giveBack(kept);
      return reply;
    }
  }

  close(): void {
    this.#stopped = true;
    for (const { connection } of this.#idle.splice(0)) connection.close();
  }

  #take(): Kept {
    const { maxAgeMs, now, target, tls } = this.#options;
    for (let kept = this.#idle.shift(); kept !== undefined; kept = this.#idle.shift()) {
      if (!kept.connection.closed && !(maxAgeMs > 0 && now() - kept.since > maxAgeMs)) return kept;
      kept.connection.close();
    }
    const connection = new StreamConnection(target, tls, () => {
      this.#idle = this.#idle.filter((one) => one.connection !== connection);
    });
    return { connection, since: now() };
  }

  #giveBack(kept: Kept): void {
    const { maxIdle, expireMs } = this.#options;
    const full = maxIdle > 0 && this.#idle.length >= maxIdle;
    if (this.#stopped || full || expireMs === 0) return void kept.connection.close();
    this.#idle.push(kept);
    kept.connection.rest(expireMs);
  }
}
