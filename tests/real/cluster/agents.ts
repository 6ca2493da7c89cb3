/** The agents' processes on a real cluster's nodes, and what they have in force. */
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { podPaths } from '../../../src/agent/pod/pod-config.ts';
import { kernelBpf } from '../../../src/linux/bpf/kernel-bpf.ts';
import type { NodeLayout } from './layout.ts';
import { processesOf, rootOf } from './node.ts';

/** Of a machine whose clock ticks a hundred times a second, as every Linux tells programs. */
const ticksPerSecond = 100;

export interface AgentProcess {
  pid: number;
  ageMs: number;
}

/** Undefined while none runs. */
export function agentOn(node: NodeLayout): AgentProcess | undefined {
  for (const pid of processesOf(node)) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (!words.includes('/opt/tendril/dist/main.js') || !words.includes('agent')) continue;
      // Behind the name, which may hold anything: the 22nd field is the start, in ticks since the boot (proc(5)).
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
      return { pid, ageMs: (uptime() - Number(fields[19]) / ticksPerSecond) * 1000 };
    } catch {
      // It is gone.
    }
  }
  return undefined;
}

/** The version of all layouts that the node's maps have. */
export function layoutOn(node: NodeLayout): number {
  using maps = kernelBpf.pinned(`${rootOf(node)}${podPaths.bpfDirectory}`);
  return maps.get('layout')?.map.maxEntries ?? 0;
}
