/**
 * Cluster DNS at this node's pods: by what the cluster's Corefile says, the kernel answers for the cluster zone what the
 * DNS servers would, or leaves every question to them.
 *
 *     Corefile ──► CorefileFollower ──┐
 *     Services, slices, namespaces ──► ClusterIndex ──► ZoneFeed ──► FastPath ──► maps, programs at pods
 */
import { join } from 'node:path';
import type { FastPath, FastPathOptions, FastPathState } from '../dns/fastpath/fast-path.ts';
import type { AnswerSample } from '../dns/fastpath/samples.ts';
import { ZoneFeed } from '../dns/fastpath/zone-feed.ts';
import type { Counters, ZoneSettings } from '../dns/fastpath/zone-maps.ts';
import type { ZoneDecision, ZonePlan } from '../dns/fastpath/zone-plan.ts';
import { type ClusterChange, ClusterIndex } from '../dns/plugins/kubernetes/cluster-index.ts';
import { kubernetesDefaults } from '../dns/plugins/kubernetes/options.ts';
import { ZoneLookup } from '../dns/plugins/kubernetes/zone-lookup.ts';
import type { KubeClient } from '../kube/client/client.ts';
import type { Informers } from '../kube/client/informers.ts';
import type { Store } from '../kube/client/store.ts';
import { resources } from '../kube/resources.ts';
import type { EndpointSlice } from '../kube/types.ts';
import { type Ip, tryParseIp } from '../net/ip.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import { AnsweredPods, type AnsweredPodsOptions } from './answered-pods.ts';
import type { AgentConfig } from './config.ts';
import { CorefileFollower } from './dns-corefile.ts';
import { placesFor, podTimes, readMetrics, type ServerWatchOptions, serversFor } from './dns-servers.ts';
import type { PodDatapath } from './pod-network.ts';

const dnsService = { namespace: 'kube-system', name: 'kube-dns' };
/** Several times in the kernel's term (`termMs`). */
const renewMs = 10_000;
/** Who asks waits no longer than two seconds, and may not be the only one. */
const sampleMs = 500;
const dnsServiceKey = `${dnsService.namespace}/${dnsService.name}`;
/** The largest answer over UDP, as the servers have it (DNS flag day 2020). */
const udpBytes = 1232;

export interface DnsPathOptions {
  informers: Informers;
  fastPath: FastPath;
  /** The node's own. */
  nodeName: string;
  /** Metrics of a DNS server; absent: by HTTP. */
  readMetrics?: (address: string, port: number) => Promise<string>;
  podTimes: ServerWatchOptions['podTimes'];
  /** Whether a pod may ask a server; undefined while that is not known. All may unless given. */
  isLetTo?: AnsweredPodsOptions['isLetTo'];
  clock: Clock;
  logger: Logger;
}

export interface DnsPathStatus {
  kernel: FastPathState;
  counters: Counters;
}

export type SampledAnswer = Omit<AnswerSample, 'time'> & { time: number };

export interface DnsPathParts {
  config: Pick<AgentConfig, 'nodeName' | 'objectsDirectory' | 'bpfDirectory' | 'mapSizes' | 'dnsFastPath'>;
  informers: Informers;
  client: KubeClient;
  /** Absent: every question goes to the DNS servers. */
  openFastPath?: (options: Omit<FastPathOptions, 'bpf'>) => FastPath;
  isLetTo?: AnsweredPodsOptions['isLetTo'];
  clock: Clock;
  logger: Logger;
}

