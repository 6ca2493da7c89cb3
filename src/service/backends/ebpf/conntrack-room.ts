/**
 * Whether new connections are refused because the map of conntrack is full. Programs only count that; here it becomes
 * an error that says which setting helps, for as long as it goes on.
 */
import { TendrilError } from '../../../util/errors.ts';

/** How long after the last refused connection it is told of, ms: longer than the collection of ended ones takes to help. */
const toldForMs = 30_000;

export class ConntrackRoom {
  readonly #size: number;
  #drops: number;
  #refused = 0;
  #last: number | undefined;

  /** @param drops packets that had no room so far, by whichever process's time */
  constructor(size: number, drops: number) {
    this.#size = size;
    this.#drops = drops;
  }

  /**
   * @param drops as for the constructor, now
   * @param now ms, monotonic
   * @returns undefined while there is room
   */
  check(drops: number, now: number): TendrilError | undefined {
    if (drops > this.#drops) {
      this.#refused += drops - this.#drops;
      this.#last = now;
    }
    this.#drops = drops;
    if (this.#last === undefined || now - this.#last >= toldForMs) {
      this.#refused = 0;
      this.#last = undefined;
      return undefined;
    }
    return new TendrilError(
      'MAP_FULL',
      `the map of conntrack is full with ${this.#size} entries, two for each connection: ${this.#refused} packets of new connections were dropped`,
      { remedy: "raise mapSizes.conntrack in the agent's configuration" },
    );
  }
}
