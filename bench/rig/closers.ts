/** What a bench has made, taken away in reverse order; what fails keeps neither the rest nor the bench's own error. */
export class Closers implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  /** Interrupted, by hand or by who bounds its time, a bench leaves nothing behind. */
  readonly #onSignal = () => void this[Symbol.asyncDispose]().finally(() => process.exit(1));

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, this.#onSignal);
  }

  add(close: () => Promise<void>): void {
    this.#stack.defer(close);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, this.#onSignal);
    await this.#stack.disposeAsync();
  }
}
