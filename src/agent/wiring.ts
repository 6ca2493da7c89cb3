/**
 * One node's agent: who gets what from whom. Features know small interfaces only; here they meet.
 *
 *     API ──► informers ──nodes──────────► NodeNetwork ──► hostgw routes, own CIDRs, masquerade
 *                │                              │
 *                │                              └─own node──► NodeIpam.setCidrs, NodeMemory, NodeCondition
 *                └──services, slices──► ServiceProxy ──► BPF maps, socket and uplink hooks
 *                                           ▲
 *     runtime ──► shim ──► CNI server ──► PodNetwork ──► NodeIpam (disk)
 *                                           ├──────────► PodInterface (veth, addresses, routes)
 *                                           ├──────────► ServiceProxy.attachPod (programs)
 *                                           └──────────► AddressPublisher
 *
 * The order of `start` is what pods rest on: sysctls, address store, programs, pods that are there, then the CNI
 * server; and once the kernel holds a complete state: conflist, node condition. Where an earlier agent's state is
 * pinned and in force the node stays ready while the API is away: nothing that serves pods waits for it.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type CniServer, startCniServer } from '../cni/server/cni-server.ts';
import { createDispatcher } from '../cni/server/dispatch.ts';
import { NodeIpam } from '../ipam/node-ipam.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { createInformers } from '../kube/client/informers.ts';
import { resources } from '../kube/resources.ts';
import { errno, KernelError } from '../linux/errno.ts';
import type { Link, RouteNetlink } from '../linux/netlink/route-netlink.ts';
import type { Nftables } from '../linux/nftables/nftables.ts';
import { equalIp, formatIp, type Ip } from '../net/ip.ts';
import { createHostgwBackend } from '../podnet/backend/hostgw/apply.ts';
import { createRoutedInterface } from '../podnet/interface/routed/apply.ts';
import type { ServiceProxy, ServiceProxyOptions } from '../service/service-proxy.ts';
import { type Clock, systemClock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import { createAgentMetrics } from './agent-metrics.ts';
import type { AgentConfig } from './config.ts';
import { installShim, writeConflist } from './conflist.ts';
import { createNodeCondition } from './node-condition.ts';
import { type NodeFacts, NodeMemory } from './node-facts.ts';
import { NodeNetwork } from './node-network.ts';
import { applyNodeSysctls, hasIpv6 } from './node-sysctls.ts';
import { PodNetwork } from './pod-network.ts';
import { startStatusServer } from './status-server.ts';

/** What the kernel and the API are to an agent; tests give others. */
export interface AgentParts {
  client: KubeClient;
  netlink: RouteNetlink;
  createServiceProxy: (options: ServiceProxyOptions) => ServiceProxy;
  nftables: Nftables;
  logger: Logger;
  clock?: Clock;
}

export interface Agent {
  /** Why pods cannot start here; undefined once they can. */
  notReady(): string | undefined;
  /** Resolves once a complete state is in the kernel and the runtime has been told. */
  ready(): Promise<void>;
  /** Ends the process's part. The datapath and the pods go on. */
  stop(): Promise<void>;
}

