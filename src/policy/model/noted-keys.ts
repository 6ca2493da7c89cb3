/** Keys of what has changed, as long as they are few enough to be worth telling. */
const limit = 10_000;

export class NotedKeys {
  #keys: Set<string> | undefined = new Set();

  add(key: string): void {
    this.#keys?.add(key);
    if (this.#keys && this.#keys.size > limit) this.#keys = undefined;
  }

  get isEmpty(): boolean {
    return this.#keys?.size === 0;
  }

  /** Those since the last time; undefined: too many. */
  take(): ReadonlySet<string> | undefined {
    const keys = this.#keys;
    this.#keys = new Set();
    return keys;
  }
}
