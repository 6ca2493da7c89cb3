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

export class SyncRig implements AsyncDisposable {
  readonly #closers = new Closers();
  agent!: OwnAgent;
  peer!: KubeProxy;
  api!: ClusterApi;

  private constructor() {}

  static async open(options: { limitMs: number }): Promise<SyncRig> {
    await using opening = new AsyncDisposableStack();
    const rig = opening.use(new SyncRig());
    await rig.#fill(options.limitMs);
    opening.move();
    return rig;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#closers[Symbol.asyncDispose]();
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
