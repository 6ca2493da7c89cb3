/**
 * Writes pods' statuses to the API: only when changed, one request at a time per pod, and of several changes that
 * come while one is under way only the last. The steps of a pod's start follow each other within milliseconds and
 * every write is told to all who watch pods: they wait a moment for the next one. What others act on does not wait.
 */
import { isDeepStrictEqual } from 'node:util';
import { isConflict, isNotFound } from '../../kube/client/api-error.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import { resources } from '../../kube/resources.ts';
import type { Pod } from '../../kube/types.ts';
import { Backoff } from '../../util/backoff.ts';
import type { Clock } from '../../util/clock.ts';
import type { PodStatus } from './pod-status.ts';

/** While nothing runs yet there is more to come. */
const stepMs = { Pending: 1000, Running: 150 };
const startReasons = new Set(['ContainerCreating', 'PodInitializing']);

function isReady({ conditions = [] }: PodStatus): boolean {
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

function isStarting(status: PodStatus): boolean {
  const { phase, containerStatuses = [], initContainerStatuses = [] } = status;
  if ((phase !== 'Pending' && phase !== 'Running') || isReady(status)) return false;
  return [...containerStatuses, ...initContainerStatuses].every(
    ({ state, restartCount }) =>
      restartCount === 0 &&
      !state?.terminated &&
      (!state?.waiting || startReasons.has(state.waiting.reason ?? '')),
  );
}

export class StatusWriter {
  readonly #pod: Pod;
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #backoff = new Backoff({ initialMs: 100, maxMs: 10_000 });
  #sent: PodStatus | undefined;
  #sending: PodStatus | undefined;
  #wanted: PodStatus | undefined;
  #running: Promise<void> | undefined;
  /** Ends the wait for a next step. */
  #hurry: (() => void) | undefined;
  #stopped = false;

  constructor(pod: Pod, options: { client: KubeClient; clock: Clock }) {
    this.#pod = pod;
    this.#client = options.client;
    this.#clock = options.clock;
  }

  /** Returns at once; the write follows. */
  write(status: PodStatus): void {
    if (isSame(status, this.latest)) return;
    this.#wanted = status;
    if (!this.#isStep(status)) this.#hurry?.();
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** What the API has, or is about to have. */
  get latest(): PodStatus | undefined {
    return this.#wanted ?? this.#sending ?? this.#sent;
  }

  /** Resolves when the last status is with the API, or the pod is gone from it. */
  async flushed(): Promise<void> {
    this.#hurry?.();
    while (this.#running) await this.#running;
  }

  stop(): void {
    this.#stopped = true;
    this.#hurry?.();
  }

  async #run(): Promise<void> {
    while (this.#wanted !== undefined && !this.#stopped) {
      if (this.#isStep(this.#wanted)) await this.#nextStep(this.#wanted.phase);
      const status = this.#wanted;
      this.#wanted = undefined;
      if (isSame(status, this.#sent)) continue;
      await this.#send(status);
    }
  }

  /** On the way to its first readiness, and nothing has gone wrong. */
  #isStep(status: PodStatus): boolean {
    return isStarting(status) && !isReady(this.#sent ?? this.#pod.status ?? {});
  }

  #nextStep(phase: string | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.after(phase === 'Running' ? stepMs.Running : stepMs.Pending, resolve);
    this.#hurry = () => {
      cancel();
      resolve();
    };
    return promise.finally(() => {
      this.#hurry = undefined;
    });
  }

  async #send(status: PodStatus): Promise<void> {
    const { name, namespace, uid } = this.#pod.metadata;
    this.#sending = status;
    try {
      await this.#client.patch(
        resources.pods,
        { namespace, name },
        {
          type: 'application/strategic-merge-patch+json',
          // The uid makes the patch fail for a successor of the same name.
          body: { metadata: { uid }, status },
          subresource: 'status',
        },
      );
      this.#sent = status;
      this.#backoff.reset();
    } catch (error) {
      if (isNotFound(error) || isConflict(error)) return this.stop();
      this.#wanted ??= status;
      await this.#clock.sleep(this.#backoff.next());
    }
  }
}

/** A removal (null) is the same as absence once it has been told. */
function isSame(a: PodStatus, b: PodStatus | undefined): boolean {
  return b !== undefined && isDeepStrictEqual(withoutNulls(a), withoutNulls(b));
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, field]) => field !== null && field !== undefined);
  return Object.fromEntries(kept.map(([key, field]) => [key, withoutNulls(field)]));
}