/** Undefined where it is switched off or cannot be had, which is told once: pods ask the servers, as they do everywhere. */
export function openDnsPath({
  config,
  informers,
  client,
  openFastPath,
  isLetTo,
  clock,
  logger,
}: DnsPathParts): DnsPath | undefined {
  const { objectsDirectory, bpfDirectory, mapSizes } = config;
  const own = logger.child({ component: 'dns' });
  if (openFastPath === undefined) return undefined;
  try {
    const pinDirectory = join(bpfDirectory, 'dns');
    const fastPath = openFastPath({
      objectsDirectory,
      pinDirectory,
      ...(mapSizes && { mapSizes }),
      logger: own,
    });
    const { nodeName } = config;
    const timesOf: DnsPathOptions['podTimes'] = (pod) => podTimes(client, pod);
    if (config.dnsFastPath !== 'off')
      return new DnsPath({
        ...{ informers, fastPath, nodeName, podTimes: timesOf, clock, logger: own },
        ...(isLetTo && { isLetTo }),
      });
    // An earlier agent's programs may be at pods, and answer as long as they may.
    fastPath.stop('it is switched off');
    fastPath.close();
    return undefined;
  } catch (error) {
    own.error('cluster DNS is not answered in the kernel', { error });
    return undefined;
  }
}

export class DnsPath {
  readonly #fastPath: FastPath;
  readonly #logger: Logger;
  readonly #corefile: CorefileFollower;
  readonly #slices: Store<EndpointSlice>;
  readonly #index: ClusterIndex;
  readonly #unsubscribe: (() => void)[] = [];
  readonly #clock: Clock;
  #cancelRenewal = () => {};
  #closed = false;
  readonly #answered: AnsweredPods;
  #feed: { feed: ZoneFeed; lookup: ZoneLookup } | undefined;

