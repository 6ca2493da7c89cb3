/** Tendril's Services as its agent runs them, stores filled by hand. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { objectsDirectory } from '../../bpf/tests/cluster.ts';
import { MemoryStore } from '../../src/kube/client/memory-store.ts';
import type { EndpointSlice, Service } from '../../src/kube/types.ts';
import { netnsCookieAt } from '../../src/linux/bpf/netns-cookie.ts';
import { parseIp } from '../../src/net/ip.ts';
import { createServiceProxy, type ServiceProxy } from '../../src/service/service-proxy.ts';
import { createLogger } from '../../src/util/logger.ts';
import type { Contender } from './contender.ts';
import type { Machine } from './machine.ts';
import { type ClusterObjects, nodeIps, nodeName, serverIps } from './objects.ts';
import { type MapWriteEvent, type ObservedBpf, observedBpf } from './observed-bpf.ts';

export class Ours implements Contender {
  readonly name = 'tendril';
  readonly machine: Machine;
  readonly proxy: ServiceProxy;
  readonly slices = new MemoryStore<EndpointSlice>();
  readonly services = new MemoryStore<Service>();
  readonly #observed: ObservedBpf;
  readonly #bpffs: string;

  private constructor(machine: Machine, cgroup: string, onWrite?: (event: MapWriteEvent) => void) {
    this.machine = machine;
    this.#bpffs = join(machine.directory, 'bpf');
    mkdirSync(this.#bpffs);
    execFileSync('mount', ['-t', 'bpf', 'bpf', this.#bpffs]);
    this.#observed = observedBpf(machine.node, onWrite);
    this.proxy = createServiceProxy(
      {
        services: this.services,
        slices: this.slices,
        node: { name: nodeName, addresses: () => Object.values(nodeIps).map(parseIp) },
        bpf: {
          ...{ objectsDirectory, cgroup, pinDirectory: join(this.#bpffs, 'node') },
          uplinkIfindex: machine.ifindex('eth0'),
        },
        logger: createLogger({ level: 'warn' }),
      },
      { bpf: this.#observed.bpf, netnsCookie: () => 1n },
    );
  }

  static async start(
    machine: Machine,
    options: { cgroup: string; onWrite?: (event: MapWriteEvent) => void },
  ): Promise<Ours> {
    const ours = new Ours(machine, options.cgroup, options.onWrite);
    await ours.proxy.start();
    for (const [pod, ips] of [
      ['client', ['10.244.1.3', 'fd00:244:1::3']],
      ['server', Object.values(serverIps)],
    ] as const) {
      ours.proxy.attachPod({
        ifindex: machine.ifindex(pod),
        ips: ips.map((ip) => parseIp(ip)),
        mac: machine.mac(pod),
        netnsCookie: netnsCookieAt(machine.path(pod)),
        link: { hostMac: machine.hostMac, mtu: 1500 },
      });
    }
    return ours;
  }

  async serve({ services, slices }: ClusterObjects): Promise<number> {
    const start = performance.now();
    const versions = [...services, ...slices].map(({ metadata }) => Number(metadata.resourceVersion));
    const newest = versions.reduce((highest, version) => Math.max(highest, version), 0);
    this.services.replace(services);
    this.slices.replace(slices);
    await this.proxy.synced();
    while (Number(this.proxy.status().revision) < newest) {
      if (this.proxy.status().lastError) throw new Error(this.proxy.status().lastError);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return performance.now() - start;
  }

  async forget(): Promise<void> {
    const map = this.#observed.map('conntrack');
    const keys = [...map.entries()].map(([key]) => key);
    for (let at = 0; at < keys.length; at += 1000) {
      const batch = keys.slice(at, at + 1000);
      map.deleteBatch(Buffer.concat(batch), batch.length);
    }
  }

  async close(): Promise<void> {
    try {
      await this.proxy.cleanup();
    } finally {
      execFileSync('umount', ['-l', this.#bpffs]);
      await this.machine.close();
    }
  }
}
