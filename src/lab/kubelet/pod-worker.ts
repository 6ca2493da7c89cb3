/**
 * One pod's life on its node. The worker plans (pod-plan.ts), starts a task for every action, and plans again when a
 * task ends, the object changes or a time comes. Tasks never overlap on the same thing: the record says what is under
 * way. All state is in the record; all API writing is in the status writer.
 */
import { rm } from 'node:fs/promises';
import { isConflict, isNotFound } from '../../kube/client/api-error.ts';
import { parseQuantity } from '../../kube/quantity.ts';
import { resources } from '../../kube/resources.ts';
import type { Pod } from '../../kube/types.ts';
import { Backoff } from '../../util/backoff.ts';
import { describeError } from '../../util/errors.ts';
import { rejection } from './admission.ts';
import { ContainerRunner } from './container-runner.ts';
import { backOffText } from './container-status.ts';
import type { EventText } from './event-recorder.ts';
import { eventSubject } from './event-subject.ts';
import type { NodeContext } from './node-context.ts';
import { podPaths } from './pod-directory.ts';
import { type PodAction, planPod } from './pod-plan.ts';
import {
  type ContainerRecord,
  newPodRecord,
  type PodRecord,
  takeEphemeral,
  type Verdict,
} from './pod-record.ts';
import { createSandbox, removeSandbox } from './pod-sandbox.ts';
import { podStatus } from './pod-status.ts';
import { isLimited } from './resource-limits.ts';
import { sharedPidNamespace } from './shared-pid-namespace.ts';
import { StatusWriter } from './status-writer.ts';
import { evictionMessage, isStorageLimited } from './storage-limits.ts';
import { storageUse } from './storage-use.ts';
import type { PayloadContext } from './volumes/payload.ts';
import { PodVolumes } from './volumes/pod-volumes.ts';
import { TokenSource } from './volumes/token-source.ts';

const leastGraceMs = 1000;
/** kubelet's immediateEvictionGracePeriodSeconds. */
const evictionGraceMs = 1000;

export class PodWorker {
  readonly record: PodRecord;
  readonly #context: NodeContext;
  readonly #runners: Map<string, ContainerRunner>;
  readonly #volumes: PodVolumes;
  readonly #status: StatusWriter;
  readonly #onGone: () => void;
  readonly #backoff = new Backoff({ initialMs: 200, maxMs: 10_000 });
  readonly #tokens: TokenSource;
  #pod: Pod;
  #queued = false;
  #stopped = false;
  #cancelWake: (() => void) | undefined;

