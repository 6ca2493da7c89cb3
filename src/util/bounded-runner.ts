/**
 * Runs one function again and again, as often as it is asked for and no more: requests that come during a
 * run, or within `minIntervalMs` of the last one's end, are served together by one later run. A run that
 * throws is retried with backoff. The pattern is that of kube-proxy's BoundedFrequencyRunner.
 */
import { Backoff } from './backoff.ts';
import { type Clock, systemClock } from './clock.ts';

export interface BoundedRunnerOptions {
  run: () => void | Promise<void>;
  /** From a run's end until the next may start, fixed or by how long the run took; none unless given. */
  minIntervalMs?: number | ((lastRunMs: number) => number);
  retry?: { initialMs: number; maxMs: number };
  /** Called with every failure; the runner goes on. */
  onError?: (error: unknown) => void;
  clock?: Clock;
}

export class BoundedRunner {
  readonly #options: BoundedRunnerOptions;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  #requested = false;
  #running = false;
  #stopped = false;
  #cancelTimer: (() => void) | undefined;
  #notBefore = Number.NEGATIVE_INFINITY;
  #waiters: (() => void)[] = [];

  constructor(options: BoundedRunnerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#backoff = new Backoff(options.retry ?? { initialMs: 100, maxMs: 30_000 });
  }

  /** Asks for a run after this moment. Cheap; call it on every event. */
  request(): void {
    this.#requested = true;
    if (!this.#running) this.#schedule(this.#dueInMs());
  }

  /** Resolves when nothing is asked for and nothing runs. */
  idle(): Promise<void> {
    if (!this.#requested && !this.#running) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** No run starts after this; one under way ends by itself. */
  stop(): void {
    this.#stopped = true;
    this.#requested = false;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#settle();
  }

  #dueInMs(): number {
    return Math.max(0, this.#notBefore - this.#clock.monotonic());
  }

  #schedule(inMs: number): void {
    if (this.#stopped || this.#cancelTimer !== undefined) return;
    this.#cancelTimer = this.#clock.after(inMs, () => void this.#start());
  }

  async #start(): Promise<void> {
    this.#cancelTimer = undefined;
    this.#requested = false;
    this.#running = true;
    const began = this.#clock.monotonic();
    let retryInMs: number | undefined;
    try {
      await this.#options.run();
      this.#backoff.reset();
    } catch (error) {
      this.#requested = !this.#stopped;
      retryInMs = this.#backoff.next();
      this.#options.onError?.(error);
    }
    this.#endRun(began);
    if (this.#requested) this.#schedule(retryInMs ?? this.#dueInMs());
    else this.#settle();
  }

  #endRun(began: number): void {
    this.#running = false;
    const now = this.#clock.monotonic();
    const { minIntervalMs = 0 } = this.#options;
    this.#notBefore = now + (typeof minIntervalMs === 'number' ? minIntervalMs : minIntervalMs(now - began));
  }

  #settle(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }
}
