/**
 * Keeps the node's object, its conditions and its lease. The network's readiness is asked often while it is not ready,
 * since pods wait for it, and rarely after.
 */
import { isAlreadyExists, isNotFound } from '../../kube/client/api-error.ts';
import { resources } from '../../kube/resources.ts';
import type { Lease, Node } from '../../kube/types.ts';
import { Backoff } from '../../util/backoff.ts';
import { describeError } from '../../util/errors.ts';
import type { NodeContext } from './node-context.ts';
import { type NodeCondition, nodeConditions, nodeLabels, nodeStatus, type Readiness } from './node-object.ts';

const heartbeatMs = 10_000;
const leaseSeconds = 40;
/** How often the network is asked while pods wait for it: at first, and after `eagerForMs`. */
const eagerMs = 25;
const eagerForMs = 10_000;
const patientMs = 1000;
const leaseNamespace = 'kube-node-lease';

export class NodeRegistration {
  readonly #context: Omit<NodeContext, 'networkReady' | 'networkProblem'>;
  readonly #onNetwork: () => void;
  readonly #stop = new AbortController();
  readonly #started = Promise.withResolvers<void>();
  #readiness: Readiness = { ready: false, message: notReady('the network has not been asked yet') };
  #conditions: NodeCondition[] = [];
  #runtimeIsDown = false;
  #notReadySince = 0;
  #wake: (() => void) | undefined;

  /** `onNetwork` is called whenever the network becomes ready or ceases to be. */
  constructor(context: Omit<NodeContext, 'networkReady' | 'networkProblem'>, onNetwork: () => void) {
    this.#context = context;
    this.#onNetwork = onNetwork;
  }

  get readiness(): Readiness {
    return this.#readiness;
  }

  /** Resolves when the node is registered with its addresses; heartbeats go on until `stop`. */
  start(): Promise<void> {
    void this.#registered().then(() => {
      this.#started.resolve();
      void this.#heartbeats();
      void this.#watchNetwork();
    }, this.#started.reject);
    return this.#started.promise;
  }

  stop(): void {
    this.#stop.abort();
    this.#wake?.();
  }

  /** Nothing can be started on the node any more. */
  runtimeDown(): void {
    this.#runtimeIsDown = true;
    this.#wake?.();
  }

  /** The network may have become ready: ask it now. */
  networkChanged(): void {
    this.#wake?.();
  }

  async #registered(): Promise<void> {
    const backoff = new Backoff({ initialMs: 50, maxMs: 5000 });
    for (;;) {
      try {
        return await this.#register();
      } catch (error) {
        if (this.#stop.signal.aborted) throw error;
        this.#context.logger.warn('node not registered, will be tried again', { error });
        await this.#context.clock.sleep(backoff.next(), this.#stop.signal);
      }
    }
  }

  async #register(): Promise<void> {
    const { client, node, clock } = this.#context;
    const labels = nodeLabels(node);
    this.#conditions = nodeConditions(this.#readiness, [], clock.now());
    const status = nodeStatus(node, this.#conditions);
    try {
      await client.create<Node>(resources.nodes, {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: node.name, labels },
        spec: {},
        status,
      });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const type = 'application/merge-patch+json';
      await client.patch(resources.nodes, { name: node.name }, { type, body: { metadata: { labels } } });
    }
    // Merged by type, two addresses of type InternalIP would become one: the whole status is replaced once.
    await this.#patchStatus(status, 'application/merge-patch+json');
  }

  async #patchStatus(
    status: unknown,
    type: 'application/merge-patch+json' | 'application/strategic-merge-patch+json',
  ) {
    const { client, node } = this.#context;
    await client.patch(
      resources.nodes,
      { name: node.name },
      { type, body: { status }, subresource: 'status' },
    );
  }

  async #heartbeats(): Promise<void> {
    const { clock, logger } = this.#context;
    while (!this.#stop.signal.aborted) {
      await this.#renewLease().catch((error) => logger.warn('node lease not renewed', { error }));
      await this.#stayRegistered().catch((error) => logger.warn('node not registered again', { error }));
      await clock.sleep(heartbeatMs, this.#stop.signal).catch(() => {});
    }
  }

  /** Somebody may have deleted the Node object while the node lives. */
  async #stayRegistered(): Promise<void> {
    const { client, node } = this.#context;
    try {
      await client.get(resources.nodes, { name: node.name });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await this.#register();
    }
  }

  async #renewLease(): Promise<void> {
    const { client, node, clock } = this.#context;
    const renewTime = new Date(clock.now()).toISOString().replace('Z', '000Z');
    const spec = { holderIdentity: node.name, leaseDurationSeconds: leaseSeconds, renewTime };
    const type = 'application/merge-patch+json';
    const key = { namespace: leaseNamespace, name: node.name };
    try {
      await client.patch(resources.leases, key, { type, body: { spec } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      const metadata = { name: node.name, namespace: leaseNamespace };
      await client.create<Lease>(resources.leases, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata,
        spec,
      });
    }
  }

  async #watchNetwork(): Promise<void> {
    this.#notReadySince = this.#context.clock.now();
    while (!this.#stop.signal.aborted) {
      await this.#askNetwork();
      const ms = this.#readiness.ready ? heartbeatMs : this.#notReadyMs();
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      const timer = new AbortController();
      await Promise.race([woken, this.#context.clock.sleep(ms, timer.signal).catch(() => {})]);
      timer.abort();
    }
  }

  #notReadyMs(): number {
    return this.#context.clock.now() - this.#notReadySince < eagerForMs ? eagerMs : patientMs;
  }

  async #askNetwork(): Promise<void> {
    const { logger, clock } = this.#context;
    const next = await this.#askedReadiness();
    const before = this.#readiness;
    this.#readiness = next;
    if (next.ready !== before.ready) {
      this.#notReadySince = clock.now();
      this.#onNetwork();
    }
    if (next.ready === before.ready && next.message === before.message) return;
    await this.#reportConditions().catch((error) => logger.warn('node status not written', { error }));
  }

  async #askedReadiness(): Promise<Readiness> {
    const down = { ready: false, message: 'container runtime is down' };
    if (this.#runtimeIsDown) return down;
    const asked = await this.#context.cni.status().then(
      (): Readiness => ({ ready: true, message: 'kubelet is posting ready status' }),
      (error): Readiness => ({ ready: false, message: notReady(describeError(error)) }),
    );
    // It may have died meanwhile, and the network with it.
    return this.#runtimeIsDown ? down : asked;
  }

  async #reportConditions(): Promise<void> {
    this.#conditions = nodeConditions(this.#readiness, this.#conditions, this.#context.clock.now());
    await this.#patchStatus({ conditions: this.#conditions }, 'application/strategic-merge-patch+json');
  }
}

function notReady(why: string): string {
  return `container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:${why}`;
}
