/** One source that feeds several streams stops while any of them has more than its reader takes. */
import type { Readable } from 'node:stream';

export class Brake {
  readonly #source: { pause(): unknown; resume(): unknown };
  readonly #holders = new Set<object>();

  constructor(source: { pause(): unknown; resume(): unknown }) {
    this.#source = source;
  }

  /** Gives the stream more; one that is destroyed takes nothing and stops nobody. */
  feed(stream: Readable, data: Uint8Array): void {
    if (!stream.destroyed && !stream.push(data)) this.hold(stream);
  }

  /** The source waits for whoever this is too, until it is released. */
  hold(holder: object): void {
    if (this.#holders.has(holder)) return;
    this.#holders.add(holder);
    this.#source.pause();
  }

  /** For a stream's `read`, and when it is destroyed: it wants more, or never any again. */
  release(holder: object): void {
    if (this.#holders.delete(holder) && this.#holders.size === 0) this.#source.resume();
  }
}
