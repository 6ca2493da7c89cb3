import { afterEach, beforeEach, expect, it } from 'vitest';
import { MetricRegistry } from '../util/metrics.ts';
import { type AgentMetrics, createAgentMetrics, type MetricSources } from './agent-metrics.ts';

let metrics: AgentMetrics;

beforeEach(() => {
  const sources = {
    usage: () => [{ cidr: '10.244.1.0/24', size: 254n, used: 3, resting: 1 }],
    services: () => ({
      ...{
        synced: true,
        revision: '0',
        services: 2,
        frontends: 4,
        backends: 6,
        conntrackEntries: 0,
        pods: 3,
      },
      drops: { no_backend: 7 },
      xdp: { mode: 'native' as const },
      hostPorts: [
        {
          ...{ pod: 'shop/web', protocol: 'TCP' as const, hostPort: 80, backend: '10.244.1.2|80' },
          addresses: [
            { address: '10.9.0.1', state: 'serving' as const },
            { address: '127.0.0.1', state: 'serving' as const },
            { address: '10.9.0.2', state: 'taken by a Service' as const },
          ],
        },
      ],
    }),
    network: () => ({
      ...{ synced: true, nodes: 3 },
      problems: ['4', '6'].map((family) => ({ node: 'far', problem: `no IPv${family} InternalIP` })),
    }),
    dns: () => ({
      kernel: { answering: true as const },
      counters: { hits: 8, empty: 4, nameErrors: 2, passed: 1 },
    }),
    otherProxy: () => ({ runs: true, rules: ['table ip kube-proxy'], connections: 7 }),
  } satisfies MetricSources;
  metrics = createAgentMetrics(sources, new MetricRegistry());
});
afterEach(() => metrics.stop());

const lines = (name: string) =>
  metrics
    .render()
    .split('\n')
    .filter((line) => line.startsWith(name));

it('count and time CNI calls by command, and those that failed', async () => {
  const call = metrics.measured(async ({ env }) => ({
    status: env.CNI_COMMAND === 'DEL' ? 1 : 0,
    output: '',
  }));
  for (const CNI_COMMAND of ['ADD', 'ADD', 'DEL']) await call({ env: { CNI_COMMAND }, config: null });
  expect(lines('tendril_cni_call_seconds_count')).toEqual([
    'tendril_cni_call_seconds_count{command="ADD"} 2',
    'tendril_cni_call_seconds_count{command="DEL"} 1',
  ]);
  expect(lines('tendril_cni_failures_total')).toEqual(['tendril_cni_failures_total{command="DEL"} 1']);
});

it('have one series for all commands that CNI does not know', async () => {
  const call = metrics.measured(async () => ({ status: 1, output: '' }));
  for (let i = 0; i < 20; i++) await call({ env: { CNI_COMMAND: `X${i}` }, config: null });
  await call({ env: {}, config: null });
  expect(lines('tendril_cni_failures_total')).toEqual(['tendril_cni_failures_total{command="unknown"} 21']);
});

it('tell of addresses, unreachable nodes and what was dropped', () => {
  expect(lines('tendril_ipam_addresses')).toContain(
    'tendril_ipam_addresses{cidr="10.244.1.0/24",state="total"} 254',
  );
  expect(lines('tendril_unreachable_nodes')).toEqual(['tendril_unreachable_nodes 1']);
  expect(lines('tendril_services{kind="backends"}')).toEqual(['tendril_services{kind="backends"} 6']);
  expect(metrics.render()).toContain('# TYPE tendril_dropped_packets_total counter');
  expect(lines('tendril_dropped_packets_total')).toEqual([
    'tendril_dropped_packets_total{reason="no_backend"} 7',
  ]);
});

it('count host ports by who has them', () => {
  expect(lines('tendril_host_ports{')).toEqual([
    'tendril_host_ports{state="serving"} 2',
    'tendril_host_ports{state="taken by a Service"} 1',
    'tendril_host_ports{state="taken by another pod"} 0',
  ]);
});

it('name the mode of XDP that is in force', () => {
  expect(lines('tendril_xdp{')).toEqual(['tendril_xdp{mode="native"} 1']);
});

it('tell of signs of another proxy', () => {
  expect(lines('tendril_other_proxy{')).toEqual([
    'tendril_other_proxy{sign="runs"} 1',
    'tendril_other_proxy{sign="rules"} 1',
    'tendril_other_proxy{sign="connections"} 7',
  ]);
});

it('tell what the kernel did with questions to cluster DNS', () => {
  expect(lines('tendril_dns_kernel_answering')).toEqual(['tendril_dns_kernel_answering 1']);
  expect(lines('tendril_dns_kernel_questions_total')).toEqual([
    'tendril_dns_kernel_questions_total{result="hit"} 8',
    'tendril_dns_kernel_questions_total{result="empty"} 4',
    'tendril_dns_kernel_questions_total{result="nxdomain"} 2',
    'tendril_dns_kernel_questions_total{result="passed"} 1',
  ]);
});
