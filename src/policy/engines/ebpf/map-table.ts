/** One map of the datapath and what was last written to it: later writes are the difference. */
import type { BpfMap } from '../../../linux/bpf/bpf.ts';
import { isError } from '../../../util/errors.ts';
import type { TimeSlice } from '../../../util/time-slice.ts';
import type { Encoding } from './encode.ts';

export class MapTable<V> {
  readonly #map: BpfMap;
  readonly #encoding: Encoding<V>;
  readonly #written: Map<string, V>;
  #problem: string | undefined;

  /** Knows what an earlier process wrote. */
  constructor(map: BpfMap, encoding: Encoding<V>) {
    this.#map = map;
    this.#encoding = encoding;
    this.#written = new Map([...map.entries()].map(([key, value]) => encoding.read(key, value)));
  }

  has(name: string): boolean {
    return this.#written.has(name);
  }

  get(name: string): V | undefined {
    return this.#written.get(name);
  }

  get size(): number {
    return this.#written.size;
  }

  /** Why not all of the last `add` is in the map. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** @throws TendrilError MAP_FULL */
  set(name: string, value: V): void {
    this.#map.update(this.#encoding.key(name, value), this.#encoding.value(value));
    this.#written.set(name, value);
  }

  /**
   * Writes what is not there as wanted; what finds no room is left out, which is told by `problem`.
   * @param only names of those that may differ; all unless given
   * @returns how many were new, and how many were otherwise before
   */
  async add(
    wanted: ReadonlyMap<string, V>,
    slice: TimeSlice,
    only?: ReadonlySet<string>,
  ): Promise<{ added: number; changed: number }> {
    let [added, changed] = [0, 0];
    this.#problem = undefined;
    for (const name of only ?? wanted.keys()) {
      const value = wanted.get(name);
      if (value === undefined) continue;
      const before = this.#written.get(name);
      if (before !== undefined && this.#encoding.same(before, value)) continue;
      if (!this.#tryToSet(name, value)) continue;
      if (before === undefined) added++;
      else changed++;
      await slice.breathe();
    }
    return { added, changed };
  }

  /** @returns how many went */
  async removeOthers(
    wanted: ReadonlyMap<string, V>,
    slice: TimeSlice,
    only?: ReadonlySet<string>,
  ): Promise<number> {
    let removed = 0;
    for (const name of only ?? this.#written.keys()) {
      const value = this.#written.get(name);
      if (value === undefined || wanted.has(name)) continue;
      this.#map.delete(this.#encoding.key(name, value));
      this.#written.delete(name);
      removed++;
      await slice.breathe();
    }
    return removed;
  }

  #tryToSet(name: string, value: V): boolean {
    try {
      this.set(name, value);
      return true;
    } catch (error) {
      if (!isError(error, 'MAP_FULL')) throw error;
      this.#problem ??= error.message;
      return false;
    }
  }
}
