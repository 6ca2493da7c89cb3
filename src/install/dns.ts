/**
 * Cluster DNS passes from whoever answers it to Tendril's servers, and back, while pods ask for names:
 *
 *     to ours    ours are Ready and in the Service beside the others → the others end
 *     back       the others are Ready and in the Service beside ours → ours may end
 *
 * In between each waits until proxies have heard of it. The others are taken out of the Service before they end, by a
 * selector that only Tendril's pods fit: kube-proxy forgets connections of UDP when an endpoint that is ready goes, and not when
 * one goes that has been ending, so that a client's port that is used again would lead to a server that is gone.
 */
import { dnsNamespace as namespace } from '../deploy/values.ts';
import { isNotFound } from '../kube/client/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { resources } from '../kube/resources.ts';
import type { DaemonSet, Deployment, Pod } from '../kube/types.ts';
import { type Clock, systemClock } from '../util/clock.ts';
import { TendrilError } from '../util/errors.ts';
import {
  type FormerServer,
  type FoundDns,
  mergeFound,
  ownLabel,
  planDnsReplacement,
  readyServers,
  spreadMs,
} from './dns-plan.ts';
import { poll } from './poll.ts';

export type { FoundDns } from './dns-plan.ts';

export interface DnsChange {
  signal?: AbortSignal | undefined;
  clock?: Clock;
  /** For each thing that is waited for; three minutes unless given. */
  timeoutMs?: number;
  /** Hears what is done. */
  step?: (text: string) => void;
}

export interface ReplaceDns extends DnsChange {
  /** What an earlier call recorded. */
  found?: FoundDns | undefined;
  /** Called with what is to be given back one day, before anything is changed. */
  record?: (found: FoundDns) => Promise<void>;
}

const service = { namespace, name: 'kube-dns' };
const servers = { namespace, name: 'tendril-dns' };
const ofService = `kubernetes.io/service-name=${service.name}`;

/**
 * Relieves who answers cluster DNS beside Tendril's servers, which have been applied. Idempotent; where nobody does it
 * changes nothing. A failure leaves the former servers, or ours, or both answering.
 * @returns what is to be given to `restoreDns`
 * @throws TendrilError NOT_READY where servers do not come or go in time, or cannot be relieved; CANCELLED
 */
export async function replaceDns(client: KubeClient, options: ReplaceDns = {}): Promise<FoundDns> {
  const change = new Change(client, options);
  const stop = planDnsReplacement(await change.look());
  const found = mergeFound(options.found, stop);
  if (stop.length === 0) {
    // An earlier call may have ended before it could.
    await change.widen();
    return found;
  }
  await options.record?.(found);
  await change.ownReady();
  await change.relieve(stop);
  return found;
}

/**
 * Brings the former servers back beside Tendril's, and resolves when they answer: the DaemonSet tendril-dns can then be
 * deleted, whose pods serve on for a while. Idempotent. Where that is gone already they come with the nodes' own network,
 * which an earlier attempt may not have given back yet: nobody waits for them then.
 * @throws TendrilError NOT_READY where one of them is not there any more and nobody else answers, or does not come; CANCELLED
 */
export async function restoreDns(
  client: KubeClient,
  found: FoundDns,
  options: DnsChange = {},
): Promise<void> {
  const change = new Change(client, options);
  await change.widen();
  const ours = await client.get(resources.daemonSets, servers).catch(absent);
  for (const former of found.deployments) await change.bringBack(former, { awaited: ours !== undefined });
  if (ours !== undefined && found.deployments.length > 0) await change.spread();
}

class Change {
  readonly #client: KubeClient;
  readonly #options: Required<Omit<DnsChange, 'signal'>> & { signal: AbortSignal | undefined };

  constructor(client: KubeClient, { clock = systemClock, timeoutMs = 180_000, signal, step }: DnsChange) {
    this.#client = client;
    this.#options = { clock, timeoutMs, signal, step: step ?? (() => {}) };
  }

  async look() {
    const client = this.#client;
    const [kubeDns, deployments, daemonSets] = await Promise.all([
      client.get(resources.services, service).catch(absent),
      client.list(resources.deployments, { namespace }),
      client.list(resources.daemonSets, { namespace }),
    ]);
    const own = ({ metadata: { name } }: DaemonSet) => name === servers.name;
    return {
      ...{ service: kubeDns, deployments: deployments.items },
      daemonSets: daemonSets.items.filter((daemonSet) => !own(daemonSet)),
    };
  }

