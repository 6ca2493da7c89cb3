/** Items by key, as many as there is room for: a new one then takes the place of any (CoreDNS plugin/pkg/cache). */

/** CoreDNS divides the room among 256 shards of four items at the least. */
const shards = 256;

export class ItemStore<T> {
  readonly capacity: number;
  readonly #places = new Map<string, { key: string; item: T; at: number }>();
  readonly #order: { key: string; item: T; at: number }[] = [];

  constructor(size: number) {
    this.capacity = Math.max(Math.floor(size / shards), 4) * shards;
  }

  get size(): number {
    return this.#order.length;
  }

  get(key: string): T | undefined {
    return this.#places.get(key)?.item;
  }

  /** True where another item had to go. */
  set(key: string, item: T): boolean {
    const known = this.#places.get(key);
    if (known !== undefined) {
      known.item = item;
      return false;
    }
    const full = this.#order.length >= this.capacity;
    if (full) this.delete(this.#order[Math.floor(Math.random() * this.#order.length)]!.key);
    const place = { key, item, at: this.#order.length };
    this.#order.push(place);
    this.#places.set(key, place);
    return full;
  }

  delete(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    this.#places.delete(key);
    const last = this.#order.pop()!;
    if (last === place) return;
    last.at = place.at;
    this.#order[place.at] = last;
  }
}
