/** Where the time of an `up` goes. */
import type { Timing } from './control-protocol.ts';

export class Timings {
  readonly #start = performance.now();
  readonly list: Timing[] = [];

  /** Measures one step; steps may overlap. */
  async measure<T>(what: string, run: () => T | Promise<T>): Promise<T> {
    const from = performance.now();
    try {
      return await run();
    } finally {
      this.list.push({ what, atMs: from - this.#start, tookMs: performance.now() - from });
    }
  }
}
