/**
 * What the cluster's Corefile says about answers in the kernel, from when on the servers answer by it too: a change
 * that the kernel's answers would be others by ends them at once, and they begin again when the servers have taken it.
 *
 *     ConfigMap ──► planZone ──► same as in force? ──yes──► in force
 *                                      └─no─► off ──► ServerWatch: all servers have it ──► in force
 */
import type { Directive, ServerBlock } from '../dns/corefile/directive.ts';
import { durationMs } from '../dns/corefile/options.ts';
import { parseCorefile } from '../dns/corefile/parser.ts';
import type { CorefileSources } from '../dns/corefile/sources.ts';
import { coreDnsVersion, corefileVersion } from '../dns/corefile/version.ts';
import { planZone, type ZoneDecision, type ZonePlan } from '../dns/fastpath/zone-plan.ts';
import type { Informers } from '../kube/client/informers.ts';
import type { Store } from '../kube/client/store.ts';
import type { KubeObject } from '../kube/meta.ts';
import { resources } from '../kube/resources.ts';
import type { ConfigMap } from '../kube/types.ts';
import type { Clock } from '../util/clock.ts';
import { describeError } from '../util/errors.ts';
import { type KnownCorefile, kubeletMs, ServerWatch, type ServerWatchOptions } from './dns-servers.ts';

/** Where kubeadm and all who follow it keep the cluster's DNS. */
const corefileMap = { namespace: 'kube-system', name: 'coredns' };
const defaultReloadMs = 30_000;
const defaultMetricsPort = 9153;

export interface CorefileFollowerOptions extends Omit<ServerWatchOptions, 'clock'> {
  informers: Informers;
  /** By what the kernel answers already; undefined where it answers nothing. */
  inForce: ZonePlan | undefined;
  onDecision: (decision: ZoneDecision) => void;
  clock: Clock;
}

export class CorefileFollower {
  readonly #options: CorefileFollowerOptions;
  readonly #store: Store<ConfigMap & LastChange>;
  #inForce: ZonePlan | undefined;
  /** Undefined: nothing has been decided yet. */
  #decided: { text: string | undefined } | undefined;
  #watch: ServerWatch | undefined;
  #unsubscribe = () => {};

  /** Asks for the ConfigMap; nothing is decided before `start`. */
  constructor(options: CorefileFollowerOptions) {
    this.#options = options;
    this.#inForce = options.inForce;
    const { namespace, name } = corefileMap;
    const scope = { namespace, fieldSelector: `metadata.name=${name}` };
    this.#store = options.informers.store(resources.configMaps, scope);
  }

  synced(): Promise<void> {
    return this.#store.synced();
  }

  /** Decides, and again at each change. */
  start(): void {
    this.#unsubscribe = this.#store.onChange(() => this.#decide());
    this.#decide();
  }

  close(): void {
    this.#unsubscribe();
    this.#watch?.stop();
  }

  #decide(): void {
    const map = this.#store.get(`${corefileMap.namespace}/${corefileMap.name}`);
    const text = map?.data?.Corefile;
    if (this.#decided !== undefined && this.#decided.text === text) return;
    const changedAt = this.#decided === undefined ? (map?.lastChange ?? 0) : this.#options.clock.now();
    this.#decided = { text };
    this.#watch?.stop();
    const { decision, corefile } = decideBy(text, changedAt);
    if (corefile === undefined || samePlan(decision, this.#inForce)) this.#tell(decision);
    else this.#await(decision, corefile);
  }

  #await(decision: ZoneDecision, corefile: KnownCorefile): void {
    this.#tell({ obstacle: 'it is not known yet which Corefile the DNS servers serve' });
    this.#watch = new ServerWatch({
      ...this.#options,
      corefile,
      report: (problem) => this.#tell(problem === undefined ? decision : { obstacle: problem }),
    });
  }

  #tell(decision: ZoneDecision): void {
    this.#inForce = 'obstacle' in decision ? undefined : decision;
    this.#options.onDecision(decision);
  }
}

/** An object as it is kept, with the time when anything of it was changed last, as its fields' owners tell. */
export function keepLastChange(object: KubeObject): KubeObject & LastChange {
  const { managedFields = [] } = object.metadata as { managedFields?: { time?: string }[] };
  const times = managedFields.map(({ time }) => Date.parse(time ?? ''));
  return { ...object, lastChange: Math.max(0, ...times.filter((time) => !Number.isNaN(time))) };
}

interface LastChange {
  /** ms since the epoch; absent or 0: unknown. */
  lastChange?: number;
}

/** Files and variables of the servers' own are not known here. */
const noSources: CorefileSources = {
  read: (path) => {
    throw new Error(`${path} is the servers' own`);
  },
  list: () => [],
};

function decideBy(
  text: string | undefined,
  changedAt: number,
): { decision: ZoneDecision; corefile?: KnownCorefile } {
  const refuse = (obstacle: string) => ({ decision: { obstacle } });
  const { namespace, name } = corefileMap;
  if (text === undefined) return refuse(`there is no Corefile in the ConfigMap ${namespace}/${name}`);
  if (/\{[$%]/.test(text)) return refuse('the Corefile reads variables of the servers’ environment');
  try {
    const source = { text, file: 'Corefile', environment: {}, sources: noSources };
    const blocks = parseCorefile(source);
    const decision = planZone(blocks);
    if ('obstacle' in decision) return { decision };
    const versions = [corefileVersion(blocks), coreDnsVersion(source)];
    return { decision, corefile: { versions, changedAt, ...observation(blocks) } };
  } catch (error) {
    return refuse(describeError(error));
  }
}

function observation(blocks: readonly ServerBlock[]): Pick<KnownCorefile, 'metricsPort' | 'reloadMs'> {
  const find = (wanted: string): Directive | undefined =>
    blocks.flatMap(({ directives }) => directives).find(({ name }) => name === wanted);
  const reload = find('reload');
  const port = Number(/:(\d+)$/.exec(find('prometheus')?.args[0] ?? '')?.[1] ?? defaultMetricsPort);
  if (reload === undefined) return { metricsPort: port, reloadMs: undefined };
  const [interval] = reload.args;
  const intervalMs = interval === undefined ? defaultReloadMs : durationMs(interval, reload.at);
  // The jitter makes it a quarter longer at the most.
  return { metricsPort: port, reloadMs: kubeletMs + intervalMs * 1.25 };
}

function samePlan(decision: ZoneDecision, plan: ZonePlan | undefined): boolean {
  if ('obstacle' in decision || plan === undefined) return false;
  const { zone, ttl, recursive } = decision;
  return zone === plan.zone && ttl === plan.ttl && recursive === plan.recursive;
}
