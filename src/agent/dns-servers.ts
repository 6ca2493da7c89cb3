/**
 * Which Corefile the cluster's DNS servers serve: each takes a changed one at its own time, some ten seconds up to
 * minutes after the ConfigMap. Servers with the plugin `prometheus` show it (`coredns_reload_version_info`), CoreDNS's
 * from their first reload on; of those that show nothing it is known from the time that has passed.
 */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { KubeClient } from '../kube/client/client.ts';
import { resources } from '../kube/resources.ts';
import type { EndpointSlice } from '../kube/types.ts';
import { tryParseIp } from '../net/ip.ts';
import type { Clock } from '../util/clock.ts';
import type { DnsPlace } from './answered-pods.ts';

/** A Corefile, as far as it is needed to know it again at a server. */
export interface KnownCorefile {
  /** What servers may show for it. */
  versions: readonly string[];
  /** ms since the epoch; 0 where it is long since, or unknown. */
  changedAt: number;
  /** The port of the servers' metrics. */
  metricsPort: number;
  /** After so many ms every server with `reload` has taken it; undefined without `reload`. */
  reloadMs: number | undefined;
}

export interface DnsServer {
  address: string;
  /** The pod that it is, where it is one. */
  pod?: PodReference;
}

export interface PodReference {
  namespace: string;
  name: string;
  uid: string;
}

/**
 * When a pod was made, and since when all of its containers run that do; ms since the epoch. Which of them is the server is
 * not known: that another one was started anew says nothing of it.
 */
export interface PodTimes {
  created: number;
  started: number;
}

export interface ServerWatchOptions {
  /** The ready servers that pods here ask. */
  servers: () => readonly DnsServer[];
  /** The text of a server's metrics. */
  read: (address: string, port: number) => Promise<string>;
  /** Undefined where the pod is another by now. Asked only of servers that do not show which Corefile they serve. */
  podTimes: (pod: PodReference) => Promise<PodTimes | undefined>;
  clock: Clock;
}

export type ServerReport = (disagreement: string | undefined) => void;

/** A kubelet looks at a pod's ConfigMaps once a minute, half as long again at the most, and may have them from a cache of a minute. */
export const kubeletMs = 150_000;
const pollMs = 1000;
/** A pod is looked at less often: it may take days until somebody starts it anew. */
const podPollMs = 10_000;

/** What a server shows of itself. */
interface Shown {
  version: string | undefined;
  failures: number;
  /** ms since the epoch. */
  startedAt: number | undefined;
}

/** Asks the servers for one Corefile until all have it. */
export class ServerWatch {
  readonly #options: ServerWatchOptions;
  readonly #corefile: KnownCorefile;
  readonly #report: ServerReport;
  readonly #agreed = new Set<string>();
  /** Failed reloads of each server before it showed this Corefile: a later one is this Corefile's. */
  readonly #failures = new Map<string, number>();
  /** By pods' uids; `at`: when they were asked for. */
  readonly #podTimes = new Map<string, { at: number; times: PodTimes | undefined }>();
  #cancel = () => {};
  #stopped = false;

