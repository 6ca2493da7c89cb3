/** An API server, a process of ours and a kube-proxy, each proxy on a machine of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { cgroupMount } from '../../bpf/tests/cluster.ts';
import { ensureKubeProxy, KubeProxy } from '../peers/kube-proxy.ts';
import { Closers } from './closers.ts';
import { type ClusterApi, startClusterApi } from './cluster-api.ts';
import { Machine } from './machine.ts';
import { OwnAgent } from './own-agent.ts';

export class SyncRig {
  readonly #closers = new Closers();
  agent!: OwnAgent;
  peer!: KubeProxy;
  api!: ClusterApi;

  private constructor() {}

  static async open(options: { limitMs: number }): Promise<SyncRig> {
    const rig = new SyncRig();
    try {
      await rig.#fill(options.limitMs);
      return rig;
    } catch (error) {
      await rig.close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#closers.close();
  }

  async #fill(limitMs: number): Promise<void> {
    ensureKubeProxy();
    const directory = mkdtempSync(join(tmpdir(), 'tendril-bench-'));
    this.#closers.add(async () => rmSync(directory, { recursive: true, force: true }));
    const cgroup = join(cgroupMount(), basename(directory));
    const kubeconfig = join(directory, 'kubeconfig');
    const machine = new Machine({ directory: join(directory, 'ours'), cgroup });
    this.agent = await OwnAgent.prepare({ machine, cgroup, kubeconfig });
    this.#closers.add(() => this.agent.close());
    const theirs = new Machine({ directory: join(directory, 'nftables') });
    this.peer = new KubeProxy({ mode: 'nftables', machine: theirs, kubeconfig, limitMs });
    this.#closers.add(() => this.peer.close());
    this.api = await startClusterApi({ netns: [machine.node, theirs.node], kubeconfig });
    this.#closers.add(() => this.api.close());
  }
}
