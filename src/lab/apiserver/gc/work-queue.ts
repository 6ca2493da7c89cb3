/** Keys to look at, each once, after the change that asked for it: storage handlers must not write themselves. */
export class WorkQueue {
  readonly #pending = new Set<string>();
  readonly #process: (key: string) => void;
  readonly #onError: (error: unknown) => void;
  #scheduled = false;
  #stopped = false;

  constructor(process: (key: string) => void, onError: (error: unknown) => void) {
    this.#process = process;
    this.#onError = onError;
  }

  add(key: string): void {
    this.#pending.add(key);
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    setImmediate(() => this.#drain());
  }

  stop(): void {
    this.#stopped = true;
    this.#pending.clear();
  }

  /** In slices: thousands of deletions must not hold up everything else. */
  #drain(): void {
    const until = performance.now() + 5;
    this.#scheduled = false;
    for (const key of this.#pending) {
      if (performance.now() > until) break;
      this.#pending.delete(key);
      try {
        this.#process(key);
      } catch (error) {
        this.#onError(error);
      }
    }
    if (this.#pending.size === 0 || this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    setImmediate(() => this.#drain());
  }
}
