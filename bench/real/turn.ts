/** One turn of a network on a real cluster of its own: everything that the bench asks of it, from its start to its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCluster } from '../../tests/real/cluster/cluster.ts';
import { kubeconfigPath, nodes } from '../../tests/real/cluster/layout.ts';
import type { NetworkKind } from '../../tests/real/cluster/network-kind.ts';
import { onNode, wordsOnNode } from '../../tests/real/cluster/node.ts';
import { removeCluster } from '../../tests/real/cluster/remove.ts';
import { type ProcessKind, processorOf, type Usage, usageOf } from './usage.ts';

export interface Contender {
  name: string;
  network: Exclude<NetworkKind, 'none'>;
  agent: ProcessKind;
  dns: ProcessKind;
}

interface Used {
  memory: number;
  /** Share of one processor, over the time in question. */
  processor: number;
}

export interface Turn {
  /** Seconds from nothing until all its pods are ready. */
  start: number;
  /** Milliseconds from creation to Ready, batch by batch. */
  batches: number[][];
  /** Mean milliseconds of the runtime's calls of CNI, as it counts them; undefined where it was not asked. */
  cniAdd: number;
  up: number[];
  down: number[];
  rest: Record<'agent' | 'dns', Used>;
  busy: Record<'agent' | 'dns', Used>;
  /** Seconds of a processor that the workers took for each pod, all that runs on them. */
  processorPerPod: number;
}

export interface TurnOptions {
  batches: number;
  pods: number;
  changes: number;
  restSeconds: number;
}

export async function takeTurn(contender: Contender, options: TurnOptions): Promise<Turn> {
  const began = performance.now();
  await using stack = new AsyncDisposableStack();
  stack.defer(removeCluster);
  await createCluster(() => {}, { network: contender.network });
  const start = (performance.now() - began) / 1000;
  using client = new Client();
  // Images unpacked, caches warm.
  await client.ask(`pods ${options.pods}`);
  await client.ask('clear 0');
  const { up, down } = await client.ask<Pick<Turn, 'up' | 'down'>>(`changes ${options.changes}`);
  const rest = await used(contender, () => sleep(options.restSeconds * 1000));
  const workers = nodes().filter(({ isControlPlane }) => !isControlPlane);
  const before = { cni: cniAdds(), processor: processorOf(workers) };
  const batches: number[][] = [];
  const busy = await used(contender, async () => {
    for (let i = 0; i < options.batches; i++) {
      batches.push(await client.ask<number[]>(`pods ${options.pods}`));
      await client.ask('clear 0');
    }
  });
  const after = { cni: cniAdds(), processor: processorOf(workers) };
  return {
    ...{ start, batches, up, down, rest, busy },
    cniAdd: (1000 * (after.cni.sum - before.cni.sum)) / (after.cni.count - before.cni.count),
    processorPerPod: (after.processor - before.processor) / (options.batches * options.pods),
  };
}

async function used({ agent, dns }: Contender, during: () => Promise<unknown>): Promise<Turn['rest']> {
  const usages = () => ({ agent: usageOf(agent), dns: usageOf(dns) });
  const [before, began] = [usages(), performance.now()];
  await during();
  const [after, seconds] = [usages(), (performance.now() - began) / 1000];
  const share = (kind: 'agent' | 'dns'): Used => ({
    memory: requireThere(after[kind], kind).memory,
    processor: (after[kind].processor - before[kind].processor) / seconds,
  });
  return { agent: share('agent'), dns: share('dns') };
}

function requireThere(usage: Usage, kind: string): Usage {
  if (usage.count === 0) throw new Error(`no process of the network's ${kind} was found`);
  return usage;
}

/** Of all nodes' runtimes, from their metrics: seconds, and how many. */
function cniAdds(): { sum: number; count: number } {
  const texts = nodes().map((node) => onNode(node, 'curl', '-s', 'http://127.0.0.1:1338/v1/metrics'));
  const total = (suffix: string) => {
    const line = new RegExp(
      `network_plugin_operations_duration_seconds\\w*_${suffix}\\{[^}]*set_up_pod[^}]*\\} (\\S+)`,
    );
    return texts.reduce((sum, text) => sum + Number(line.exec(text)?.[1] ?? 0), 0);
  };
  return { sum: total('sum'), count: total('count') };
}

/** A process on the control plane's node: the API server and Services are reached from there. */
class Client {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    const script = join(import.meta.dirname, 'client.ts');
    const [command, ...words] = wordsOnNode(nodes()[0]!, process.execPath, script, kubeconfigPath);
    this.#child = spawn(command!, words, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  async ask<T>(line: string): Promise<T> {
    this.#child.stdin!.write(`${line}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`the bench's client ended at: ${line}`);
    return JSON.parse(value) as T;
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}
