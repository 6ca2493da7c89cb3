/** A watch's events between the storage, which tells them at once, and a reader that takes its time. */
import type { KubeObject } from '../../../kube/meta.ts';
import { jsonText } from '../json.ts';

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

/** A reader this far behind with changes, as JSON, is cut off; it watches or lists anew. */
const maxWaitingBytes = 8 * 1024 * 1024;
/** So few are not measured: readers in this process have no use for JSON, and are never far behind. */
const unmeasured = 64;

export class WatchStream implements AsyncIterable<StreamEvent> {
  #queue: StreamEvent[] = [];
  #waitingBytes = 0;
  #closed = false;
  #wake: (() => void) | undefined;
  readonly #cleanups: (() => void)[] = [];

  /** For what is there when the watch begins: as much as it is. */
  push(event: StreamEvent): void {
    if (this.#closed) return;
    this.#queue.push(event);
    this.#wake?.();
  }

  /** For what happens later, while the reader may have stopped reading. */
  pushChange(event: StreamEvent): void {
    if (this.#queue.length >= unmeasured) this.#waitingBytes += jsonText(event.object).length;
    if (this.#waitingBytes > maxWaitingBytes) this.#cutOff();
    else this.push(event);
  }

  #cutOff(): void {
    this.#queue = [];
    this.close();
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
        this.#waitingBytes = 0;
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
