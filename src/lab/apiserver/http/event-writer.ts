/**
 * A watch's events on their way to a client. When twenty nodes start, forty watchers get thousands of events each;
 * a TLS record and a wake-up of the reader for every single one is work without use, in both processes. So the first
 * event after a pause goes at once, and those that follow shortly after go together.
 */
import type { ServerResponse } from 'node:http';

/** How long an event may wait for others. */
const gatherMs = 20;
/** This much does not wait. */
const fullBytes = 64 * 1024;

export class EventWriter {
  readonly #out: ServerResponse;
  #lines: Uint8Array[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #flushedAt = Number.NEGATIVE_INFINITY;

  constructor(out: ServerResponse) {
    this.#out = out;
  }

  /** Resolves, at once or when the client has caught up. */
  async write(line: Uint8Array): Promise<void> {
    this.#lines.push(line);
    this.#bytes += line.length;
    if (this.#bytes >= fullBytes) this.#flush();
    else this.#timer ??= this.#schedule();
    if (this.#out.writableNeedDrain) await this.#drained();
  }

  /** Sends what is left and ends the answer. */
  end(): void {
    this.#flush();
    this.#out.end();
  }

  /** Forgets what is left: the client has gone. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #schedule(): NodeJS.Timeout {
    const wait = this.#flushedAt + gatherMs - performance.now();
    return setTimeout(() => this.#flush(), Math.max(0, wait));
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines.length === 0) return;
    this.#out.write(this.#lines.length === 1 ? this.#lines[0] : Buffer.concat(this.#lines));
    this.#lines = [];
    this.#bytes = 0;
    this.#flushedAt = performance.now();
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#out.once('drain', resolve);
      this.#out.once('close', resolve);
    });
  }
}
