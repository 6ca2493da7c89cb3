/** Network namespaces, by handle: an open descriptor that keeps the namespace alive (namespaces(7)). */

export interface NetnsHandle extends Disposable {
  readonly fd: number;
  /** The path it was opened by, for messages. */
  readonly path: string;
  /** Device and inode: two handles of the same namespace have the same id. */
  readonly id: string;
  close(): void;
}