  /** `onGone` is called when nothing is left of the pod on the node or in the API. */
  constructor(pod: Pod, context: NodeContext, onGone: () => void) {
    const { paths, clock, client } = context;
    const { volumes } = podPaths(paths, pod.metadata.uid);
    this.#pod = pod;
    this.#context = context;
    this.#onGone = onGone;
    this.record = newPodRecord(pod, clock.now());
    this.#volumes = new PodVolumes({
      ...{ directory: volumes, hostPath: paths.hostPath, claims: paths.claims, host: context.host },
      memory: parseQuantity(context.allocatable.memory),
    });
    this.#status = new StatusWriter(pod, { client, clock });
    this.#tokens = new TokenSource({ client, clock, onStale: () => this.#refreshVolumes() });
    this.#runners = new Map(this.record.containers.map((c) => [c.name, this.#runner(c)]));
    this.#admit();
    this.update(pod);
  }

  get pod(): Pod {
    return this.#pod;
  }

  /** The object has changed. */
  update(pod: Pod): void {
    this.#pod = pod;
    for (const c of takeEphemeral(this.record, pod)) this.#runners.set(c.name, this.#runner(c));
    if (pod.metadata.deletionTimestamp !== undefined) {
      const { deletionGracePeriodSeconds: own } = pod.metadata;
      this.#end((own ?? pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000);
    }
    this.#queue();
  }

  /** The object is gone from the API. */
  remove(last: Pod): void {
    this.#pod = last;
    this.record.api = 'gone';
    this.#status.stop();
    this.#end((last.metadata.deletionGracePeriodSeconds ?? 0) * 1000);
    this.#queue();
  }

  /** ConfigMaps or Secrets of the pod's namespace have changed: what waits for them tries again. */
  configChanged(): void {
    const { record } = this;
    record.volumesRetryAt = undefined;
    for (const container of record.containers)
      if (container.state === 'waiting') container.holdUntil = undefined;
    this.#refreshVolumes();
    this.#queue();
  }

  #refreshVolumes(): void {
    if (this.record.volumes === 'ready') void this.#volumes.refresh(this.#pod, this.#payload());
  }

  /** A Service of the pod's namespace has changed. */
  servicesChanged(): void {
    for (const runner of this.#runners.values()) {
      runner
        .servicesChanged()
        .catch((error) =>
          this.#context.logger.warn('ports not added', { pod: this.#pod.metadata.name, error }),
        );
    }
  }

  /** Looks at what the pod uses of what it has a limit of. */
  async checkLimits(): Promise<void> {
    const { record } = this;
    if (record.sandbox !== 'ready') return;
    if (isLimited(this.#pod, 'memory'))
      for (const runner of this.#runners.values()) await runner.endIfOomKilled();
    if (record.verdict || record.deletion || !isStorageLimited(this.#pod)) return;
    const paths = podPaths(this.#context.paths, this.#pod.metadata.uid);
    const message = evictionMessage(this.#pod, await storageUse(this.#pod, paths));
    if (message === undefined || record.verdict || this.#stopped) return;
    this.#fail({ reason: 'Evicted', message, graceMs: evictionGraceMs }, 'Warning');
  }

  networkChanged(): void {
    if (this.record.sandbox === 'absent') this.#queue();
  }

  /** Leaves everything as it is. */
  stop(): void {
    this.#stopped = true;
    this.#cancelWake?.();
    this.#tokens.stop();
    this.#status.stop();
    for (const runner of this.#runners.values()) runner.release();
  }

  #admit(): void {
    this.record.verdict = rejection(this.#pod, this.#context);
    if (this.record.verdict !== undefined) this.#event({ type: 'Warning', ...this.record.verdict });
  }

  #end(graceMs: number): void {
    const deadline = this.#context.clock.now() + Math.max(leastGraceMs, graceMs);
    if (this.record.deletion && this.record.deletion.deadline <= deadline) return;
    this.record.deletion = { deadline };
    for (const runner of this.#runners.values()) runner.hasten(deadline);
  }

  #runner(record: ContainerRecord): ContainerRunner {
    return new ContainerRunner({
      context: this.#context,
      pod: () => this.#pod,
      podRecord: this.record,
      ...{ record, volumes: this.#volumes },
      pidNamespaceOf: () => sharedPidNamespace(this.#pod, this.record, record),
      changed: () => this.#queue(),
      event: (text, container) => this.#event(text, container),
    });
  }

  /** Plans after what is running now; several requests make one plan. */
  #queue(): void {
    if (this.#queued || this.#stopped) return;
    this.#queued = true;
    queueMicrotask(() => {
      this.#queued = false;
      if (!this.#stopped) this.#sync();
    });
  }

  #sync(): void {
    const { clock, networkReady, node } = this.#context;
    const now = clock.now();
    const plan = planPod({ pod: this.#pod, record: this.record, now, networkReady: networkReady() });
    for (const action of plan.actions) this.#carryOut(action);
    const previous = this.#status.latest ?? this.#pod.status;
    const status = podStatus({ pod: this.#pod, record: this.record, hostIps: node.ips, now, previous });
    if (this.record.api === 'present') this.#status.write(status);
    this.#cancelWake?.();
    this.#cancelWake = undefined;
    if (plan.wakeAt !== undefined) this.#cancelWake = clock.after(plan.wakeAt - now, () => this.#queue());
    if (this.record.api === 'gone' && this.record.sandbox === 'removed') this.#finish();
  }

  #carryOut(action: PodAction): void {
    const task = this.#taskOf(action);
    if (task) this.#task(task);
    else this.#note(action);
  }

  #taskOf(action: PodAction): Promise<void> | undefined {
    switch (action.do) {
      case 'prepare-volumes':
        return this.#prepareVolumes();
      case 'create-sandbox':
        return this.#createSandbox();
      case 'start':
        return this.#runners.get(action.container)!.start();
      case 'stop':
        return this.#runners.get(action.container)!.stop(action.graceMs);
      case 'tear-down':
        return this.#tearDown();
      case 'delete-object':
        return this.#deleteObject();
      default:
        return undefined;
    }
  }

  #note(action: PodAction): void {
    if (action.do === 'await-network') this.#awaitNetwork();
    else if (action.do === 'hold') this.#hold(action.container, action.until);
    else if (action.do === 'initialized') this.record.initialized = true;
    else if (action.do === 'fail') this.#fail({ reason: action.reason, message: action.message }, 'Normal');
  }

  #fail(verdict: Verdict, type: EventText['type']): void {
    this.record.verdict = verdict;
    this.#event({ type, reason: verdict.reason, message: verdict.message });
    this.#queue();
  }

  /** A task reports its own failures; what it throws is a bug and must not be lost. */
  #task(task: Promise<void>): void {
    task
      .catch((error) =>
        this.#context.logger.error('pod task failed', { pod: this.#pod.metadata.name, error }),
      )
      .finally(() => this.#queue());
  }

  async #prepareVolumes(): Promise<void> {
    const { record } = this;
    record.volumes = 'making';
    try {
      await this.#volumes.prepare(this.#pod, this.#payload());
      record.volumes = 'ready';
      record.volumesRetryAt = undefined;
      record.problem = undefined;
    } catch (error) {
      record.volumes = 'absent';
      record.volumesRetryAt = this.#context.clock.now() + this.#backoff.next();
      this.#trouble('FailedMount', describeError(error));
    }
  }

  async #createSandbox(): Promise<void> {
    const { record } = this;
    record.sandbox = 'making';
    try {
      record.ips = await createSandbox(this.#pod, this.#context);
      record.sandbox = 'ready';
      record.sandboxRetryAt = undefined;
      record.problem = undefined;
    } catch (error) {
      record.sandbox = 'absent';
      record.sandboxRetryAt = this.#context.clock.now() + this.#backoff.next();
      this.#trouble('FailedCreatePodSandBox', `Failed to create pod sandbox: ${describeError(error)}`);
    }
  }

  #awaitNetwork(): void {
    const message = `network is not ready: ${this.#context.networkProblem()}`;
    if (this.record.problem?.message === message) return;
    this.#trouble('NetworkNotReady', message);
  }

  #trouble(reason: string, message: string): void {
    this.record.problem = {
      reason: this.record.initialized ? 'ContainerCreating' : 'PodInitializing',
      message,
    };
    this.#event({ type: 'Warning', reason, message });
  }

  #hold(name: string, until: number): void {
    const container = this.record.containers.find((c) => c.name === name)!;
    container.holdUntil = until;
    const wait = backOffText(container.backoff.delayMs);
    const message = `Back-off ${wait} restarting failed container ${name} in pod ${this.#pod.metadata.name}`;
    this.#event({ type: 'Warning', reason: 'BackOff', message }, name);
  }

  async #tearDown(): Promise<void> {
    const { record } = this;
    const made = record.sandbox === 'ready';
    record.sandbox = 'removing';
    try {
      if (made) await removeSandbox(this.#pod, this.#context);
      await this.#volumes.remove();
      record.volumes = 'removed';
      record.sandbox = 'removed';
    } catch (error) {
      record.sandbox = 'ready';
      record.sandboxRetryAt = this.#context.clock.now() + this.#backoff.next();
      this.#event({ type: 'Warning', reason: 'FailedKillPod', message: describeError(error) });
    }
  }

  /** The node's last word: the final status first, so that watchers see how the pod ended. */
  async #deleteObject(): Promise<void> {
    const { client, logger, clock } = this.#context;
    const { name, namespace, uid } = this.#pod.metadata;
    this.record.api = 'deleting';
    await this.#status.flushed();
    try {
      const options = { gracePeriodSeconds: 0, preconditions: { uid } };
      await client.delete(resources.pods, { namespace, name }, options);
    } catch (error) {
      if (isNotFound(error) || isConflict(error)) return;
      logger.warn('pod not deleted, will be tried again', { pod: name, error });
      await clock.sleep(this.#backoff.next());
      if (this.record.api === 'deleting') this.record.api = 'present';
    }
  }

  #finish(): void {
    this.stop();
    const { root } = podPaths(this.#context.paths, this.#pod.metadata.uid);
    const told = (error: unknown) =>
      this.#context.logger.error('files of a pod remain', { pod: this.#pod.metadata.name, root, error });
    void rm(root, { recursive: true, force: true }).catch(told).then(this.#onGone);
  }

  #payload(): PayloadContext {
    const { node, config, allocatable } = this.#context;
    const fields = { pod: this.#pod, hostIps: node.ips, podIps: this.record.ips, allocatable };
    const { namespace = 'default' } = this.#pod.metadata;
    const token = (audience?: string, seconds?: number) => this.#tokens.token(this.#pod, audience, seconds);
    return { config: config(namespace), fields, token };
  }

  #event(text: EventText, container?: string): void {
    this.#context.events.record(eventSubject(this.#pod, this.record, container), text);
  }
}
