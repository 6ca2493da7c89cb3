/**
 * What a controller has asked for and its stores have not shown yet. Until they have, it must not count pods:
 * it would make too many. The same as client-go's ControllerExpectations, with the same time limit.
 */
import type { Clock } from '../../../util/clock.ts';

interface Expected {
  creations: number;
  /** Uids. */
  deletions: Set<string>;
  since: number;
}

/** After this long the stores are believed as they are. */
const patienceMs = 5 * 60_000;

export class Expectations {
  readonly #clock: Clock;
  readonly #expected = new Map<string, Expected>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Say this before asking the API, since the watch may be faster than the answer. */
  expectCreations(key: string, count: number): void {
    this.#of(key).creations += count;
  }

  expectDeletion(key: string, uid: string): void {
    this.#of(key).deletions.add(uid);
  }

  /** Seen in the store, or failed. */
  creationSeen(key: string): void {
    const expected = this.#expected.get(key);
    if (expected !== undefined && expected.creations > 0) expected.creations--;
  }

  deletionSeen(key: string, uid: string): void {
    this.#expected.get(key)?.deletions.delete(uid);
  }

  satisfied(key: string): boolean {
    const expected = this.#expected.get(key);
    if (expected === undefined) return true;
    const open = expected.creations > 0 || expected.deletions.size > 0;
    if (open && this.#clock.monotonic() - expected.since < patienceMs) return false;
    this.#expected.delete(key);
    return true;
  }

  forget(key: string): void {
    this.#expected.delete(key);
  }

  #of(key: string): Expected {
    let expected = this.#expected.get(key);
    if (expected === undefined) {
      expected = { creations: 0, deletions: new Set(), since: this.#clock.monotonic() };
      this.#expected.set(key, expected);
    }
    expected.since = this.#clock.monotonic();
    return expected;
  }
}