  constructor(options: DnsPathOptions) {
    const { informers, fastPath, nodeName, clock, logger } = options;
    this.#fastPath = fastPath;
    this.#logger = logger;
    this.#clock = clock;
    this.#slices = informers.store(resources.endpointSlices);
    this.#answered = new AnsweredPods({
      servers: () => (this.#slices.hasSynced ? placesFor(nodeName, this.#dnsSlices()) : undefined),
      isLetTo: options.isLetTo ?? (() => true),
      attach: (ifindex) => this.#attach(ifindex),
      detach: (ifindex) => void fastPath.detachPod(ifindex),
    });
    this.#corefile = new CorefileFollower({
      ...{ informers, clock, inForce: fastPath.inForce() },
      servers: () => serversFor(nodeName, this.#dnsSlices()),
      read: options.readMetrics ?? readMetrics,
      podTimes: options.podTimes,
      onDecision: (decision) => this.#decide(decision),
    });
    const stores = {
      namespaces: informers.store(resources.namespaces),
      services: informers.store(resources.services),
      slices: this.#slices,
    };
    this.#index = new ClusterIndex({
      stores,
      endpointPodNames: false,
      reverse: false,
      now: () => clock.now(),
    });
    const all = [this.#corefile, ...Object.values(stores)];
    // Until all is known the kernel goes on with what an earlier agent has told it.
    Promise.all(all.map((store) => store.synced())).then(() => this.#begin());
  }

  /** The datapath with questions answered ahead of it; what is attached to a pod's device goes with that. */
  aheadOf(datapath: PodDatapath): PodDatapath {
    return {
      attachPod: (pod) => {
        datapath.attachPod(pod);
        this.#answered.add(pod.ifindex, pod.ips);
      },
      detachPod: (ifindex) => {
        this.#answered.remove(ifindex);
        datapath.detachPod(ifindex);
      },
      detachPodOf: (ips) => datapath.detachPodOf(ips),
      retainPods: (ifindexes) => {
        const kept = new Set(ifindexes);
        this.#answered.retain(kept);
        datapath.retainPods(kept);
      },
    };
  }

  /** What NetworkPolicies let pods do is other than it was. */
  policiesChanged(): void {
    this.#answered.refresh();
  }

  /** A pod without it asks the servers: no reason to refuse the pod. */
  #attach(ifindex: number): void {
    try {
      this.#fastPath.attachPod(ifindex);
    } catch (error) {
      this.#logger.error('cluster DNS of a pod is not answered in the kernel', { ifindex, error });
      // An earlier agent's program may be there, with maps that are told nothing any more.
      this.#fastPath.detachPod(ifindex);
    }
  }

  status(): DnsPathStatus {
    return { kernel: this.#fastPath.state(), counters: this.#fastPath.counters() };
  }

  /** What the kernel answers in the next half second, one answer of so many; times are ms since the epoch. */
  async answers(every: number): Promise<SampledAnswer[]> {
    const samples = await this.#fastPath.sample(every, () => this.#clock.sleep(sampleMs));
    const bootMs = this.#clock.now() - Number(process.hrtime.bigint() / 1_000_000n);
    return samples.map(({ time, ...rest }) => ({ time: bootMs + Number(time / 1_000_000n), ...rest }));
  }

  /** Ends this process's part: the kernel goes on answering. */
  close(): void {
    this.#closed = true;
    this.#cancelRenewal();
    this.#corefile.close();
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    this.#feed?.lookup.close();
    this.#index.close();
    this.#fastPath.close();
  }

  #begin(): void {
    if (this.#closed) return;
    this.#unsubscribe.push(this.#index.onChange((change) => this.#onChange(change)));
    this.#fastPath.setServers(this.#servers());
    this.#answered.refresh();
    this.#corefile.start();
    this.#keepAnswering();
  }

  /** Also while the API is away: the servers go on then too. */
  #keepAnswering(): void {
    this.#cancelRenewal = this.#clock.after(renewMs, () => {
      this.#keepAnswering();
      try {
        this.#fastPath.renew();
      } catch (error) {
        this.#logger.error('the kernel cannot be kept answering cluster DNS', { error });
      }
    });
  }

  #decide(decision: ZoneDecision): void {
    this.#feed?.lookup.close();
    this.#feed = undefined;
    if ('obstacle' in decision) {
      const { obstacle } = decision;
      const state = this.#fastPath.state();
      if (state.answering || state.reason !== obstacle)
        this.#logger.info('the kernel leaves cluster DNS to the servers', { because: obstacle });
      this.#fastPath.stop(obstacle);
    } else this.#follow(decision);
  }

  #follow({ zone, ttl, recursive }: ZonePlan): void {
    const options = { ...kubernetesDefaults, zones: [zone], ttl, serverIps: () => this.#servers() };
    const lookup = new ZoneLookup(this.#index, options);
    const feed = new ZoneFeed({ index: this.#index, lookup, zone });
    this.#feed = { feed, lookup };
    const settings = (): ZoneSettings => ({
      zone,
      ttl,
      recursive,
      udpBytes,
      serial: this.#index.serials.internal,
    });
    this.#settled(this.#fastPath.follow(feed, settings));
  }

  #onChange(change: ClusterChange): void {
    if ('service' in change && change.service === dnsServiceKey) {
      this.#fastPath.setServers(this.#servers());
      this.#answered.refresh();
    }
    const { feed } = this.#feed ?? {};
    if (feed !== undefined) this.#settled(this.#fastPath.changed(feed.changedBy(change)));
  }

  /** The Service's addresses, and those of the servers themselves: sockets are translated to them. */
  #servers(): Ip[] {
    const { local } = this.#index;
    const own = local
      .endpoints(dnsServiceKey)
      .flatMap(({ endpoints }) => endpoints.map(({ address }) => address));
    return [...(local.service(dnsServiceKey)?.ips ?? []), ...own].flatMap((text) => tryParseIp(text) ?? []);
  }

  #dnsSlices(): EndpointSlice[] {
    return this.#slices
      .list()
      .filter(
        ({ metadata: { namespace, labels } }) =>
          namespace === dnsService.namespace && labels?.['kubernetes.io/service-name'] === dnsService.name,
      );
  }

  #settled(done: Promise<void>): void {
    done.catch((error) => this.#logger.error('the kernel cannot be told of cluster DNS', { error }));
  }
}
