/**
 * Queries of connections, taken in turns where more come than can be answered in one turn of the event loop: a client that has sent
 * thousands at once, over as many connections as it may have, is answered between the others, and datagrams are.
 */
import { FairQueue } from './fair-queue.ts';
import { networkOf } from './source-network.ts';

/** As many datagrams are answered in the same time. */
const queriesPerTurn = 32;

export class StreamTurns {
  #left = queriesPerTurn;
  #scheduled = false;
  /** Each connection stands in it once at the most: connections are counted elsewhere. */
  readonly #waiting = new FairQueue<() => void>(Number.POSITIVE_INFINITY, networkOf);

  /** Whether a query may be answered at once. */
  admits(): boolean {
    if (this.#left === 0 || this.#waiting.size > 0) return false;
    this.#left--;
    this.#schedule();
    return true;
  }

  /** Calls `serve` when it is the address's turn: for one query. */
  wait(address: string, serve: () => void): void {
    this.#waiting.add(address, serve);
    this.#schedule();
  }

  #schedule(): void {
    if (!this.#scheduled) setImmediate(() => this.#turn());
    this.#scheduled = true;
  }

  #turn(): void {
    this.#scheduled = false;
    this.#left = queriesPerTurn;
    while (this.#left > 0) {
      const serve = this.#waiting.take();
      if (serve === undefined) return;
      this.#left--;
      serve();
    }
    if (this.#waiting.size > 0) this.#schedule();
  }
}
