/** The agent's own metrics. Each feature's numbers come from its status, when they are asked for. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Dispatcher } from '../cni/server/dispatch.ts';
import type { CniAnswer, CniRequest } from '../cni/server/frame.ts';
import type { PoolUsage } from '../ipam/address-pool.ts';
import type { ServiceProxyStatus } from '../service/service-proxy.ts';
import type { MetricRegistry } from '../util/metrics.ts';
import type { DnsPathStatus } from './dns-path.ts';
import type { NodeNetworkStatus } from './node-network.ts';
import type { OtherProxyStatus } from './other-proxy.ts';

export interface MetricSources {
  usage(): PoolUsage[];
  services(): ServiceProxyStatus;
  network(): NodeNetworkStatus;
  /** Undefined where the kernel answers nothing. */
  dns(): DnsPathStatus | undefined;
  /** Undefined where nobody looks for one. */
  otherProxy(): OtherProxyStatus | undefined;
}

export interface AgentMetrics {
  render(): string;
  /** The dispatcher with its calls counted and timed. */
  measured(dispatch: Dispatcher): Dispatcher;
  stop(): void;
}

/** ADD takes a few ms; an API or disk that hangs shows in the last ones. */
const callSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30];

const commands = new Set(['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION']);

export function createAgentMetrics(sources: MetricSources, registry: MetricRegistry): AgentMetrics {
  const calls = registry.histogram({
    name: 'tendril_cni_call_seconds',
    help: 'Time that CNI calls took inside the agent.',
    buckets: callSeconds,
  });
  const failures = registry.counter({ name: 'tendril_cni_failures_total', help: 'CNI calls that failed.' });
  const delay = addProcessMetrics(registry);
  addAddressMetrics(registry, sources);
  addServiceMetrics(registry, sources);
  addDnsMetrics(registry, sources);
  addOtherProxyMetrics(registry, sources);
  return {
    render: () => registry.render(),
    measured:
      (dispatch) =>
      async (request: CniRequest): Promise<CniAnswer> => {
        const started = performance.now();
        const answer = await dispatch(request);
        const labels = { command: commandOf(request) };
        calls.observe((performance.now() - started) / 1000, labels);
        if (answer.status !== 0) failures.inc(labels);
        return answer;
      },
    stop: () => void delay.disable(),
  };
}

/** One of CNI's own: whoever calls could otherwise make as many series as it likes. */
function commandOf({ env: { CNI_COMMAND: command = '' } }: CniRequest): string {
  return commands.has(command) ? command : 'unknown';
}

/** The longest stretch since the last scrape is what tells that something blocks. */
function addProcessMetrics(registry: MetricRegistry): ReturnType<typeof monitorEventLoopDelay> {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  registry.gauge({
    name: 'tendril_event_loop_delay_seconds',
    help: 'Delay of the event loop since the last scrape.',
    collect: () => {
      const seconds = (ns: number) => (Number.isFinite(ns) ? Math.max(0, ns / 1e9 - 0.01) : 0);
      const values: [{ quantile: string }, number][] = [
        [{ quantile: '0.5' }, seconds(delay.percentile(50))],
        [{ quantile: '0.99' }, seconds(delay.percentile(99))],
        [{ quantile: '1' }, seconds(delay.max)],
      ];
      delay.reset();
      return values;
    },
  });
  registry.gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory.',
    collect: () => [[{}, process.memoryUsage.rss()]],
  });
  return delay;
}

function addAddressMetrics(registry: MetricRegistry, { usage, network }: MetricSources): void {
  registry.gauge({
    name: 'tendril_ipam_addresses',
    help: 'Addresses of the node by CIDR and state.',
    collect: () =>
      usage().flatMap(({ cidr, size, used, resting }): [Record<string, string>, number][] => [
        [{ cidr, state: 'total' }, Number(size)],
        [{ cidr, state: 'used' }, used],
        [{ cidr, state: 'resting' }, resting],
      ]),
  });
  registry.gauge({
    name: 'tendril_unreachable_nodes',
    help: 'Nodes whose pods cannot be reached.',
    collect: () => [[{}, new Set(network().problems.map(({ node }) => node)).size]],
  });
}

function addServiceMetrics(registry: MetricRegistry, { services }: MetricSources): void {
  registry.gauge({
    name: 'tendril_services',
    help: 'What the Service datapath holds, by kind.',
    collect: () => {
      const status = services();
      return (['services', 'frontends', 'backends', 'conntrackEntries', 'pods'] as const).map((kind) => [
        { kind },
        status[kind],
      ]);
    },
  });
  registry.gauge({
    name: 'tendril_host_ports',
    help: 'Host ports of pods, one for each address of the node, by state.',
    collect: () => {
      const counts = { serving: 0, 'taken by a Service': 0, 'taken by another pod': 0 };
      const ports = services().hostPorts ?? [];
      for (const { state } of ports.flatMap(({ addresses }) => addresses)) counts[state]++;
      return Object.entries(counts).map(([state, count]) => [{ state }, count]);
    },
  });
  registry.counter({
    name: 'tendril_dropped_packets_total',
    help: 'Packets that the datapath dropped, by reason.',
    collect: () => Object.entries(services().drops).map(([reason, count]) => [{ reason }, count]),
  });
  registry.gauge({
    name: 'tendril_xdp',
    help: 'The mode of XDP in force at the uplink.',
    collect: () => [[{ mode: services().xdp?.mode ?? 'off' }, 1]],
  });
}

function addDnsMetrics(registry: MetricRegistry, { dns }: MetricSources): void {
  registry.gauge({
    name: 'tendril_dns_kernel_answering',
    help: 'Whether the kernel answers for the cluster zone.',
    collect: () => [[{}, Number(dns()?.kernel.answering ?? false)]],
  });
  registry.counter({
    name: 'tendril_dns_kernel_questions_total',
    help: "Pods' questions to cluster DNS, by what the kernel did with them.",
    collect: () => {
      const { hits = 0, empty = 0, nameErrors = 0, passed = 0 } = dns()?.counters ?? {};
      return Object.entries({ hit: hits, empty, nxdomain: nameErrors, passed }).map(([result, count]) => [
        { result },
        count,
      ]);
    },
  });
}

function addOtherProxyMetrics(registry: MetricRegistry, { otherProxy }: MetricSources): void {
  registry.gauge({
    name: 'tendril_other_proxy',
    help: 'Signs of kube-proxy on the node: whether it runs, what of its rules is there, connections that it began.',
    collect: () => {
      const { runs = false, rules = [], connections = 0 } = otherProxy() ?? {};
      return Object.entries({ runs: Number(runs), rules: rules.length, connections }).map(([sign, value]) => [
        { sign },
        value,
      ]);
    },
  });
}
