/** An agent's Services in a process of their own, bundled as the program is; each start finds nothing pinned. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { objectsDirectory } from '../../bpf/tests/cluster.ts';
import { formatMac } from '../../src/net/mac.ts';
import type { AgentReport, AgentSettings } from './agent-process.ts';
import { bundled } from './bundle.ts';
import type { LineProcess, Machine } from './machine.ts';
import { nodeIps, nodeName } from './objects.ts';

export class OwnAgent {
  readonly #machine: Machine;
  readonly #settings: AgentSettings;
  readonly #bundle: string;
  readonly #bpffs: string;
  #process: LineProcess | undefined;
  #starts = 0;

  private constructor(options: { machine: Machine; cgroup: string; kubeconfig: string; bundle: string }) {
    const { machine, cgroup, kubeconfig } = options;
    this.#machine = machine;
    this.#bundle = options.bundle;
    this.#bpffs = join(machine.directory, 'bpf');
    mkdirSync(this.#bpffs);
    execFileSync('mount', ['-t', 'bpf', 'bpf', this.#bpffs]);
    this.#settings = {
      ...{ kubeconfig, node: nodeName, addresses: Object.values(nodeIps) },
      bpf: { objectsDirectory, pinDirectory: '', cgroup, uplinkIfindex: machine.ifindex('eth0') },
      pod: { ifindex: machine.ifindex('client'), ips: ['10.244.1.3'], mac: formatMac(machine.mac('client')) },
    };
  }

  static async prepare(options: { machine: Machine; cgroup: string; kubeconfig: string }): Promise<OwnAgent> {
    const bundle = await bundled(join(import.meta.dirname, 'agent-process.ts'));
    return new OwnAgent({ ...options, bundle });
  }

  /** Syncs what the API holds from nothing, within two minutes. @throws Error when it ends before */
  async sync(): Promise<AgentReport> {
    this.stop();
    const pinDirectory = join(this.#bpffs, `run-${this.#starts++}`);
    const settings = { ...this.#settings, bpf: { ...this.#settings.bpf, pinDirectory } };
    const argv = [process.execPath, this.#bundle, `'${JSON.stringify(settings)}'`];
    this.#process = this.#machine.start('node', argv, { anyCpu: true });
    return this.report();
  }

  async report(question: 'report' | 'live' = 'report'): Promise<AgentReport> {
    return JSON.parse((await this.#process!.ask(question))[0]!);
  }

  stop(): void {
    this.#process?.stop();
    this.#process = undefined;
  }

  async close(): Promise<void> {
    this.stop();
    execFileSync('umount', ['-l', this.#bpffs]);
    await this.#machine.close();
  }
}
