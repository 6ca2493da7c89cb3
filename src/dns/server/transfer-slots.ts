/** Zone transfers of a server: a few at a time, the others wait for their turn, one of each address in the order of their coming. */
import { FairQueue } from './fair-queue.ts';

/** Each has a zone's records and some unread messages in memory, and takes its part of the event loop's turns. */
const defaultSlots = 4;
/** More wait in vain: their clients give up sooner. */
const maxWaiting = 1024;

export class TransferSlots {
  #free: number;
  readonly #waiting = new FairQueue<() => void>(maxWaiting);

  constructor(slots = defaultSlots) {
    this.#free = slots;
  }

  /** Resolves to what gives the slot back; to undefined where too many wait. */
  take(address: string): Promise<Disposable> | undefined {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve(this.#slot());
    }
    if (!this.#waiting.hasRoom(address)) return undefined;
    return new Promise((resolve) => this.#waiting.add(address, () => resolve(this.#slot())));
  }

  #slot(): Disposable {
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        const next = this.#waiting.take();
        if (next === undefined) this.#free++;
        else next();
      },
    };
  }
}
