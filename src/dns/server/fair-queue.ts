/**
 * Work of many sources, taken in turns: one piece of each, however much any of them has. What a source may have
 * waiting is an equal share of the room, so that one that floods loses of its own. Sources may be of groups, such as the addresses of
 * one IPv6 network, of which a single host may have as many as it likes: then groups take turns, and in a group its sources.
 */
interface Waiting<T> {
  items: T[];
  /** Those before it have been taken. */
  next: number;
}

interface Group<T> {
  /** In the order of their turns. */
  sources: Map<string, Waiting<T>>;
  size: number;
}

export class FairQueue<T> {
  readonly #room: number;
  readonly #groupOf: (source: string) => string;
  /** In the order of their turns. */
  readonly #groups = new Map<string, Group<T>>();
  #size = 0;

  /** Without `groupOf` each source is a group of its own. */
  constructor(room: number, groupOf = (source: string) => source) {
    this.#room = room;
    this.#groupOf = groupOf;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether the source's share has room for one more. In what is full there is some for one of each who has none waiting. */
  hasRoom(source: string): boolean {
    const key = this.#groupOf(source);
    const group = this.#groups.get(key);
    if (group === undefined) return this.#size < this.#room || this.#groups.size < this.#room;
    const share = this.#room / (this.#groups.size + 1);
    const own = group.sources.get(source);
    if (own === undefined) return group.sources.size < share;
    if (this.#size >= this.#room || group.size >= share) return false;
    return key === source || own.items.length - own.next < share / (group.sources.size + 1);
  }

  /** What `hasRoom` has said yes for. */
  add(source: string, item: T): void {
    const key = this.#groupOf(source);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { sources: new Map(), size: 0 };
      this.#groups.set(key, group);
    }
    const waiting = group.sources.get(source);
    if (waiting === undefined) group.sources.set(source, { items: [item], next: 0 });
    else waiting.items.push(item);
    group.size++;
    this.#size++;
  }

  take(): T | undefined {
    for (const [key, group] of this.#groups) {
      const item = takeFrom(group);
      this.#groups.delete(key);
      if (group.size > 0) this.#groups.set(key, group);
      this.#size--;
      return item;
    }
    return undefined;
  }
}

function takeFrom<T>(group: Group<T>): T {
  const [source, waiting] = group.sources.entries().next().value!;
  const item = waiting.items[waiting.next++]!;
  group.sources.delete(source);
  if (waiting.next < waiting.items.length) group.sources.set(source, shortened(waiting));
  group.size--;
  return item;
}

/** Forgets what has been taken, when it is most of the list. */
function shortened<T>(waiting: Waiting<T>): Waiting<T> {
  if (waiting.next < 64 || 2 * waiting.next < waiting.items.length) return waiting;
  return { items: waiting.items.slice(waiting.next), next: 0 };
}
