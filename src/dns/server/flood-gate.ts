/**
 * Which sources have more waiting than they may: they are kept out at the socket until most of it is answered, so that
 * receiving what will be dropped takes no time from the others.
 */
import type { FairQueue } from './fair-queue.ts';

/** What a source still has waiting when it is let in again: enough to go on with meanwhile. */
const fewWaiting = 64;

export class FloodGate {
  readonly #out = new Set<string>();
  readonly #limit: number;
  readonly #keepOut: (sources: readonly string[]) => void;
  #changed = false;

  /** `keepOut` is given all of them, at most `limit`, whenever they change. */
  constructor(limit: number, keepOut: (sources: readonly string[]) => void) {
    this.#limit = limit;
    this.#keepOut = keepOut;
  }

  /** The source has been refused room. */
  shut(source: string): void {
    if (this.#out.size >= this.#limit || this.#out.has(source)) return;
    this.#out.add(source);
    this.#changed = true;
  }

  /** Lets in again who has little left, and applies what has changed. */
  settle(queue: Pick<FairQueue<unknown>, 'waitingOf'>): void {
    for (const source of this.#out) {
      if (queue.waitingOf(source) > fewWaiting) continue;
      this.#out.delete(source);
      this.#changed = true;
    }
    if (this.#changed) this.#keepOut([...this.#out]);
    this.#changed = false;
  }
}
