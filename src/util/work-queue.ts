/**
 * Keys to work on, each at most once at a time: a key added again while it waits is the same piece of work, one
 * added while it is worked on is worked on again afterwards. A key whose work fails is retried with a backoff of
 * its own. The semantics are those of client-go's workqueue.
 */
import { Backoff } from './backoff.ts';
import { type Clock, systemClock } from './clock.ts';

export interface WorkQueueOptions {
  /** Works on one key. Throwing means: again, later. */
  process: (key: string) => void | Promise<void>;
  /** Keys worked on at the same time. */
  concurrency?: number;
  retry?: { initialMs: number; maxMs: number };
  /** Hears of every failure. */
  onError?: (error: unknown, key: string) => void;
  clock?: Clock;
}

export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #clock: Clock;
  readonly #waiting = new Set<string>();
  readonly #active = new Set<string>();
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, { at: number; cancel: () => void }>();
  readonly #backoffs = new Map<string, Backoff>();
  #idle: (() => void)[] = [];
  #scheduled = false;
  #stopped = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Asks for work on a key. It begins in a later turn of the event loop, so that a burst of events is one piece. */
  add(key: string): void {
    if (this.#stopped) return;
    if (this.#active.has(key)) this.#again.add(key);
    else this.#waiting.add(key);
    this.#schedule();
  }

  /** The same after a while; of several delays for a key the earliest counts. */
  addAfter(key: string, ms: number): void {
    if (this.#stopped) return;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    const at = this.#clock.monotonic() + ms;
    const pending = this.#delayed.get(key);
    if (pending !== undefined && pending.at <= at) return;
    pending?.cancel();
    const cancel = this.#clock.after(ms, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { at, cancel });
  }

  /** Resolves when no key waits or is worked on; delayed ones do not count. */
  idle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** No work begins after this; what is under way ends by itself. */
  stop(): void {
    this.#stopped = true;
    this.#waiting.clear();
    this.#again.clear();
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#settle();
  }

  #isIdle(): boolean {
    return this.#waiting.size === 0 && this.#active.size === 0;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#drain();
    });
  }

  #drain(): void {
    for (const key of this.#waiting) {
      if (this.#active.size >= (this.#options.concurrency ?? 64)) return;
      this.#waiting.delete(key);
      void this.#work(key);
    }
  }

  async #work(key: string): Promise<void> {
    this.#active.add(key);
    try {
      await this.#options.process(key);
      this.#backoffs.delete(key);
    } catch (error) {
      this.#options.onError?.(error, key);
      this.addAfter(key, this.#retryDelay(key));
    }
    this.#active.delete(key);
    if (this.#again.delete(key)) this.#waiting.add(key);
    if (this.#waiting.size > 0) this.#schedule();
    else this.#settle();
  }

  #retryDelay(key: string): number {
    let backoff = this.#backoffs.get(key);
    if (backoff === undefined) {
      backoff = new Backoff(this.#options.retry ?? { initialMs: 5, maxMs: 60_000 });
      this.#backoffs.set(key, backoff);
    }
    return backoff.next();
  }

  #settle(): void {
    if (!this.#isIdle()) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
