/**
 * Which Corefile the cluster's DNS servers serve: each takes a changed one at its own time, some ten seconds up to
 * minutes after the ConfigMap. Servers with the plugin `prometheus` show it (`coredns_reload_version_info`), CoreDNS's
 * from their first reload on; of those that show nothing it is known from the time that has passed.
 */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { EndpointSlice } from '../kube/types.ts';
import type { Clock } from '../util/clock.ts';

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

export interface ServerWatchOptions {
  /** Addresses of the servers that pods here ask, one each. */
  servers: () => readonly string[];
  /** The text of a server's metrics. */
  read: (address: string, port: number) => Promise<string>;
  clock: Clock;
}

export type ServerReport = (disagreement: string | undefined) => void;

const pollMs = 1000;

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
    const waiting = this.#options.servers().filter((address) => !this.#agreed.has(address));
    const problems = await Promise.all(waiting.map((address) => this.#ask(address)));
    if (this.#stopped) return;
    const problem = problems.find((one) => one !== undefined);
    this.#report(problem);
    if (problem !== undefined) this.#cancel = this.#options.clock.after(pollMs, () => void this.#poll());
  }

  async #ask(address: string): Promise<string | undefined> {
    const { metricsPort } = this.#corefile;
    const shown = await this.#options.read(address, metricsPort).then(shownIn, () => undefined);
    const problem = this.#problemOf(address, shown);
    if (problem === undefined) this.#agreed.add(address);
    return problem;
  }

  #problemOf(address: string, shown: Shown | undefined): string | undefined {
    const { versions, changedAt, reloadMs } = this.#corefile;
    const { version, failures = 0, startedAt } = shown ?? {};
    const isAnother = version !== undefined && !versions.includes(version);
    const known = isAnother ? failures : (this.#failures.get(address) ?? failures);
    if (shown !== undefined) this.#failures.set(address, known);
    if (version !== undefined) {
      if (isAnother) return `the DNS server ${address} does not serve the changed Corefile yet`;
      return failures > known ? `the DNS server ${address} refuses the changed Corefile` : undefined;
    }
    if (startedAt !== undefined && startedAt > changedAt) return undefined;
    if (changedAt === 0) return undefined;
    if (reloadMs === undefined)
      return `the DNS server ${address} takes the changed Corefile when it is started anew: there is no reload in it`;
    return this.#options.clock.now() - changedAt > reloadMs
      ? undefined
      : `the DNS server ${address} may not serve the changed Corefile yet`;
  }
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

/**
 * Of the slices of a Service the ready endpoints that pods of a node are sent to, one address for each pod: those for
 * the node by hint, where there are any, else all.
 */
export function serversFor(node: string, slices: readonly EndpointSlice[]): string[] {
  const ready = slices
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false);
  const near = ready.filter(({ hints }) => hints?.forNodes?.some(({ name }) => name === node));
  const byPod = new Map<string, string>();
  for (const { addresses, targetRef } of near.length > 0 ? near : ready)
    for (const address of addresses.slice(0, 1)) {
      const pod = targetRef?.uid ?? address;
      if (!byPod.has(pod)) byPod.set(pod, address);
    }
  return [...byPod.values()];
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
