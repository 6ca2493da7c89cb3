/** All contenders of a bench, made together and taken away together. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { cgroupMount } from '../../bpf/tests/cluster.ts';
import { ensureKubeProxy, KubeProxy, type ProxyMode } from '../peers/kube-proxy.ts';
import { Closers } from './closers.ts';
import { type ClusterApi, startClusterApi } from './cluster-api.ts';
import { type Contender, plain } from './contender.ts';
import { compile, type LineProcess, Machine, type Place } from './machine.ts';
import { type ClusterObjects, type Family, serverIps, serverPort, serverPorts } from './objects.ts';
import type { MapWriteEvent } from './observed-bpf.ts';
import { Ours } from './ours.ts';
import { type Load, type Rates, takeTurns } from './turns.ts';

export interface ArenaOptions {
  plain?: boolean;
  modes?: readonly ProxyMode[];
  onWrite?: (event: MapWriteEvent) => void;
  /** How long a peer's first sync may take. */
  limitMs?: number;
}

export interface Target {
  ip: string;
  port: number;
}

export class Arena implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'tendril-bench-'));
  readonly #closers = new Closers();
  readonly #servers = new Map<Contender, LineProcess>();
  plain: Contender | undefined;
  ours!: Ours;
  peers: KubeProxy[] = [];
  api!: ClusterApi;

  private constructor() {
    this.#closers.add(async () => rmSync(this.directory, { recursive: true, force: true }));
  }

  static async open(options: ArenaOptions = {}): Promise<Arena> {
    await using opening = new AsyncDisposableStack();
    const arena = opening.use(new Arena());
    await arena.#fill(options);
    opening.move();
    return arena;
  }

  /**
   * Brings the same Services in force everywhere; the contenders that manage in time, and the milliseconds that each took.
   * Peers are started one after another: two first syncs at once would share the processors.
   */
  async serve(objects: ClusterObjects, { peers = true } = {}): Promise<Map<Contender, number>> {
    const took = new Map<Contender, number>();
    for (const peer of this.peers) await peer.pause();
    if (peers) this.api.fill(objects);
    for (const contender of this.contenders) {
      if (contender instanceof KubeProxy && !peers) continue;
      try {
        took.set(contender, await contender.serve(objects));
      } catch (error) {
        if (!(contender instanceof KubeProxy)) throw error;
        await contender.pause();
        console.error(`  left out: ${(error as Error).message}`);
      }
    }
    return took;
  }

  get contenders(): Contender[] {
    return [...(this.plain ? [this.plain] : []), this.ours, ...this.peers];
  }

  /** A client of bench/native/load in each contender's `place`, at the targets, which plain is given its own of. */
  async measure(options: {
    mode: string;
    connections: number;
    place: Place;
    targets: readonly Target[];
    family: Family;
    contenders: readonly Contender[];
    rounds: number;
    ms: number;
  }): Promise<Rates[]> {
    const { mode, connections, place, family } = options;
    const direct = Array.from({ length: serverPorts }, (_, n) => ({
      ip: serverIps[family],
      port: serverPort + n,
    }));
    const loads: Load[] = options.contenders.map((contender) => {
      const targets = contender === this.plain ? direct : options.targets;
      const words = targets.flatMap(({ ip, port }) => [ip, String(port)]);
      const argv = [this.program('load'), mode, String(connections), ...words];
      return { contender, client: contender.machine.start(place, argv) };
    });
    try {
      return await takeTurns(loads, options);
    } finally {
      for (const { client } of loads) client.stop();
    }
  }

  program(name: string): string {
    const path = join(this.directory, name);
    return existsSync(path) ? path : compile(name, this.directory);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#closers[Symbol.asyncDispose]();
  }

  async #fill({ modes = [], ...options }: ArenaOptions): Promise<void> {
    if (modes.length > 0) ensureKubeProxy();
    if (options.plain) this.plain = this.#keep(plain(this.#machine('plain')));
    const cgroup = join(cgroupMount(), basename(this.directory));
    const machine = this.#machine('ours', cgroup);
    this.ours = this.#keep(await Ours.start(machine, { cgroup, onWrite: options.onWrite }));
    const machines = modes.map((mode) => this.#machine(mode));
    const kubeconfig = join(this.directory, 'kubeconfig');
    this.api = await startClusterApi({ netns: machines.map(({ node }) => node), kubeconfig });
    this.#closers.add(() => this.api.close());
    for (const [index, mode] of modes.entries()) {
      const { limitMs } = options;
      this.peers.push(this.#keep(new KubeProxy({ mode, machine: machines[index]!, kubeconfig, limitMs })));
    }
    await Promise.all(this.contenders.map((contender) => this.#serve(contender)));
  }

  async #serve(contender: Contender): Promise<void> {
    const server = contender.machine.start('server', [
      this.program('server'),
      String(serverPort),
      String(serverPorts),
    ]);
    this.#servers.set(contender, server);
    await server.lines(1);
  }

  #machine(name: string, cgroup?: string): Machine {
    return new Machine({ directory: join(this.directory, name), cgroup });
  }

  #keep<C extends Contender>(contender: C): C {
    this.#closers.add(() => contender.close());
    return contender;
  }
}
