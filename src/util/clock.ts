/** Time as a dependency, so that tests need not wait. Milliseconds everywhere. */
export interface Clock {
  /** Wall clock, ms since the epoch. */
  now(): number;
  /** Monotonic, ms; only differences mean anything. */
  monotonic(): number;
  /** Resolves after `ms`, or rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `fn` once after `ms`; the result cancels. */
  after(ms: number, fn: () => void): () => void;
}

/** The longest that a timer of Node.js can be; it takes a longer one for 1 ms. */
export const longestTimerMs = 2 ** 31 - 1;

/** setTimeout for any time; the result cancels. */
function startTimer(ms: number, fn: () => void): () => void {
  // A timer takes a millisecond at the least.
  if (ms <= 0) return startImmediate(fn);
  let left = ms;
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const step = Math.min(left, longestTimerMs);
    left -= step;
    timer = setTimeout(left > 0 ? arm : fn, step);
  };
  arm();
  return () => clearTimeout(timer);
}

function startImmediate(fn: () => void): () => void {
  const immediate = setImmediate(fn);
  return () => clearImmediate(immediate);
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const onAbort = () => {
        cancel();
        reject(signal!.reason);
      };
      const cancel = startTimer(ms, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
  after: startTimer,
};

/** A clock that stands still until `advance` is called; due timers run in order of their time. */
export class FakeClock implements Clock {
  #time: number;
  #timers = new Set<{ at: number; fn: () => void }>();

  constructor(start = 0) {
    this.#time = start;
  }

  now(): number {
    return this.#time;
  }

  monotonic(): number {
    return this.#time;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const cancel = this.after(ms, resolve);
      signal?.addEventListener('abort', () => {
        cancel();
        reject(signal.reason);
      });
    });
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.#time + ms, fn };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Moves time forward, running what falls due and letting promises settle in between. */
  async advance(ms: number): Promise<void> {
    const until = this.#time + ms;
    for (;;) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      const next = [...this.#timers].filter((t) => t.at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#time = next.at;
      next.fn();
    }
    this.#time = until;
  }
}