/** @throws TendrilError when the node cannot carry the pod network; nothing that runs is stopped then */
export async function startAgent(config: AgentConfig, parts: AgentParts): Promise<Agent> {
  const { client, netlink, logger, clock = systemClock } = parts;
  await using stack = new AsyncDisposableStack();
  const uplink = new Uplink(netlink, config.uplink);
  const memory = new NodeMemory(join(config.stateDirectory, 'node.json'));
  const remembered = await memory.load();
  const readiness = new Readiness(remembered !== undefined && hasPins(config.bpfDirectory));
  uplink.setFacts(remembered);

  applyNodeSysctls(config.uplink);
  const ipam = await NodeIpam.open({ path: join(config.stateDirectory, 'addresses'), clock });
  stack.defer(() => ipam.close());
  ipam.setCidrs(remembered?.podCidrs ?? []);

  const informers = createInformers({ client, logger, clock });
  stack.defer(() => informers.stop());
  const proxy = parts.createServiceProxy({
    services: informers.store(resources.services),
    slices: informers.store(resources.endpointSlices),
    node: { name: config.nodeName, zone: remembered?.zone, addresses: () => uplink.addresses() },
    bpf: {
      objectsDirectory: config.objectsDirectory,
      pinDirectory: config.bpfDirectory,
      cgroup: config.cgroup,
      uplinkIfindex: uplink.link().index,
    },
    logger: logger.child({ component: 'services' }),
    clock,
  });
  const condition = createNodeCondition({ client, clock, logger });
  stack.defer(() => condition.stop());
  const network = new NodeNetwork({
    config,
    informers,
    netlink,
    backend: createHostgwBackend({ netlink, uplink: config.uplink }),
    applyRuleset: (text) => parts.nftables.apply(undefined, text),
    logger: logger.child({ component: 'network' }),
    onOwnNode: (facts, node) => {
      if (uplink.setFacts(facts)) proxy.refresh();
      ipam.setCidrs(facts.podCidrs);
      condition.observe(node);
      void memory.save(facts).catch((error) => logger.warn('cannot remember the node', { error }));
    },
  });
  stack.defer(() => network.stop());

  await proxy.start();
  stack.defer(() => proxy.stop());
  const pods = new PodNetwork({
    ipam,
    podInterface: createRoutedInterface({ node: netlink, situation: () => uplink.situation() }),
    datapath: proxy,
    notReady: () => readiness.reason,
    logger: logger.child({ component: 'pods' }),
  });
  const recovered = await pods.recover();
  const metrics = createAgentMetrics({
    usage: () => ipam.usage(),
    services: () => proxy.status(),
    network: () => network.status(),
  });
  stack.defer(() => metrics.stop());
  const dispatch = metrics.measured(
    createDispatcher({ handler: pods, logger: logger.child({ component: 'cni' }) }),
  );
  const cni: CniServer = await startCniServer({ path: config.cniSocket, dispatch });
  stack.defer(() => cni.close());
  network.start();
  informers.start();
  const statusServer = await startStatusServer(config.statusPort, {
    notReady: () => readiness.reason,
    metrics: () => metrics.render(),
    status: () => ({
      node: config.nodeName,
      ready: readiness.reason === undefined,
      notReady: readiness.reason,
      pods: ipam.list().map(({ ips, ...rest }) => ({ ...rest, ips: ips.map(formatIp) })),
      ipam: ipam.usage(),
      network: network.status(),
      services: proxy.status(),
      rssBytes: process.memoryUsage.rss(),
    }),
  });
  stack.defer(() => statusServer.close());
  logger.info('agent started', { ...recovered, ready: readiness.reason === undefined });

  const announced = announce();
  announced.catch(() => {});
  const owned = stack.move();
  return {
    notReady: () => readiness.reason,
    ready: () => announced,
    stop: () => owned.disposeAsync(),
  };

  async function announce(): Promise<void> {
    await installShim(config);
    if (readiness.reason !== undefined) await Promise.all([network.synced(), proxy.synced()]);
    readiness.set();
    await writeConflist(config);
    condition.setUp();
    logger.info('pods can start');
  }
}

/** From "not yet" to "ready", once; a sync that fails later does not make running pods worse. */
class Readiness {
  #reason: string | undefined;

  constructor(ready: boolean) {
    this.#reason = ready ? undefined : 'the agent has not learned of the cluster’s nodes and Services yet';
  }

  get reason(): string | undefined {
    return this.#reason;
  }

  set(): void {
    this.#reason = undefined;
  }
}

/** The interface that leads to the other nodes, and the node's addresses, as far as they are known. */
class Uplink {
  readonly #netlink: RouteNetlink;
  readonly #name: string;
  readonly #ipv6 = hasIpv6();
  #internalIps: readonly Ip[] = [];
  #addresses: readonly Ip[] | undefined;

  constructor(netlink: RouteNetlink, name: string) {
    this.#netlink = netlink;
    this.#name = name;
  }

  link(): Link {
    const link = this.#netlink.link(this.#name);
    if (link !== undefined) return link;
    throw new KernelError(errno.ENODEV, 'find the uplink', this.#name, {
      remedy: 'give the agent the interface that leads to the other nodes',
    });
  }

  /** True when the node's addresses are others than before. */
  setFacts(facts: NodeFacts | undefined): boolean {
    const before = this.#addresses?.map(formatIp).join();
    this.#internalIps = facts?.internalIps ?? [];
    this.#addresses = undefined;
    return this.addresses().map(formatIp).join() !== before;
  }

  /** The node's own addresses of global scope on the uplink, those that its Node object names first. */
  addresses(): readonly Ip[] {
    this.#addresses ??= this.#readAddresses();
    return this.#addresses;
  }

  situation(): { mtu: number; sources: readonly Ip[]; ipv6: boolean } {
    return { mtu: this.link().mtu, sources: this.addresses(), ipv6: this.#ipv6 };
  }

  #readAddresses(): Ip[] {
    const present = this.#netlink
      .addresses({ link: this.link().index })
      .filter(({ scope = 0 }) => scope === 0)
      .map(({ ip }) => ip);
    const isNamed = (ip: Ip) => this.#internalIps.some((internal) => equalIp(internal, ip));
    return [...present.filter(isNamed), ...present.filter((ip) => !isNamed(ip))];
  }
}

/** Programs and maps of an earlier agent are pinned, hence in force. */
function hasPins(directory: string): boolean {
  try {
    return readdirSync(directory).length > 0;
  } catch {
    return false;
  }
}
