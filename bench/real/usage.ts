/** What a cluster's network takes of the machine: its long-lived processes, and whole nodes by their cgroups. */
import { readdirSync, readFileSync } from 'node:fs';
import { clusterName, type NodeLayout } from '../../tests/real/cluster/layout.ts';
import { nodeCgroupDirectory } from '../../tests/real/cluster/node.ts';

export interface ProcessKind {
  name: string;
  /** Over a command line with spaces between its words. */
  pattern: RegExp;
}

export interface Usage {
  /** Of the largest, in bytes; shared pages divided among those who share them. */
  memory: number;
  /** Of all, in seconds. */
  processor: number;
  count: number;
}

const ticksPerSecond = 100;

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const pids = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name));

/** Of this cluster's processes of the kind, as far as they still run. */
export function usageOf({ pattern }: ProcessKind): Usage {
  const usage: Usage = { memory: 0, processor: 0, count: 0 };
  for (const pid of pids()) {
    if (!read(`/proc/${pid}/cgroup`).includes(`/${clusterName}-n`)) continue;
    if (!pattern.test(read(`/proc/${pid}/cmdline`).replaceAll('\0', ' '))) continue;
    const pss = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1];
    const [user, system] = read(`/proc/${pid}/stat`).split(') ')[1]?.split(' ').slice(11, 13) ?? [];
    usage.memory = Math.max(usage.memory, Number(pss ?? 0) * 1024);
    usage.processor += (Number(user ?? 0) + Number(system ?? 0)) / ticksPerSecond;
    usage.count++;
  }
  return usage;
}

/** Seconds of a processor that everything on the nodes has taken so far: kubelet, runtime, plugins, containers. */
export function processorOf(nodes: readonly NodeLayout[]): number {
  const microseconds = nodes.map((node) =>
    Number(/^usage_usec (\d+)/m.exec(read(`${nodeCgroupDirectory(node)}/cpu.stat`))?.[1] ?? Number.NaN),
  );
  return microseconds.reduce((sum, each) => sum + each, 0) / 1e6;
}
