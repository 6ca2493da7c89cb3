/**
 * A watch's events on their way to a client. When twenty nodes start, forty watchers get thousands of events each;
 * a TLS record and a wake-up of the reader for every single one is work without use, in both processes. So the first
 * event after a pause goes at once, and those that follow shortly after go together. A client that does not read
 * costs what is on its way and no more: lines are shared by all watchers, and TLS, which copies them, gets them in pieces.
 */
import type { ServerResponse } from 'node:http';

/** How long an event may wait for others. */
const gatherMs = 20;
/** This much does not wait, and no more is handed over at once. */
const fullBytes = 64 * 1024;
/** A client that takes nothing for so long is cut off; it may watch anew. */
const stalledMs = 60_000;

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
    if (line.length > fullBytes) return this.#writeLong(line);
    this.#lines.push(line);
    this.#bytes += line.length;
    if (this.#bytes >= fullBytes) this.#flush();
    else this.#timer ??= this.#schedule();
    await this.#drained();
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

  async #writeLong(line: Uint8Array): Promise<void> {
    this.#flush();
    for (let start = 0; start < line.length && !this.#out.destroyed; start += fullBytes) {
      await this.#drained();
      this.#out.write(line.subarray(start, start + fullBytes));
    }
    this.#flushedAt = performance.now();
    await this.#drained();
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

  /** Resolves when more may be written, or nothing ever again. */
  async #drained(): Promise<void> {
    const out = this.#out;
    if (!out.writableNeedDrain) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const stalled = setTimeout(() => out.destroy(), stalledMs);
    out.on('drain', resolve).on('close', resolve);
    await promise;
    clearTimeout(stalled);
    out.off('drain', resolve).off('close', resolve);
  }
}
