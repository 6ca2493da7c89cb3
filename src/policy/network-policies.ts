/**
 * NetworkPolicies on one node: stores → calculator → bounded runner → engine. What the kernel holds is pinned and goes on
 * without this process.
 */
import type { KubeClient } from '../kube/client/client.ts';
import { followRevision, type Revision } from '../kube/client/revision.ts';
import type { Store } from '../kube/client/store.ts';
import { resources } from '../kube/resources.ts';
import type { Namespace, NetworkPolicy, Pod } from '../kube/types.ts';
import { formatIp, type Ip } from '../net/ip.ts';
import { BoundedRunner } from '../util/bounded-runner.ts';
import type { Clock } from '../util/clock.ts';
import { describeError, TendrilError } from '../util/errors.ts';
import type { Logger } from '../util/logger.ts';
import type { MetricRegistry } from '../util/metrics.ts';
import { TimeSlice } from '../util/time-slice.ts';
import { judge } from './judge.ts';
import { isSamePod } from './model/same-pod.ts';
import { createPolicyCalculator, type LocalPod, type PolicyCalculator } from './policy-calculator.ts';
import type { PodConnection, PolicyEngine, PolicyEngineStatus } from './policy-engine.ts';
import { registerPolicyMetrics } from './policy-metrics.ts';
import type { PolicyState } from './policy-state.ts';

export interface NetworkPoliciesOptions {
  policies: Store<NetworkPolicy>;
  namespaces: Store<Namespace>;
  /** Of all pods; asked for with the first policy. */
  pods: () => Store<Pod>;
  client: Pick<KubeClient, 'get'>;
  engine: PolicyEngine;
  localPods: () => Iterable<LocalPod>;
  /** What a pod's own sockets tell. @throws where they cannot be asked */
  connectionsOf: (pod: LocalPod) => readonly PodConnection[];
  /** Told after each change that is in force. */
  onEnforced?: () => void;
  metrics: MetricRegistry;
  clock: Clock;
  logger: Logger;
}

export interface NetworkPoliciesStatus extends PolicyEngineStatus {
  /** Whether all that is known is in force. */
  enforced: boolean;
  /** Newest resourceVersion of NetworkPolicies that is in force. */
  revision: string;
}

/** So that a burst of changes is one. */
const syncEveryMs = 10;
const collectEveryMs = 5000;
const collectWhenCrowdedEveryMs = 1000;
/** A runtime asks again for a pod whose policies could not be put into force by then. */
const admitMs = 10_000;
const triedAgain = 'the runtime tries again';

export class NetworkPolicies {
  readonly #options: NetworkPoliciesOptions;
  readonly #calculator: PolicyCalculator;
  readonly #runner: BoundedRunner;
  readonly #revision: Revision;
  readonly #synced = Promise.withResolvers<void>();
  /** For whom the next sync is. */
  #waiting: PromiseWithResolvers<void>[] = [];
  #inForce: PolicyState | undefined;
  #inForceRevision = 0n;
  #problem: string | undefined;
  #cancelCollection = () => {};
  #stopped = false;

