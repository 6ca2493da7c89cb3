/**
 * The order of CNI calls: one at a time per container, containers beside each other, and a garbage collection
 * only while no other call runs (SPEC section 3, Lifecycle & Ordering). Runtimes promise it; after a restart of
 * theirs, or with two of them, only we can keep it.
 */
export class AttachmentLocks {
  readonly #tails = new Map<string, Promise<unknown>>();
  #alone: Promise<unknown> = Promise.resolve();

  withContainer<T>(containerId: string, call: () => Promise<T>): Promise<T> {
    const before = Promise.allSettled([this.#tails.get(containerId), this.#alone]);
    const result = before.then(call);
    this.#remember(containerId, result);
    return result;
  }

  alone<T>(call: () => Promise<T>): Promise<T> {
    const before = Promise.allSettled([...this.#tails.values(), this.#alone]);
    const result = before.then(call);
    this.#alone = result.then(ignore, ignore);
    return result;
  }

  #remember(containerId: string, result: Promise<unknown>): void {
    const tail = result.then(ignore, ignore).then(() => {
      if (this.#tails.get(containerId) === tail) this.#tails.delete(containerId);
    });
    this.#tails.set(containerId, tail);
  }
}

function ignore(): void {}