  /** All of ours serve, and the Service leads to them. */
  async ownReady(): Promise<void> {
    this.#options.step('waiting for the servers of tendril-dns');
    await this.#until('the servers of tendril-dns are not Ready', async () => {
      const { metadata, spec, status }: DaemonSet = await this.#client.get(resources.daemonSets, servers);
      const { desiredNumberScheduled: wanted = 0, numberReady = 0, observedGeneration } = status ?? {};
      if (observedGeneration !== metadata.generation || wanted === 0 || numberReady < wanted) return false;
      return (await this.#endpoints(spec?.selector.matchLabels)).own >= wanted;
    });
    await this.spread();
  }

  async relieve(stop: readonly FormerServer[]): Promise<void> {
    this.#options.step(`relieving ${stop.map(({ name }) => name).join(', ')}`);
    try {
      await this.#narrow();
      for (const former of stop) await this.#scale(former, 0);
      for (const former of stop) await this.#gone(former);
    } finally {
      await this.widen();
    }
  }

  /** The Service leads to nobody's pods but ours. */
  async #narrow(): Promise<void> {
    await this.#select(ownLabel.value);
    await this.#until('the Service kube-dns still leads to the former servers', async () => {
      const { own, others } = await this.#endpoints({ [ownLabel.key]: ownLabel.value });
      return own > 0 && others === 0;
    });
    await this.spread();
  }

  /** The Service leads to all pods again that its own selector fits. */
  async widen(): Promise<void> {
    const kubeDns = await this.#client.get(resources.services, service).catch(absent);
    if (kubeDns?.spec?.selector?.[ownLabel.key] !== undefined) await this.#select(null);
  }

  async #select(value: string | null): Promise<void> {
    const body = { spec: { selector: { [ownLabel.key]: value } } };
    await this.#client.patch(resources.services, service, { type: 'application/merge-patch+json', body });
  }

  async bringBack(former: FormerServer, { awaited }: { awaited: boolean }): Promise<void> {
    const { namespace, name, replicas } = former;
    this.#options.step(`waiting for ${name}`);
    const deployment = await this.#client.get(resources.deployments, { namespace, name }).catch(absent);
    if (deployment === undefined) {
      if (!awaited || (await this.#othersAnswer())) return;
      throw new TendrilError('NOT_READY', `the Deployment ${namespace}/${name} is not there any more`, {
        remedy: 'Install cluster DNS by other means first: without tendril-dns the cluster has none.',
      });
    }
    if ((deployment.spec?.replicas ?? 1) < replicas) await this.#scale(former, replicas);
    if (!awaited) return;
    await this.#until(`the Deployment ${namespace}/${name} is not Ready`, async () => {
      const now: Deployment = await this.#client.get(resources.deployments, { namespace, name });
      const { observedGeneration, readyReplicas = 0 } = now.status ?? {};
      if (observedGeneration !== now.metadata.generation || readyReplicas < replicas) return false;
      const pods = await this.#podsOf(former);
      const ready = readyServers(await this.#slices());
      return pods.filter(({ metadata }) => ready.has(metadata.name)).length >= replicas;
    });
  }

  async #scale({ namespace, name }: FormerServer, replicas: number): Promise<void> {
    const body = { spec: { replicas } };
    const patch = { type: 'application/merge-patch+json' as const, body };
    await this.#client.patch(resources.deployments, { namespace, name }, patch);
  }

  async #gone(former: FormerServer): Promise<void> {
    const { namespace, name } = former;
    await this.#until(
      `pods of the Deployment ${namespace}/${name} do not end; does something scale it?`,
      async () => (await this.#podsOf(former)).length === 0,
    );
  }

  async #podsOf({ namespace, name }: FormerServer): Promise<Pod[]> {
    const deployment: Deployment = await this.#client.get(resources.deployments, { namespace, name });
    const labelSelector = selectorText(deployment.spec?.selector.matchLabels);
    const { items } = await this.#client.list(resources.pods, { namespace, labelSelector });
    // Its labels fit ours too.
    return items.filter(({ metadata }) => metadata.labels?.[ownLabel.key] !== ownLabel.value);
  }

  /** How many of the Service's pods are ours, by their labels, and how many are not. */
  async #endpoints(labels: Readonly<Record<string, string>> | undefined) {
    const { items } = await this.#client.list(resources.pods, {
      namespace,
      labelSelector: selectorText(labels),
    });
    const names = new Set(items.map(({ metadata }) => metadata.name));
    const ready = [...readyServers(await this.#slices())];
    const own = ready.filter((name) => names.has(name)).length;
    return { own, others: ready.length - own };
  }

  async #othersAnswer(): Promise<boolean> {
    return (await this.#endpoints({ [ownLabel.key]: ownLabel.value })).others > 0;
  }

  async #slices() {
    return (await this.#client.list(resources.endpointSlices, { namespace, labelSelector: ofService })).items;
  }

  /** No API tells that every proxy knows. */
  async spread(): Promise<void> {
    const { clock, signal } = this.#options;
    await clock.sleep(spreadMs, signal).catch(() => {});
    if (signal?.aborted) throw new TendrilError('CANCELLED', 'cancelled', { cause: signal.reason });
  }

  async #until(problem: string, holds: () => Promise<boolean>): Promise<void> {
    const done = await poll(this.#options, async () => (await holds()) || undefined);
    if (done) return;
    throw new TendrilError('NOT_READY', `${problem} within ${this.#options.timeoutMs / 1000} s`, {
      remedy: `See: kubectl -n ${namespace} get pods -o wide. What answered goes on answering.`,
    });
  }
}

function selectorText(labels: Readonly<Record<string, string>> = {}): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

function absent(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
  return undefined;
}
