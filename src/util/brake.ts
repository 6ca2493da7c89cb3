/** One source that feeds several streams stops while any of them has more than its reader takes. */
import type { Readable } from 'node:stream';

export class Brake {
  readonly #source: { pause(): unknown; resume(): unknown };
  readonly #full = new Set<Readable>();

  constructor(source: { pause(): unknown; resume(): unknown }) {
    this.#source = source;
  }

  /** Gives the stream more; one that is destroyed takes nothing and stops nobody. */
  feed(stream: Readable, data: Uint8Array): void {
    if (stream.destroyed || stream.push(data) || this.#full.has(stream)) return;
    this.#full.add(stream);
    this.#source.pause();
  }

  /** For the stream's `read`, and when it is destroyed: it wants more, or never any again. */
  release(stream: Readable): void {
    if (this.#full.delete(stream) && this.#full.size === 0) this.#source.resume();
  }
}
