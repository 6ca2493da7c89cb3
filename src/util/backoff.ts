/** Exponential backoff: the delay doubles from `initialMs` to `maxMs`, and starts again after `reset`. */
export interface BackoffOptions {
  initialMs: number;
  maxMs: number;
  /** Share of the delay that is random, 0 to 1. */
  jitter?: number;
  random?: () => number;
}

export class Backoff {
  readonly #options: Required<BackoffOptions>;
  #nextMs: number;

  constructor(options: BackoffOptions) {
    this.#options = { jitter: 0, random: Math.random, ...options };
    this.#nextMs = options.initialMs;
  }

  /** The delay before the next try, in ms. */
  next(): number {
    const { maxMs, jitter, random } = this.#options;
    const base = this.#nextMs;
    this.#nextMs = Math.min(base * 2, maxMs);
    return base * (1 - jitter + jitter * random());
  }

  reset(): void {
    this.#nextMs = this.#options.initialMs;
  }
}
