/**
 * Metrics of the Service datapath, under kube-proxy's names where they exist (pkg/proxy/metrics/metrics.go), so that
 * dashboards and alerts made for kube-proxy go on.
 */
import type { Store } from '../kube/client/store.ts';
import type { EndpointSlice, Service } from '../kube/types.ts';
import type { Counter, Gauge, Histogram, MetricRegistry } from '../util/metrics.ts';

/** 1 ms to 16 s, doubling. */
const syncSeconds = Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i);
/** As kube-proxy's: 0.25 and 0.5, each second to 59, each five to 115, each thirty to 300. */
const programmingSeconds = [
  ...[0.25, 0.5],
  ...Array.from({ length: 59 }, (_, i) => 1 + i),
  ...Array.from({ length: 12 }, (_, i) => 60 + 5 * i),
  ...Array.from({ length: 7 }, (_, i) => 120 + 30 * i),
];
const triggerTime = 'endpoints.kubernetes.io/last-change-trigger-time';

/** Changes of one kind since the last sync, and ever. */
class Changes {
  readonly #total: Counter;
  #pending = 0;

  constructor(registry: MetricRegistry, kind: 'endpoint' | 'service') {
    const name = `kubeproxy_sync_proxy_rules_${kind}_changes`;
    this.#total = registry.counter({ name: `${name}_total`, help: `Changes of ${kind}s ever.` });
    this.#total.inc({}, 0);
    registry.gauge({
      name: `${name}_pending`,
      help: `Changes of ${kind}s that no sync has taken up yet.`,
      collect: () => [[{}, this.#pending]],
    });
  }

  add(): void {
    this.#pending++;
    this.#total.inc();
  }

  get pending(): number {
    return this.#pending;
  }

  /** So many were taken up by a sync; others came meanwhile. */
  take(count: number): void {
    this.#pending -= count;
  }
}

export interface MetricSources {
  /** Service ports that are not served whole, by the map that has no room. */
  refused: () => Record<string, number>;
  /** How full each map is. */
  maps?: () => { map: string; entries: number; size: number }[];
  /** What went from socket to socket, and what kept other messages from it. */
  shortcut?: () => Record<string, number>;
  /** ms since 1970: what was triggered before says nothing about this process. */
  now?: number;
}

export class ServiceMetrics {
  readonly #syncs: Histogram;
  readonly #fullSyncs: Histogram;
  readonly #partialSyncs: Histogram;
  readonly #programming: Histogram;
  readonly #lastSync: Gauge;
  readonly #lastQueued: Gauge;
  readonly #failures: Counter;
  readonly #endpoints: Changes;
  readonly #services: Changes;
  readonly #since: number;
  /** When what no sync has taken up yet was triggered, ms since 1970. */
  #triggers: number[] = [];

  constructor(
    registry: MetricRegistry,
    { refused, maps = () => [], shortcut = () => ({}), now = Date.now() }: MetricSources,
  ) {
    this.#since = now;
    registry.gauge({
      name: 'tendril_service_ports_refused',
      help: 'Service ports not served whole, by the map that has no room: raise mapSizes of the agent.',
      collect: () => Object.entries(refused()).map(([map, count]) => [{ map }, count]),
    });
    registry.gauge({
      name: 'tendril_map_entries',
      help: 'Entries of a map of the datapath.',
      collect: () => maps().map(({ map, entries }) => [{ map }, entries]),
    });
    registry.gauge({
      name: 'tendril_map_size',
      help: 'Entries that a map of the datapath has room for; the setting is of the agent.',
      collect: () => maps().map(({ map, size }) => [{ map, setting: `mapSizes.${map}` }, size]),
    });
    registerShortcut(registry, shortcut);
    const histogram = (name: string, help: string, buckets: readonly number[]) =>
      registry.histogram({ name: `kubeproxy_${name}`, help, buckets });
    const rules = 'sync_proxy_rules';
    this.#syncs = histogram(`${rules}_duration_seconds`, 'Time that a sync took.', syncSeconds);
    this.#fullSyncs = histogram(
      'sync_full_proxy_rules_duration_seconds',
      'Time that a sync of everything took.',
      syncSeconds,
    );
    this.#partialSyncs = histogram(
      'sync_partial_proxy_rules_duration_seconds',
      'Time that a sync of what changed took.',
      syncSeconds,
    );
    this.#programming = histogram(
      'network_programming_duration_seconds',
      'Time from a change of endpoints in the cluster to the kernel.',
      programmingSeconds,
    );
    const gauge = (name: string, help: string) =>
      registry.gauge({ name: `kubeproxy_${rules}_${name}`, help });
    this.#lastSync = gauge('last_timestamp_seconds', 'When the last sync was done.');
    this.#lastQueued = gauge('last_queued_timestamp_seconds', 'When a sync was last asked for.');
    this.#failures = registry.counter({
      name: 'tendril_service_sync_failures_total',
      help: 'Syncs that failed; each is tried again.',
    });
    this.#failures.inc({}, 0);
    this.#endpoints = new Changes(registry, 'endpoint');
    this.#services = new Changes(registry, 'service');
  }

  /** Counts the changes of stores; the result ends that. */
  follow(
    services: Pick<Store<Service>, 'onChange'>,
    slices: Pick<Store<EndpointSlice>, 'onChange'>,
  ): () => void {
    const ends = [
      services.onChange(() => this.#services.add()),
      slices.onChange(({ new: slice }) => {
        this.#endpoints.add();
        const trigger = Date.parse(slice?.metadata.annotations?.[triggerTime] ?? '');
        if (trigger > this.#since) this.#triggers.push(trigger);
      }),
    ];
    return () => {
      for (const end of ends) end();
    };
  }

  queued(now = Date.now()): void {
    this.#lastQueued.set(now / 1000);
  }

  /** A sync begins; what it is to be told of when it is done. */
  begin(): { done(full: boolean, now?: number): void; failed(): void } {
    const started = performance.now();
    const triggers = this.#triggers;
    this.#triggers = [];
    const [endpoints, services] = [this.#endpoints.pending, this.#services.pending];
    return {
      done: (full, now = Date.now()) => {
        const seconds = (performance.now() - started) / 1000;
        this.#syncs.observe(seconds);
        (full ? this.#fullSyncs : this.#partialSyncs).observe(seconds);
        this.#lastSync.set(now / 1000);
        this.#endpoints.take(endpoints);
        this.#services.take(services);
        for (const trigger of triggers) this.#programming.observe(Math.max(0, now - trigger) / 1000);
      },
      failed: () => {
        this.#triggers.unshift(...triggers);
        this.#failures.inc();
      },
    };
  }
}

/** Of the way from socket to socket; nothing while no Service asks for it. */
function registerShortcut(registry: MetricRegistry, counts: () => Record<string, number>): void {
  const samples = (of: string, labels: Record<string, string>): [Record<string, string>, number][] => {
    const count = counts()[of];
    return count === undefined ? [] : [[labels, count]];
  };
  const counter = (name: string, help: string, of: string) =>
    registry.counter({ name, help, collect: () => samples(of, {}) });
  counter(
    'tendril_shortcut_connections_total',
    'Connections between pods whose sockets were joined.',
    'joined',
  );
  counter('tendril_shortcut_bytes_total', 'Bytes that went from socket to socket.', 'bytes');
  counter(
    'tendril_shortcut_refused_total',
    'Sockets that found no room in the maps of the short way.',
    'refused',
  );
  const kept = ['no peer', 'behind', 'no room', 'unfit'];
  registry.counter({
    name: 'tendril_shortcut_messages_total',
    help: 'Messages of joined sockets, by their way: short, or what kept them on the ordinary one.',
    collect: () => [
      ...samples('messages', { way: 'short' }),
      ...kept.flatMap((way) => samples(way, { way })),
    ],
  });
}
