/** Long work in short stretches, so that the event loop serves what cannot wait. */
export class TimeSlice {
  readonly #stretchMs: number;
  #started = performance.now();

  /** `stretchMs`: how long to work before others get their turn. */
  constructor(stretchMs = 6) {
    this.#stretchMs = stretchMs;
  }

  /** Call between steps, and await the result: undefined while the stretch lasts. */
  breathe(): Promise<void> | undefined {
    if (performance.now() - this.#started < this.#stretchMs) return undefined;
    return new Promise((resolve) =>
      setImmediate(() => {
        this.#started = performance.now();
        resolve();
      }),
    );
  }
}
