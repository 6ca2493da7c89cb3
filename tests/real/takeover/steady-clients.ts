/** Steady clients in namespaces of a cluster: started, looked at, and ended with what they tell. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fabricNetns, type NodeLayout } from '../cluster/layout.ts';
import { wordsOnNode } from '../cluster/node.ts';

export interface SteadyReport {
  answers: number;
  connections: number;
  failures: { what: string; target: string; after: number; why: string }[];
}

const script = join(import.meta.dirname, 'steady-client.ts');

export class SteadyClient {
  readonly #child: ChildProcess;
  #output = '';

  /** `stay`: targets of connections that go on; `come`: of new ones, in turn. */
  constructor(words: readonly string[], plan: { stay: string[]; come: string[] }) {
    const input = JSON.stringify({ ...plan, everyMs: 50 });
    const [command, ...rest] = [...words, process.execPath, script, input];
    this.#child = spawn(command!, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child.stdout!.on('data', (bytes) => {
      this.#output += bytes;
    });
  }

  async end(): Promise<SteadyReport> {
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGTERM');
    await closed;
    return JSON.parse(this.#output) as SteadyReport;
  }
}

/** The words that run a program on a node, in the network namespace of one of its pods. */
export function inPod(node: NodeLayout, netns: string): string[] {
  return [...wordsOnNode(node), 'nsenter', `--net=${netns}`];
}

/** Outside of the cluster, beside its nodes. */
export const outside = ['nsenter', `--net=/run/netns/${fabricNetns}`];
