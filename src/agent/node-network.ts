/**
 * The node's part of the pod network: routes to the other nodes, the own pod CIDRs, masquerade. Every change of
 * a Node object asks for a sync, which goes by all of them.
 */

import type { Informers } from '../kube/client/informers.ts';
import type { Store } from '../kube/client/store.ts';
import { resources } from '../kube/resources.ts';
import type { Node } from '../kube/types.ts';
import type { RouteNetlink } from '../linux/netlink/route-netlink.ts';
import { type Cidr, formatCidr, parseCidr } from '../net/cidr.ts';
import { formatIp, type Ip } from '../net/ip.ts';
import type { NodeBackend, SyncReport } from '../podnet/backend/node-backend.ts';
import { renderMasquerade } from '../podnet/masquerade.ts';
import { ensureOwnCidrs } from '../podnet/own-cidrs.ts';
import { BoundedRunner } from '../util/bounded-runner.ts';
import { type Clock, systemClock } from '../util/clock.ts';
import { describeError } from '../util/errors.ts';
import type { Logger } from '../util/logger.ts';
import { TimeSlice } from '../util/time-slice.ts';
import type { AgentConfig } from './config.ts';
import { type NodeFacts, nodeFacts } from './node-facts.ts';

export interface NodeNetworkOptions {
  config: Pick<AgentConfig, 'nodeName' | 'uplink' | 'clusterPodCidrs'>;
  /** The cluster's, as they are now; after a change of them `refresh` is called. */
  serviceCidrs: () => readonly Cidr[];
  informers: Informers;
  netlink: RouteNetlink;
  backend: NodeBackend;
  /** Applies a ruleset for nft(8) in the node's namespace. */
  applyRuleset: (text: string) => Promise<void>;
  /** Called with the own node's facts before the kernel is synced. */
  onOwnNode: (facts: NodeFacts, node: Node) => void;
  /** Called with the addresses of all nodes, when they are others than before. */
  onNodeIps: (ips: readonly Ip[]) => void;
  logger: Logger;
  clock?: Clock;
}

/** How often all is looked at without a reason: somebody may have removed what is ours. */
const resyncMs = 60_000;

export interface NodeNetworkStatus {
  synced: boolean;
  nodes: number;
  problems: SyncReport['problems'];
  lastError?: string;
}

export class NodeNetwork {
  readonly #options: NodeNetworkOptions;
  readonly #nodes: Store<Node>;
  readonly #runner: BoundedRunner;
  readonly #firstSync = Promise.withResolvers<void>();
  #status: NodeNetworkStatus = { synced: false, nodes: 0, problems: [] };
  readonly #facts = new WeakMap<Node, NodeFacts>();
  /** What is in the kernel, as far as is known. */
  #ruleset: string | undefined;
  #ownCidrs: string | undefined;
  #nodeIps: string | undefined;
  readonly #clock: Clock;
  #unsubscribe = () => {};
  #cancelResync = () => {};

