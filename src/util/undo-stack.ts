/**
 * Several changes in a row, undone in reverse order unless the whole succeeds:
 *
 *     await using undo = new UndoStack();
 *     createLink(); undo.push('link', deleteLink);
 *     …
 *     undo.commit();
 */
export class UndoStack implements AsyncDisposable {
  #steps: { what: string; undo: () => void | Promise<void> }[] = [];
  readonly #onError: (what: string, error: unknown) => void;

  /** `onError` hears of undo steps that fail; the others still run. */
  constructor(onError: (what: string, error: unknown) => void = () => {}) {
    this.#onError = onError;
  }

  push(what: string, undo: () => void | Promise<void>): void {
    this.#steps.push({ what, undo });
  }

  /** Keeps what was done. */
  commit(): void {
    this.#steps = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { what, undo } of this.#steps.splice(0).reverse()) {
      try {
        await undo();
      } catch (error) {
        this.#onError(what, error);
      }
    }
  }
}
