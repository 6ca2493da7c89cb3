/** What a bench has made, taken away in reverse order; what fails does not keep the rest. */
export class Closers {
  readonly #closers: (() => Promise<void>)[] = [];
  /** Interrupted, by hand or by who bounds its time, a bench leaves nothing behind. */
  readonly #onSignal = () => void this.close().finally(() => process.exit(1));

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, this.#onSignal);
  }

  add(close: () => Promise<void>): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, this.#onSignal);
    const errors: unknown[] = [];
    for (const close of this.#closers.splice(0).reverse()) await close().catch((error) => errors.push(error));
    if (errors.length > 0) throw new AggregateError(errors, 'the bench could not be taken away');
  }
}
