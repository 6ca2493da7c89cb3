/** What controllers have in common: a queue of keys, filled by changes of stores, and a sync by key. */

import { isConflict, isNotFound } from '../../../kube/client/api-error.ts';
import type { KubeClient } from '../../../kube/client/client.ts';
import type { Informers } from '../../../kube/client/informers.ts';
import type { Clock } from '../../../util/clock.ts';
import { isError } from '../../../util/errors.ts';
import type { Logger } from '../../../util/logger.ts';
import { WorkQueue } from '../../../util/work-queue.ts';
import type { EventRecorder } from './event-recorder.ts';

/** What every controller is given. */
export interface ControllerContext {
  client: KubeClient;
  informers: Informers;
  events: EventRecorder;
  logger: Logger;
  clock: Clock;
}

/** A running controller. Made before the informers start; it works once they have synced. */
export interface Controller {
  readonly name: string;
  /** Stores are filled: begin to work. */
  start(): void;
  stop(): void;
}

export interface KeyedControllerOptions {
  name: string;
  sync: (key: string, queue: WorkQueue) => Promise<void>;
  concurrency?: number;
}

/** A controller whose queue takes keys at once and works on them after `start`. */
export function keyedController(
  context: ControllerContext,
  { name, sync, concurrency }: KeyedControllerOptions,
): { controller: Controller; queue: Pick<WorkQueue, 'add' | 'addAfter'> } {
  const logger = context.logger.child({ controller: name });
  const early = new Set<string>();
  let started = false;
  const work: WorkQueue = new WorkQueue({
    process: (key) => sync(key, work),
    concurrency,
    clock: context.clock,
    // Conflicts and losses of a race are how optimistic locking works; they are tried again in silence.
    onError: (error, key) => {
      const quiet = isConflict(error) || isNotFound(error) || isError(error, 'API_UNREACHABLE');
      logger[quiet ? 'debug' : 'warn']('sync failed, trying again', { key, error });
    },
  });
  const controller: Controller = {
    name,
    start() {
      started = true;
      for (const key of early) work.add(key);
      early.clear();
    },
    stop: () => work.stop(),
  };
  const add = (key: string) => {
    if (started) work.add(key);
    else early.add(key);
  };
  return { controller, queue: { add, addAfter: (key, ms) => work.addAfter(key, ms) } };
}

/** Ignores that the object is gone already. */
export async function unlessGone(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}
