/**
 * Which sources have sent more than they may: what they send goes a way of its own, where it takes no room from the others, until they
 * have kept to their share for a while.
 */

/** Longer than who floods is quiet between two turns of the event loop. */
const slowMs = 1000;

export class FloodGate {
  /** When each was refused room last. */
  readonly #slow = new Map<string, number>();
  readonly #limit: number;
  readonly #tell: (sources: readonly string[]) => void;
  #changed = false;
  /** Nobody is let in again before. */
  #next = Number.POSITIVE_INFINITY;

  /** `tell` is given all of them, at most `limit`, whenever they change. */
  constructor(limit: number, tell: (sources: readonly string[]) => void) {
    this.#limit = limit;
    this.#tell = tell;
  }

  /** The source has been refused room. `now`: ms of any clock that does not go back. */
  refused(source: string, now: number): void {
    const isNew = !this.#slow.has(source);
    if (isNew && this.#slow.size >= this.#limit) return;
    this.#slow.set(source, now);
    this.#changed ||= isNew;
    this.#next = Math.min(this.#next, now + slowMs);
  }

  /** Lets in again who has kept to its share, and tells of what has changed: once, also where that fails. */
  settle(now: number): void {
    if (now >= this.#next) this.#release(now);
    if (!this.#changed) return;
    this.#changed = false;
    this.#tell([...this.#slow.keys()]);
  }

  #release(now: number): void {
    this.#next = Number.POSITIVE_INFINITY;
    for (const [source, last] of this.#slow) {
      if (now >= last + slowMs) this.#changed = this.#slow.delete(source);
      else this.#next = Math.min(this.#next, last + slowMs);
    }
  }
}