  constructor(options: NetworkPoliciesOptions) {
    this.#options = options;
    const { policies, namespaces, pods, localPods, clock } = options;
    this.#runner = new BoundedRunner({
      run: () => this.#sync(),
      minIntervalMs: syncEveryMs,
      onError: (error) => this.#failed(error),
      clock,
    });
    const onChange = () => this.#runner.request();
    this.#calculator = createPolicyCalculator({ policies, namespaces, pods, localPods, onChange });
    this.#revision = followRevision([policies], onChange);
    registerPolicyMetrics(options.metrics, () => this.status());
    this.#scheduleCollection();
    this.refresh();
  }

  /** Resolves once all policies are in force for the first time. */
  synced(): Promise<void> {
    return this.#synced.promise;
  }

  /** Pods of this node have come or gone. */
  refresh(): void {
    this.#runner.request();
  }

  /**
   * Before a pod of this node has its interface: resolves once its policies are in force; until then nothing passes.
   * @throws TendrilError POLICY_UNKNOWN, MAP_FULL
   */
  async admit(pod: LocalPod): Promise<void> {
    const { engine } = this.#options;
    if (this.#calculator.hasPolicies(pod.namespace) === undefined) {
      // The API is away, and when it was last heard there was no policy.
      if (engine.known() === 'none') return;
      await this.#within(this.#options.policies.synced(), {
        problem: "the cluster's NetworkPolicies are not known yet",
        remedy: `See in the agent's log whether it reaches the API and may list networkpolicies; ${triedAgain}.`,
      });
    }
    if (!this.#calculator.hasPolicies(pod.namespace)) return this.refresh();
    engine.close(pod.ips);
    await this.#within(this.#inForceFor(pod), {
      problem: `NetworkPolicies of ${pod.namespace}/${pod.name} are not in force`,
      remedy: `See what is in the way on this node: tendril policy list -A; ${triedAgain}.`,
    });
  }

  /**
   * Whether policies of this node's pods let a connection through; undefined while they are not known.
   * @param protocol IANA's number
   */
  allows(from: Ip, to: Ip, protocol: number, port: number): boolean | undefined {
    const state = this.#inForce;
    if (state === undefined) return this.#options.engine.known() === 'none' ? true : undefined;
    return (
      judge(state, { pod: from, direction: 'egress', peer: to, protocol, port }) &&
      judge(state, { pod: to, direction: 'ingress', peer: from, protocol, port })
    );
  }

  status(): NetworkPoliciesStatus {
    const engine = this.#options.engine.status();
    const problem = this.#problem ?? this.#calculator.problem ?? engine.problem;
    return {
      ...engine,
      enforced: this.#inForce !== undefined && problem === undefined,
      revision: String(this.#inForceRevision),
      ...(problem !== undefined && { problem }),
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelCollection();
    this.#revision.stop();
    this.#calculator.close();
    this.#runner.stop();
    await this.#runner.idle();
  }

  async #inForceFor({ namespace, name, uid }: LocalPod): Promise<void> {
    const { pods, client } = this.#options;
    const known = pods().get(`${namespace}/${name}`);
    if (known === undefined || !isSamePod(known, uid))
      this.#calculator.know(await client.get(resources.pods, { namespace, name }));
    const next = Promise.withResolvers<void>();
    this.#waiting.push(next);
    this.#runner.request();
    await next.promise;
  }

  async #within(
    done: Promise<void>,
    { problem, remedy }: { problem: string; remedy: string },
  ): Promise<void> {
    const { clock } = this.#options;
    const late = Promise.withResolvers<never>();
    const cancel = clock.after(admitMs, () =>
      late.reject(new TendrilError('POLICY_UNKNOWN', `${problem} after ${admitMs / 1000} s`, { remedy })),
    );
    try {
      await Promise.race([done, late.promise]);
    } catch (error) {
      if (error instanceof TendrilError && error.code === 'POLICY_UNKNOWN') throw error;
      throw new TendrilError('POLICY_UNKNOWN', problem, { cause: error, remedy });
    } finally {
      cancel();
    }
  }

  async #sync(): Promise<void> {
    if (this.#stopped || !this.#calculator.hasSynced) return;
    const waiting = this.#waiting.splice(0);
    try {
      const revision = this.#revision.newest();
      const slice = new TimeSlice();
      await this.#calculator.settle(() => slice.breathe());
      const state = this.#calculator.state();
      this.#rememberConnections(state);
      await this.#options.engine.sync(state, this.#options.policies.list().length > 0);
      this.#inForce = state;
      this.#inForceRevision = revision;
      this.#problem = undefined;
    } catch (error) {
      // The next run is theirs too.
      this.#waiting.unshift(...waiting);
      throw error;
    }
    for (const { resolve } of waiting) resolve();
    this.#synced.resolve();
    this.#options.onEnforced?.();
  }

  /** Of pods that run and are judged from now on: who sends next may be who only answers. */
  #rememberConnections({ pods }: PolicyState): void {
    const { engine, localPods, connectionsOf, logger } = this.#options;
    if (pods.size === 0) return;
    for (const pod of localPods()) {
      const { namespace, name } = pod;
      if (!pod.ips.some((ip) => pods.has(formatIp(ip)) && !engine.judges(ip))) continue;
      try {
        engine.remember(connectionsOf(pod));
      } catch (error) {
        logger.warn('connections of a pod that policies isolate now are not known', {
          namespace,
          name,
          error,
        });
      }
    }
  }

  #failed(error: unknown): void {
    this.#problem = describeError(error);
    this.#options.logger.error('NetworkPolicies could not be put into force; trying again', { error });
  }

  #scheduleCollection(everyMs = collectEveryMs): void {
    if (this.#stopped) return;
    this.#cancelCollection = this.#options.clock.after(everyMs, () => void this.#collect());
  }

  async #collect(): Promise<void> {
    let crowded = false;
    try {
      ({ crowded } = await this.#options.engine.collect());
    } catch (error) {
      this.#options.logger.error('connections that policies allowed could not be collected', { error });
    }
    this.#scheduleCollection(crowded ? collectWhenCrowdedEveryMs : collectEveryMs);
  }
}
