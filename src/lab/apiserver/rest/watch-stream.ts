/** A watch's events between the storage, which tells them at once, and a reader that takes its time. */
import type { KubeObject } from '../../../kube/meta.ts';

/** What a watch gives: objects are frozen and shared by all watchers. */
export type StreamEvent =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: KubeObject }
  | { type: 'BOOKMARK'; object: Bookmark }
  | { type: 'ERROR'; object: object };

export interface Bookmark {
  kind: string;
  apiVersion: string;
  metadata: { resourceVersion: string; creationTimestamp: null; annotations?: Record<string, string> };
}

/** A reader this far behind is cut off; it lists anew. */
const maxQueued = 100_000;

export class WatchStream implements AsyncIterable<StreamEvent> {
  #queue: StreamEvent[] = [];
  #closed = false;
  #wake: (() => void) | undefined;
  readonly #cleanups: (() => void)[] = [];

  push(event: StreamEvent): void {
    if (this.#closed) return;
    this.#queue.push(event);
    if (this.#queue.length > maxQueued) this.close();
    this.#wake?.();
  }

  /** Runs when the stream ends, by either side. */
  onClose(cleanup: () => void): void {
    if (this.#closed) cleanup();
    else this.#cleanups.push(cleanup);
  }

  /** Ends the stream after what is queued. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<StreamEvent> {
    try {
      for (;;) {
        const batch = this.#queue;
        this.#queue = [];
        yield* batch;
        if (this.#queue.length > 0) continue;
        if (this.#closed) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    } finally {
      this.close();
    }
  }
}