  /** `report` is told what a server still lacks, and at last, once, undefined. */
  constructor(options: ServerWatchOptions & { corefile: KnownCorefile; report: ServerReport }) {
    this.#options = options;
    this.#corefile = options.corefile;
    this.#report = options.report;
    void this.#poll();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  async #poll(): Promise<void> {
    const servers = this.#options.servers();
    const waiting = servers.filter(({ address }) => !this.#agreed.has(address));
    const problems = await Promise.all(waiting.map((server) => this.#ask(server)));
    if (this.#stopped) return;
    const problem =
      servers.length === 0 ? 'no DNS server is ready' : problems.find((one) => one !== undefined);
    this.#report(problem);
    if (problem !== undefined) this.#cancel = this.#options.clock.after(pollMs, () => void this.#poll());
  }

  async #ask({ address, pod }: DnsServer): Promise<string | undefined> {
    const { metricsPort, reloadMs, changedAt } = this.#corefile;
    const shown = await this.#options.read(address, metricsPort).then(shownIn, () => undefined);
    const { startedAt } = shown ?? {};
    const showsNoVersion = shown?.version === undefined && changedAt > 0;
    const mayHaveBegunWithIt = startedAt === undefined ? reloadMs === undefined : startedAt > changedAt;
    const times = showsNoVersion && mayHaveBegunWithIt ? await this.#timesOf(pod) : undefined;
    const problem = this.#problemOf(address, shown, times);
    if (problem === undefined) this.#agreed.add(address);
    return problem;
  }

  async #timesOf(pod: PodReference | undefined): Promise<PodTimes | undefined> {
    if (pod === undefined) return undefined;
    const known = this.#podTimes.get(pod.uid);
    const at = this.#options.clock.now();
    if (known !== undefined && at - known.at < podPollMs) return known.times;
    const times = await this.#options.podTimes(pod).catch(() => undefined);
    this.#podTimes.set(pod.uid, { at, times });
    return times;
  }

  #problemOf(address: string, shown: Shown | undefined, times: PodTimes | undefined): string | undefined {
    const { versions, changedAt, reloadMs } = this.#corefile;
    const { version, failures = 0, startedAt } = shown ?? {};
    const isAnother = version !== undefined && !versions.includes(version);
    const known = isAnother ? failures : (this.#failures.get(address) ?? failures);
    if (shown !== undefined) this.#failures.set(address, known);
    if (version !== undefined) {
      if (isAnother) return `the DNS server ${address} does not serve the changed Corefile yet`;
      return failures > known ? `the DNS server ${address} refuses the changed Corefile` : undefined;
    }
    if (changedAt === 0) return undefined;
    if (beganWith(changedAt, { ...times, ...(startedAt !== undefined && { started: startedAt }) }))
      return undefined;
    if (reloadMs === undefined)
      return `the DNS server ${address} takes the changed Corefile when it is started anew: there is no reload in it`;
    return this.#options.clock.now() - changedAt > reloadMs
      ? undefined
      : `the DNS server ${address} may not serve the changed Corefile yet`;
  }
}

/** A pod that is made later has the Corefile as it is by then; a container that is started anew, what the kubelet has put there meanwhile. */
function beganWith(changedAt: number, { created = 0, started = 0 }: Partial<PodTimes>): boolean {
  return created > changedAt || started > changedAt + kubeletMs;
}

function shownIn(metrics: string): Shown {
  const found = (pattern: RegExp) => pattern.exec(metrics)?.[1];
  const started = found(/^process_start_time_seconds (\S+)$/m);
  return {
    version: found(/^coredns_reload_version_info\{[^}\n]*value="([^"\n]*)"[^}\n]*\} 1$/m),
    failures: Number(found(/^coredns_reload_failed_total (\S+)$/m) ?? 0),
    startedAt: started === undefined ? undefined : Number(started) * 1000,
  };
}

/** One address for each pod of those that pods of the node are sent to. */
export function serversFor(node: string, slices: readonly EndpointSlice[]): DnsServer[] {
  const byPod = new Map<string, DnsServer>();
  for (const { addresses, targetRef } of endpointsFor(node, slices))
    for (const address of addresses.slice(0, 1)) {
      const { namespace, name, uid } = targetRef ?? {};
      const key = uid ?? address;
      const pod = namespace && name && uid ? { namespace, name, uid } : undefined;
      if (!byPod.has(key)) byPod.set(key, { address, ...(pod && { pod }) });
    }
  return [...byPod.values()];
}

/** Where these answer datagrams: their own addresses of both families. */
export function placesFor(node: string, slices: readonly EndpointSlice[]): DnsPlace[] {
  return endpointsFor(node, slices).flatMap(({ addresses, ports }) => {
    const port = ports.find(({ protocol }) => protocol === 'UDP')?.port;
    return addresses.flatMap((address) => {
      const ip = tryParseIp(address);
      return ip && port !== undefined ? { ip, port } : [];
    });
  });
}

/** Of a Service's ready endpoints those that pods of a node are sent to: those for the node by hint, where there are any, else all. */
function endpointsFor(node: string, slices: readonly EndpointSlice[]) {
  const ready = slices
    .flatMap(({ endpoints, ports }) =>
      (endpoints ?? []).map((endpoint) => ({ ...endpoint, ports: ports ?? [] })),
    )
    .filter(({ conditions }) => conditions?.ready !== false);
  const near = ready.filter(({ hints }) => hints?.forNodes?.some(({ name }) => name === node));
  return near.length > 0 ? near : ready;
}

/** Undefined where the pod is gone or another. @throws TendrilError API, API_UNREACHABLE */
export async function podTimes(
  client: KubeClient,
  { namespace, name, uid }: PodReference,
): Promise<PodTimes | undefined> {
  const pod = await client.get(resources.pods, { namespace, name });
  if (pod.metadata.uid !== uid) return undefined;
  const starts = (pod.status?.containerStatuses ?? []).map(({ state }) =>
    Date.parse(state?.running?.startedAt ?? ''),
  );
  const known = starts.filter((time) => !Number.isNaN(time));
  const started = known.length === 0 ? 0 : Math.min(...known);
  return { created: Date.parse(pod.metadata.creationTimestamp ?? '') || 0, started };
}

const longestMetricsMs = 2000;

/** @throws Error where they cannot be had within two seconds */
export async function readMetrics(address: string, port: number): Promise<string> {
  const signal = AbortSignal.timeout(longestMetricsMs);
  const call = request({ host: address, port, path: '/metrics', agent: false, signal }).end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) {
    response.destroy();
    throw new Error(`status ${response.statusCode}`);
  }
  return await text(response);
}
