/** What a bench compares: a node whose Services are served in one way, on a machine of its own. */

import type { Machine } from './machine.ts';
import type { ClusterObjects } from './objects.ts';

export interface Contender {
  readonly name: string;
  readonly machine: Machine;
  /**
   * Brings exactly these Services in force; resolves once they are, with the milliseconds that it took.
   * @throws Error where that takes longer than the bench can wait
   */
  serve(objects: ClusterObjects): Promise<number>;
  /** Forgets connections that have ended: turns follow each other faster than any table's timeouts. */
  forget(): Promise<void>;
  close(): Promise<void>;
}

/** The baseline: nothing is translated, and no program is anywhere. */
export function plain(machine: Machine): Contender {
  return {
    name: 'plain veth',
    machine,
    serve: async () => 0,
    forget: async () => {},
    close: () => machine.close(),
  };
}