  constructor(options: NodeNetworkOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#nodes = options.informers.store(resources.nodes);
    this.#runner = new BoundedRunner({
      run: () => this.#sync(),
      minIntervalMs: 50,
      clock: this.#clock,
      onError: (error) => {
        this.#status = { ...this.#status, lastError: describeError(error) };
        options.logger.error('cannot sync the node’s network', { error });
      },
    });
  }

  /** Begins to follow the Node objects. What an earlier agent left stays until they are known. */
  start(): void {
    this.#unsubscribe = this.#nodes.onChange(({ old, new: now }) => {
      if (old === undefined || now === undefined || factsText(old) !== factsText(now)) this.#runner.request();
      else if (now.metadata.name === this.#options.config.nodeName)
        this.#options.onOwnNode(nodeFacts(now), now);
    });
    void this.#nodes.synced().then(() => this.#runner.request());
    this.#scheduleResync();
  }

  stop(): void {
    this.#unsubscribe();
    this.#cancelResync();
    this.#runner.stop();
  }

  /** Routes that others had to the node's own blocks may be gone. */
  recheckOwnCidrs(): void {
    this.#ownCidrs = undefined;
    this.#runner.request();
  }

  /** The uplink or the Service CIDRs changed: sync soon. */
  refresh(): void {
    this.#runner.request();
  }

  /** Resolves once the kernel has been as all Node objects say, and the own one has a pod CIDR. */
  synced(): Promise<void> {
    return this.#firstSync.promise;
  }

  status(): NodeNetworkStatus {
    return this.#status;
  }

  #scheduleResync(): void {
    this.#cancelResync = this.#clock.after(resyncMs, () => {
      this.#ruleset = undefined;
      this.#ownCidrs = undefined;
      this.#runner.request();
      this.#scheduleResync();
    });
  }

  async #sync(): Promise<void> {
    if (!this.#nodes.hasSynced) return;
    const { config, backend, logger } = this.#options;
    const nodes = this.#nodes.list();
    const facts = await this.#factsOf(nodes);
    const own = nodes.findIndex(({ metadata }) => metadata.name === config.nodeName);
    if (own >= 0) {
      this.#options.onOwnNode(facts[own]!, nodes[own]!);
      this.#ensureOwnCidrs(facts[own]!.podCidrs);
    }
    const report = await backend.sync(facts.filter((_, i) => i !== own));
    const nodeIps = facts.flatMap(({ internalIps }) => internalIps);
    this.#tellNodeIps(nodeIps);
    await this.#syncMasquerade(nodeIps, facts);
    const known = new Set(this.#status.problems.map(problemText));
    for (const problem of report.problems)
      if (!known.has(problemText(problem))) logger.warn('a node’s pods cannot be reached', problem);
    this.#status = { synced: true, nodes: nodes.length, problems: report.problems };
    if (own >= 0 && facts[own]!.podCidrs.length > 0) this.#firstSync.resolve();
  }

  /** Each object once, and in slices: there are thousands, and heartbeats make new ones of them all the time. */
  async #factsOf(nodes: readonly Node[]): Promise<NodeFacts[]> {
    const slice = new TimeSlice();
    const all: NodeFacts[] = [];
    for (const node of nodes) {
      const facts = this.#facts.get(node) ?? nodeFacts(node);
      this.#facts.set(node, facts);
      all.push(facts);
      await slice.breathe();
    }
    return all;
  }

  #ensureOwnCidrs(cidrs: readonly Cidr[]): void {
    const text = cidrs.map(formatCidr).join();
    if (text === this.#ownCidrs) return;
    ensureOwnCidrs(this.#options.netlink, cidrs);
    this.#ownCidrs = text;
  }

  #tellNodeIps(ips: readonly Ip[]): void {
    const text = ips.map(formatIp).join();
    if (text === this.#nodeIps) return;
    this.#nodeIps = text;
    this.#options.onNodeIps(ips);
  }

  async #syncMasquerade(nodeIps: readonly Ip[], nodes: readonly NodeFacts[]): Promise<void> {
    const { config, applyRuleset } = this.#options;
    const text = renderMasquerade({
      uplink: config.uplink,
      podCidrs: config.clusterPodCidrs
        ? parseAll(config.clusterPodCidrs)
        : nodes.flatMap(({ podCidrs }) => podCidrs),
      serviceCidrs: this.#options.serviceCidrs(),
      nodeIps,
    });
    if (text === this.#ruleset) return;
    await applyRuleset(text);
    this.#ruleset = text;
  }
}

function parseAll(cidrs: readonly string[]): Cidr[] {
  return cidrs.map((cidr) => parseCidr(cidr));
}

/** To log a problem once and not with every sync. */
function problemText({ node, problem }: SyncReport['problems'][number]): string {
  return `${node}: ${problem}`;
}

/** Heartbeats change Node objects all the time; only this part of them is ours. */
function factsText(node: Node): string {
  return JSON.stringify([node.spec?.podCIDRs, node.spec?.podCIDR, node.status?.addresses]);
}
