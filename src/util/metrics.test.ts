import { expect, it } from 'vitest';
import { MetricRegistry } from './metrics.ts';

it('prints what a Prometheus scrape reads', () => {
  const registry = new MetricRegistry();
  const calls = registry.counter({ name: 'tendril_cni_calls_total', help: 'CNI calls.' });
  calls.inc({ command: 'ADD' });
  calls.inc({ command: 'ADD' }, 2);
  calls.inc({ command: 'a"b\\c\nd' });
  registry.gauge({ name: 'tendril_pods', help: 'Pods.', collect: () => [[{}, 3]] });
  const seconds = registry.histogram({ name: 'tendril_seconds', help: 'Time.', buckets: [0.1, 1] });
  for (const value of [0.05, 0.5, 5]) seconds.observe(value, { what: 'x' });
  expect(registry.render().split('\n')).toEqual([
    '# HELP tendril_cni_calls_total CNI calls.',
    '# TYPE tendril_cni_calls_total counter',
    'tendril_cni_calls_total{command="ADD"} 3',
    'tendril_cni_calls_total{command="a\\"b\\\\c\\nd"} 1',
    '# HELP tendril_pods Pods.',
    '# TYPE tendril_pods gauge',
    'tendril_pods 3',
    '# HELP tendril_seconds Time.',
    '# TYPE tendril_seconds histogram',
    'tendril_seconds_bucket{what="x",le="0.1"} 1',
    'tendril_seconds_bucket{what="x",le="1"} 2',
    'tendril_seconds_bucket{what="x",le="+Inf"} 3',
    'tendril_seconds_sum{what="x"} 5.55',
    'tendril_seconds_count{what="x"} 3',
    '',
  ]);
});

it('a gauge that is set keeps the last value of each label set, in any order of labels', () => {
  const registry = new MetricRegistry();
  const gauge = registry.gauge({ name: 'g', help: 'G.' });
  gauge.set(1, { a: '1', b: '2' });
  gauge.set(Number.POSITIVE_INFINITY, { b: '2', a: '1' });
  expect(registry.render()).toContain('g{b="2",a="1"} +Inf\n');
});

it('those who count under one name share the metric', () => {
  const registry = new MetricRegistry();
  const [one, other] = [1, 2].map(() => registry.counter({ name: 'asked_total', help: 'Questions.' }));
  one!.inc({ by: 'a' });
  other!.with({ by: 'a' })();
  expect(registry.render()).toContain('asked_total{by="a"} 2\n');
  expect(registry.render().match(/# TYPE/g)).toHaveLength(1);
});
