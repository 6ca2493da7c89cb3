/** The table's cluster as a lab: its pods, its objects by the API, and clients' sockets where the table has them. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { at } from '../../../bpf/tests/cluster.ts';
import { createHttpClient, type HttpClient } from '../../../src/kube/client/http-client.ts';
import { loadKubeconfig } from '../../../src/kube/client/kubeconfig.ts';
import { resources } from '../../../src/kube/resources.ts';
import type { Pod, Service } from '../../../src/kube/types.ts';
import { type LabConfig, labPaths } from '../../../src/lab/topology/lab-config.ts';
import { cgroupMount } from '../../../src/linux/cgroup/cgroup.ts';
import { type NetnsHandle, openNetns } from '../../../src/linux/netns/netns.ts';
import { bringUp, type TestLab } from '../../e2e/support/lab.ts';
import { must, runDirectory } from '../../e2e/support/tendril.ts';
import { until } from '../../e2e/support/until.ts';
import type { SemanticCase } from './case.ts';
import {
  backendNames,
  backendPorts,
  type CaseObjects,
  homeOf,
  type Ips,
  type NodeName,
  nodeNames,
  nodes,
  objectsOf,
  podNodes,
  routedBlocks,
  type World,
} from './world.ts';

export const realNodes = { 'node-a': 'node-1', 'node-b': 'node-2', 'node-c': 'node-3' } as const;

interface Place {
  netns: NetnsHandle;
  cgroup?: string;
}

export class ServiceLab implements AsyncDisposable {
  readonly world: World;
  readonly lab: TestLab;
  readonly client: HttpClient;
  readonly #paths: ReturnType<typeof labPaths>;
  readonly #uids: ReadonlyMap<string, string>;
  readonly #places = new Map<string, Place>();
  readonly #servers: ChildProcess[] = [];

  static async start(): Promise<ServiceLab> {
    const lab = await bringUp({ manifest: manifest() });
    try {
      const client = createHttpClient(await loadKubeconfig((await must(lab.tendril(['kubeconfig']))).trim()));
      const { items } = await client.list(resources.pods, { namespace: 'default' });
      const config: LabConfig = JSON.parse(readFileSync(pathsOf(lab).config, 'utf8'));
      const world = await worldOf(client, items, config.outsideIps);
      return new ServiceLab({ lab, client, world, pods: items });
    } catch (error) {
      await lab.down();
      throw error;
    }
  }

  private constructor(parts: { lab: TestLab; client: HttpClient; world: World; pods: readonly Pod[] }) {
    this.lab = parts.lab;
    this.client = parts.client;
    this.world = parts.world;
    this.#paths = pathsOf(parts.lab);
    this.#uids = new Map(parts.pods.map(({ metadata }) => [metadata.name, metadata.uid]));
    for (const [frontend, blocks] of Object.entries(routedBlocks)) this.#route(frontend, blocks);
  }

  /** The outside's way to addresses that belong to nobody. */
  #route(frontend: string, blocks: Ips): void {
    const via = this.world.nodes[`node-${frontend.at(-1)}` as NodeName];
    for (const family of [4, 6] as const) {
      const route = ['ip', `-${family}`, 'route', 'add', blocks[family], 'via', via[family]];
      execFileSync('nsenter', [`--net=${this.#paths.netns('outside')}`, ...route]);
    }
  }

  /** What stands in for a server echoes datagrams: these tell who they are, and whom they see. */
  async #startDatagramServers(): Promise<void> {
    const started = backendNames.map(async (name) => {
      const netns = this.#paths.netns(`pods/${this.#uids.get(name)}`);
      const argv = [`--net=${netns}`, process.execPath, '-e', datagramServer, name, String(backendPorts.UDP)];
      const child = spawn('nsenter', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
      this.#servers.push(child);
      await once(child.stdout, 'data');
    });
    await Promise.all(started);
  }

  /** Gives every node its zone, makes the objects, and waits until all nodes serve them. */
  async serve(cases: readonly SemanticCase[]): Promise<void> {
    await this.#startDatagramServers();
    for (const name of nodeNames) {
      const body = { metadata: { labels: { 'topology.kubernetes.io/zone': nodes[name] } } };
      const patch = { type: 'application/merge-patch+json', body } as const;
      await this.client.patch(resources.nodes, { name: realNodes[name] }, patch);
    }
    for (const [index, semantic] of cases.entries())
      await this.#create(objectsOf(semantic, index, this.world));
    await this.inForce();
  }

  /** Until every node serves the newest objects. */
  async inForce(): Promise<void> {
    await until('all nodes serve the objects', async () => (await this.lab.tendril(['status'])).code === 0);
  }

  async #create({ service, slices }: CaseObjects): Promise<void> {
    const { status, ...rest } = service;
    const bare = <T extends { metadata: object }>({ metadata, ...object }: T) => {
      const { name, namespace, labels, annotations } = metadata as Service['metadata'];
      return { ...object, metadata: { name, namespace, labels, annotations } } as never;
    };
    const made: Service = await this.client.create(resources.services, bare(rest));
    if (status?.loadBalancer?.ingress?.length)
      await this.client.update(resources.services, { ...made, status } as Service, 'status');
    for (const slice of slices) await this.client.create(resources.endpointSlices, bare(slice));
  }

  /** Calls `use` on this thread, in the network and the cgroup of a client of the table. */
  as<T>(client: string, use: () => T): T {
    const place = this.#places.get(client) ?? this.#openPlace(client);
    this.#places.set(client, place);
    return at(place, use);
  }

  /** A request by HTTP from outside. */
  async curl(url: string): Promise<{ status: number; weight: string; body: string }> {
    const format = '\\n%{http_code} %header{x-load-balancing-endpoint-weight}';
    const output = await this.lab.exec(['--outside'], 'curl', '-s', '-m', '5', '-w', format, url);
    const [, body, status, weight] = /^(.*)\n(\d+) (.*)$/s.exec(output)!;
    return { status: Number(status), weight: weight!, body: body! };
  }

  #openPlace(client: string): Place {
    const home = homeOf(client);
    if (home === undefined) return { netns: openNetns(this.#paths.netns('outside')) };
    const { netns, cgroup } = this.#paths.node(realNodes[home]);
    const uid = this.#uids.get(client);
    return { netns: openNetns(uid === undefined ? netns : this.#paths.netns(`pods/${uid}`)), cgroup };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { netns } of this.#places.values()) netns[Symbol.dispose]();
    for (const server of this.#servers) {
      server.kill('SIGKILL');
      await once(server, 'exit');
    }
    this.client.close();
    await this.lab.down();
  }
}

const datagramServer = `
  const [name, port] = process.argv.slice(1);
  const socket = require('dgram').createSocket('udp6');
  socket.on('message', (_, { address, port }) => {
    const client = address.startsWith('::ffff:') ? address.slice(7) + ':' + port : '[' + address + ']:' + port;
    socket.send(JSON.stringify({ pod: name, client }), port, address);
  });
  socket.bind(Number(port), () => console.log('ready'));`;

function pathsOf(lab: TestLab): ReturnType<typeof labPaths> {
  return labPaths(lab.name, { base: runDirectory, cgroupMount: cgroupMount() });
}

function manifest(): string {
  const pods = Object.entries(podNodes).map(([name, node]) => {
    const isBackend = (backendNames as readonly string[]).includes(name);
    const container = isBackend
      ? { name: 'server', image: 'example.com/server', ports: [{ containerPort: backendPorts.TCP }] }
      : { name: 'tools', image: 'example.com/tools', command: ['sleep', 'infinity'] };
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: { nodeName: realNodes[node], terminationGracePeriodSeconds: 0, containers: [container] },
    };
  });
  return pods.map((pod) => JSON.stringify(pod)).join('\n---\n');
}

async function worldOf(client: HttpClient, pods: readonly Pod[], outside: readonly string[]): Promise<World> {
  const { items } = await client.list(resources.nodes);
  const addresses = (real: string) =>
    ipsOf(
      items.find(({ metadata }) => metadata.name === real)!.status!.addresses!.map(({ address }) => address),
    );
  return {
    realNodes,
    nodes: {
      'node-a': addresses(realNodes['node-a']),
      'node-b': addresses(realNodes['node-b']),
      'node-c': addresses(realNodes['node-c']),
    },
    pods: Object.fromEntries(
      pods.map(({ metadata, status }) => [metadata.name, ipsOf(status!.podIPs!.map(({ ip }) => ip!))]),
    ),
    outside: ipsOf(outside),
  };
}

function ipsOf(texts: readonly string[]): Ips {
  return { 4: texts.find((text) => /^[\d.]+$/.test(text))!, 6: texts.find((text) => text.includes(':'))! };
}
