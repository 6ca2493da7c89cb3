/** Changes to a map that can still be given up: reads see them, `commit` makes them. */
export class Overlay<K, V> {
  readonly #base: Map<K, V>;
  readonly #changes = new Map<K, V | undefined>();

  constructor(base: Map<K, V>) {
    this.#base = base;
  }

  get(key: K): V | undefined {
    return this.#changes.has(key) ? this.#changes.get(key) : this.#base.get(key);
  }

  set(key: K, value: V): void {
    this.#changes.set(key, value);
  }

  delete(key: K): void {
    this.#changes.set(key, undefined);
  }

  /** What was changed, with the value before and after. */
  *changes(): Generator<{ key: K; before: V | undefined; after: V | undefined }> {
    for (const [key, after] of this.#changes) yield { key, before: this.#base.get(key), after };
  }

  commit(): void {
    for (const [key, value] of this.#changes) {
      if (value === undefined) this.#base.delete(key);
      else this.#base.set(key, value);
    }
  }
}
