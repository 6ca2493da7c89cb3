/**
 * Work of many sources, taken in turns: one piece of each, however much any of them has. What a source may have
 * waiting is an equal share of the room, so that one that floods loses of its own.
 */
interface Waiting<T> {
  items: T[];
  /** Those before it have been taken. */
  next: number;
}

export class FairQueue<T> {
  readonly #room: number;
  /** In the order of their turns. */
  readonly #sources = new Map<string, Waiting<T>>();
  #size = 0;

  constructor(room: number) {
    this.#room = room;
  }

  get size(): number {
    return this.#size;
  }

  waitingOf(source: string): number {
    const waiting = this.#sources.get(source);
    return waiting === undefined ? 0 : waiting.items.length - waiting.next;
  }

  /** Whether the source's share has room for one more. */
  hasRoom(source: string): boolean {
    if (this.#size >= this.#room) return this.#sources.size < this.#room && !this.#sources.has(source);
    return this.waitingOf(source) < this.#room / (this.#sources.size + 1);
  }

  /** What `hasRoom` has said yes for. */
  add(source: string, item: T): void {
    const waiting = this.#sources.get(source);
    if (waiting === undefined) this.#sources.set(source, { items: [item], next: 0 });
    else waiting.items.push(item);
    this.#size++;
  }

  take(): T | undefined {
    for (const [source, waiting] of this.#sources) {
      const item = waiting.items[waiting.next++]!;
      this.#sources.delete(source);
      if (waiting.next < waiting.items.length) this.#sources.set(source, shortened(waiting));
      this.#size--;
      return item;
    }
    return undefined;
  }
}

/** Forgets what has been taken, when it is most of the list. */
function shortened<T>(waiting: Waiting<T>): Waiting<T> {
  if (waiting.next < 64 || 2 * waiting.next < waiting.items.length) return waiting;
  return { items: waiting.items.slice(waiting.next), next: 0 };
}
