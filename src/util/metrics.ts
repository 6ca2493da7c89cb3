/**
 * Counters, gauges and histograms, printed in Prometheus' text format 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats). A metric's values are told apart by labels.
 */
export type Labels = Record<string, string>;

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  samples(): { suffix: string; labels: Labels; value: number }[];
}

interface MetricOptions {
  name: string;
  help: string;
}

interface Value {
  labels: Labels;
  value: number;
}

/** The same for the same labels, in whatever order. */
function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort());
}

class Values {
  readonly #values = new Map<string, Value>();

  update(labels: Labels, change: (old: number) => number): void {
    const one = this.of(labels);
    one.labels = labels;
    one.value = change(one.value);
  }

  /** The value of these labels; 0 where it is new. */
  of(labels: Labels): Value {
    const key = keyOf(labels);
    let one = this.#values.get(key);
    if (one === undefined) {
      one = { labels, value: 0 };
      this.#values.set(key, one);
    }
    return one;
  }

  samples(): { suffix: string; labels: Labels; value: number }[] {
    return [...this.#values.values()].map(({ labels, value }) => ({ suffix: '', labels, value }));
  }
}

export class Counter implements Metric {
  readonly type = 'counter';
  readonly name: string;
  readonly help: string;
  readonly #values = new Values();
  readonly #collect: (() => [Labels, number][]) | undefined;
  readonly collected: boolean;

  /** `collect` is asked when the metric is read, for what is counted elsewhere; without it `inc` counts. */
  constructor({ name, help, collect }: MetricOptions & { collect?: () => [Labels, number][] }) {
    this.name = name;
    this.help = help;
    this.#collect = collect;
    this.collected = collect !== undefined;
  }

  inc(labels: Labels = {}, by = 1): void {
    this.#values.update(labels, (old) => old + by);
  }

  /** Counts for one set of labels, looked up once: for hot paths. */
  with(labels: Labels): () => void {
    const one = this.#values.of(labels);
    return () => void one.value++;
  }

  samples() {
    const collected = this.#collect?.().map(([labels, value]) => ({ suffix: '', labels, value }));
    return collected ?? this.#values.samples();
  }
}

export class Gauge implements Metric {
  readonly type = 'gauge';
  readonly name: string;
  readonly help: string;
  readonly #collect: (() => [Labels, number][]) | undefined;
  readonly collected: boolean;
  readonly #values = new Values();

  /** `collect` is asked when the metric is read; without it `set` tells the value. */
  constructor({ name, help, collect }: MetricOptions & { collect?: () => [Labels, number][] }) {
    this.name = name;
    this.help = help;
    this.#collect = collect;
    this.collected = collect !== undefined;
  }

  set(value: number, labels: Labels = {}): void {
    this.#values.update(labels, () => value);
  }

  samples() {
    const collected = this.#collect?.().map(([labels, value]) => ({ suffix: '', labels, value }));
    return collected ?? this.#values.samples();
  }
}

export class Histogram implements Metric {
  readonly type = 'histogram';
  readonly name: string;
  readonly help: string;
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, { labels: Labels; counts: number[]; sum: number; count: number }>();

  /** `buckets`: upper bounds, ascending, in the metric's unit; +Inf is added. */
  constructor({ name, help, buckets }: MetricOptions & { buckets: readonly number[] }) {
    this.name = name;
    this.help = help;
    this.#bounds = buckets;
  }

  observe(value: number, labels: Labels = {}): void {
    this.with(labels)(value);
  }

  /** Observes for one set of labels, looked up once: for hot paths. */
  with(labels: Labels): (value: number) => void {
    const key = keyOf(labels);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { labels, counts: this.#bounds.map(() => 0), sum: 0, count: 0 };
      this.#series.set(key, series);
    }
    const { counts } = series;
    const bounds = this.#bounds;
    return (value) => {
      for (let i = bounds.length - 1; i >= 0 && value <= bounds[i]!; i--) counts[i]!++;
      series.sum += value;
      series.count++;
    };
  }

  samples() {
    return [...this.#series.values()].flatMap(({ labels, counts, sum, count }) => [
      ...this.#bounds.map((bound, i) => ({
        suffix: '_bucket',
        labels: { ...labels, le: String(bound) },
        value: counts[i]!,
      })),
      { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: count },
      { suffix: '_sum', labels, value: sum },
      { suffix: '_count', labels, value: count },
    ]);
  }
}

export class MetricRegistry {
  readonly #metrics: Metric[] = [];

  counter(options: MetricOptions & { collect?: () => [Labels, number][] }): Counter {
    return this.#add(new Counter(options));
  }

  gauge(options: MetricOptions & { collect?: () => [Labels, number][] }): Gauge {
    return this.#add(new Gauge(options));
  }

  histogram(options: MetricOptions & { buckets: readonly number[] }): Histogram {
    return this.#add(new Histogram(options));
  }

  /** All metrics, as a scrape gets them. */
  render(): string {
    return this.#metrics.map(renderMetric).join('');
  }

  /** Those who count under one name share the metric; one that is collected is its maker's own. */
  #add<M extends Metric & { collected?: boolean }>(metric: M): M {
    const known = this.#metrics.find(({ name, type }) => name === metric.name && type === metric.type);
    if (known !== undefined && !metric.collected) return known as M;
    this.#metrics.push(metric);
    return metric;
  }
}

export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8';

function renderMetric(metric: Metric): string {
  const lines = metric.samples().map(({ suffix, labels, value }) => {
    return `${metric.name}${suffix}${renderLabels(labels)} ${renderValue(value)}\n`;
  });
  const help = metric.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return `# HELP ${metric.name} ${help}\n# TYPE ${metric.name} ${metric.type}\n${lines.join('')}`;
}

function renderLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function renderValue(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf';
}
