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

const nothing: readonly StreamEvent[] = [];

/**
 * Read in one of two ways: by iterating, or, where a thousand watchers make a step of the event loop for each event
 * too much, by `take` whenever `onReady` is called.
 */
export class WatchStream implements AsyncIterable<StreamEvent> {
  #queue: StreamEvent[] = [];
  #waitingBytes = 0;
  #closed = false;
  #ready: (() => void) | undefined;
  #present: ((event: StreamEvent) => StreamEvent) | undefined;
  readonly #cleanups: (() => void)[] = [];

  /** For what is there when the watch begins: as much as it is. */
  push(event: StreamEvent): void {
    if (this.#closed) return;
    this.#queue.push(event);
    this.#ready?.();
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

  /** In what form the reader gets events. */
  presentAs(present: (event: StreamEvent) => StreamEvent): void {
    this.#present = present;
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
    this.#ready?.();
  }

  /** No event comes after those that are queued. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** All that is queued; what comes later is counted anew. */
  take(): readonly StreamEvent[] {
    if (this.#queue.length === 0) return nothing;
    const batch = this.#queue;
    this.#queue = [];
    this.#waitingBytes = 0;
    return this.#present === undefined ? batch : batch.map(this.#present);
  }

  /** Called whenever there is more to take, or the end, from within what made it; not for what is there already. */
  onReady(ready: (() => void) | undefined): void {
    this.#ready = ready;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<StreamEvent> {
    try {
      for (;;) {
        // Of an empty batch too it takes the event loop a step, in which more may come.
        yield* this.take();
        if (this.#queue.length > 0) continue;
        if (this.#closed) return;
        await new Promise<void>((resolve) => this.onReady(resolve));
        this.onReady(undefined);
      }
    } finally {
      this.close();
    }
  }
}
