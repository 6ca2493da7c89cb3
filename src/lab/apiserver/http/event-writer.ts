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
  readonly #onDrain: () => void;
  #lines: Uint8Array[] = [];
  #bytes = 0;
  /** What is left of a long line. */
  #rest: Uint8Array | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stalled: NodeJS.Timeout | undefined;
  #flushedAt = Number.NEGATIVE_INFINITY;

  /** @param onDrain called when it is no longer full */
  constructor(out: ServerResponse, onDrain: () => void) {
    this.#out = out;
    this.#onDrain = onDrain;
    out.on('drain', this.#drained);
  }

  /** The client has to catch up: nothing is to be written until then. */
  get isFull(): boolean {
    return this.#rest !== undefined || this.#out.writableNeedDrain || this.#out.destroyed;
  }

  /** Only while it is not full. */
  write(line: Uint8Array): void {
    if (line.length > fullBytes) {
      this.#flush();
      this.#rest = line;
      this.#writeRest();
      return;
    }
    this.#lines.push(line);
    this.#bytes += line.length;
    if (this.#bytes >= fullBytes) this.#flush();
    else this.#timer ??= this.#schedule();
  }

  /** Sends what is left and ends the answer. */
  end(): void {
    this.#flush();
    this.#out.end();
  }

  /** Forgets what is left: the client has gone. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#stalled);
    this.#out.off('drain', this.#drained);
  }

  #schedule(): NodeJS.Timeout {
    const wait = this.#flushedAt + gatherMs - performance.now();
    return setTimeout(() => this.#flush(), Math.max(0, wait));
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines.length === 0) return;
    const [first] = this.#lines;
    this.#send(this.#lines.length === 1 ? first! : Buffer.concat(this.#lines));
    this.#lines = [];
    this.#bytes = 0;
  }

  /** Piece by piece, as the client takes them. */
  #writeRest(): void {
    const { length } = this.#rest!;
    let start = 0;
    for (; start < length && !this.#out.writableNeedDrain && !this.#out.destroyed; start += fullBytes)
      this.#send(this.#rest!.subarray(start, start + fullBytes));
    this.#rest = start < length ? this.#rest!.subarray(start) : undefined;
  }

  #send(bytes: Uint8Array): void {
    this.#flushedAt = performance.now();
    if (!this.#out.write(bytes)) this.#stalled ??= setTimeout(() => this.#out.destroy(), stalledMs);
  }

  readonly #drained = (): void => {
    clearTimeout(this.#stalled);
    this.#stalled = undefined;
    if (this.#rest !== undefined) this.#writeRest();
    if (!this.isFull) this.#onDrain();
  };
}
