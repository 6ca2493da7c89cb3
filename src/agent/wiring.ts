/**
 * One node's agent: who gets what from whom. Features know small interfaces only; here they meet.
 *
 *     API ──► informers ──nodes──────────► NodeNetwork ◄── Uplink (addresses as the kernel tells of them)
 *                │                              ├─────────► hostgw routes, own CIDRs, masquerade
 *                │                              │
 *                │                              └─own node──► NodeIpam.setCidrs, NodeMemory, NodeCondition
 *                ├──policies, pods──► NetworkPolicies ──► the same maps as ServiceProxy's
 *                │                          └──────────► DnsPath: whom the kernel may answer
 *                └──services, slices──► ServiceProxy ──► BPF maps, socket and uplink hooks
 *                                           ├──────────► ServiceHealth (healthCheckNodePorts, /healthz)
 *                                           ▲
 *     runtime ──► shim ──► CNI server ──► PodNetwork ──► NodeIpam (disk)
 *                                           ├──────────► NetworkPolicies.admit (in force before the first packet)
 *                                           ├──────────► PodInterface (veth, addresses, routes)
 *                                           ├──────────► ServiceProxy.attachPod (programs), .hostPorts
 *                                           ├──────────► DnsPath.attachPod (its program, ahead of those)
 *                                           └──────────► AddressPublisher
 *
 * The order of `start` is what pods rest on: sysctls, address store, programs, pods that are there, then the CNI
 * server; and once the kernel holds a complete state: conflist, node condition. Where an earlier agent's state is
 * pinned and in force the node stays ready while the API is away: nothing that serves pods waits for it. Where it is
 * not, pods that are there keep the programs they have until the new state is complete. State of another layout is
 * carried over whole, before anything else (docs/upgrades.md).
 */

import { existsSync, readFileSync } from 'node:fs';
import { startCniServer } from '../cni/server/cni-server.ts';
import { createDispatcher, type Dispatcher } from '../cni/server/dispatch.ts';
import { resources } from '../kube/resources.ts';
import { parseCidr } from '../net/cidr.ts';
import { formatIp } from '../net/ip.ts';
import { protocolNumbers } from '../net/protocol.ts';
import { createHostgwBackend } from '../podnet/backend/hostgw/apply.ts';
import { createRoutedInterface } from '../podnet/interface/routed/apply.ts';
import type { NetworkPolicies } from '../policy/network-policies.ts';
import { createServiceHealth, type ServiceHealth } from '../service/health/service-health.ts';
import { parseNodePortSelection } from '../service/model/node-port-addresses.ts';
import type { ServiceProxy } from '../service/service-proxy.ts';
import { type AgentMetrics, createAgentMetrics } from './agent-metrics.ts';
import type { AgentConfig } from './config.ts';
import { installShim } from './conflist.ts';
import { type DnsPath, openDnsPath } from './dns-path.ts';
import { type AgentParts, type NodeContext, openNode } from './node-context.ts';
import { NodeNetwork } from './node-network.ts';
import { applyNodeSysctls } from './node-sysctls.ts';
import { OtherProxy } from './other-proxy.ts';
import { isPodGone } from './pod-gone.ts';
import { PodNetwork } from './pod-network.ts';
import { podPolicies, wirePolicies } from './pod-policies.ts';
import { recordHealthCheckFailure } from './service-events.ts';
import { type StatusSources, startStatusServer } from './status-server.ts';

const kubeProxyHealthzPort = 10_256;

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
  await using stack = new AsyncDisposableStack();
  applyNodeSysctls(config);
  const node = await openNode(config, parts, stack);
  const health = stack.use(wireHealth(node));
  const otherProxy = wireOtherProxy(node, () => services.refresh());
  const services = wireServices(node, health, otherProxy);
  const network = wireNetwork(node, services);
  // Before the datapath is attached: what began before is not its own.
  await otherProxy?.lookFirst();
  const { tookOver } = await services.start();
  stack.defer(() => services.stop());
  const inForce = takeOver(node, tookOver);
  const policies = wirePolicies(node, services, () => dns?.policiesChanged());
  stack.defer(() => policies?.stop());
  const dns = openDnsPath({
    ...node,
    isLetTo: (pod, { ip, port }) => (policies ? policies.allows(pod, ip, protocolNumbers.UDP, port) : true),
  });
  stack.defer(() => dns?.close());
  if (node.former !== undefined) node.former.onGone = () => network.recheckOwnCidrs();
  const pods = wirePods(node, services, { dns, policies });
  pods.openHostPorts();
  const known = Promise.all([services.synced(), policies?.synced()]);
  const recovery = inForce ? pods.recover() : known.then(() => pods.recover());
  if (inForce) await recovery;
  const sources = {
    usage: () => node.ipam.usage(),
    services: () => services.status(),
    network: () => network.status(),
    dns: () => dns?.status(),
    otherProxy: () => otherProxy?.status(),
  };
  const metrics = createAgentMetrics(sources, node.registry);
  stack.defer(() => metrics.stop());
  const cni = await startCniServer({ path: config.cniSocket, dispatch: dispatcherOf(node, pods, metrics) });
  stack.defer(() => cni.close());
  network.start();
  stack.defer(() => network.stop());
  stack.use(watchNode(node, { services, network }));
  node.informers.start();
  health.start();
  otherProxy?.start();
  stack.defer(() => otherProxy?.stop());
  const status = await startStatusServer(
    config.statusPort,
    statusSources(node, { services, network, policies, metrics, health, dns, otherProxy }),
  );
  stack.defer(() => status.close());
  node.logger.info('agent started', { inForce, ready: node.notReady() === undefined });
  recovery.then(
    (recovered) => node.logger.info('pods that were there are taken over', { ...recovered }),
    () => {},
  );
  const announced = announce(node, [network.synced(), known, recovery]);
  // Told to whoever asks for it; nobody has to.
  announced.catch(() => {});
  const owned = stack.move();
  return { notReady: node.notReady, ready: () => announced, stop: () => owned.disposeAsync() };
}

/** Whether programs and maps of an earlier agent are in force: a later failure does not make running pods worse. */
function takeOver(node: NodeContext, mapsTakenOver: boolean): boolean {
  if (!mapsTakenOver) node.complete.forget();
  const inForce = node.complete.isInForce();
  if (inForce && node.facts !== undefined) node.setReady();
  return inForce;
}

function wireHealth({ config, client, informers, uplink, logger, clock }: NodeContext): ServiceHealth {
  const nodes = informers.store(resources.nodes);
  const services = informers.store(resources.services);
  const { nodeName } = config;
  const events = { client, nodeName, service: (key: string) => services.get(key), clock, logger };
  return createServiceHealth({
    port: config.healthzPort ?? kubeProxyHealthzPort,
    families: config.serviceCidrs.map((cidr) => parseCidr(cidr).ip.family),
    node: {
      addresses: () => uplink.addresses(),
      object: () => (nodes.hasSynced ? nodes.get(config.nodeName) : 'unknown'),
    },
    nodePortAddresses: parseNodePortSelection(config.nodePortAddresses ?? []),
    onFailure: (service, problem) => recordHealthCheckFailure(events, service, problem),
    clock,
    logger: logger.child({ component: 'health' }),
  });
}

function wireOtherProxy(node: NodeContext, onChange: () => void): OtherProxy | undefined {
  const { otherProxy: kernel, nftables, netlink, informers, logger, clock } = node;
  if (kernel === undefined) return undefined;
  const services = informers.store(resources.services);
  return new OtherProxy({ kernel, nftables, netlink, services, onChange, logger, clock });
}

function wireServices(
  node: NodeContext,
  health: ServiceHealth,
  otherProxy: OtherProxy | undefined,
): ServiceProxy {
  const { config, informers, uplink, logger, clock } = node;
  return node.createServiceProxy({
    services: informers.store(resources.services),
    slices: informers.store(resources.endpointSlices),
    namespaces: informers.store(resources.namespaces),
    node: {
      name: config.nodeName,
      get zone() {
        return node.facts?.zone;
      },
      addresses: () => uplink.addresses(),
    },
    bpf: {
      objectsDirectory: config.objectsDirectory,
      pinDirectory: config.bpfDirectory,
      cgroup: config.cgroup,
      uplinkIfindex: uplink.link().index,
      ...(config.xdp && { xdp: config.xdp }),
      ...(config.podForwarding && { podForwarding: config.podForwarding }),
      ...(config.mapSizes && { mapSizes: config.mapSizes }),
    },
    metrics: node.registry,
    clusterNodes: () => node.nodeIps,
    podNamespaces: () => node.ipam.list().flatMap(({ note }) => note.netns ?? []),
    isPodGone: (pod) => isPodGone(node.client, pod),
    nodePortAddresses: parseNodePortSelection(config.nodePortAddresses ?? []),
    serviceCidrs: () => node.serviceCidrs.list(),
    earlierConnections: () => (otherProxy?.status().connections ?? 0) > 0,
    health,
    logger: logger.child({ component: 'services' }),
    clock,
  });
}

/** A NodePort answers on an address from the moment that the node has it; a ClusterIP's block is known as soon as it is one. */
function watchNode(
  { uplink, watchRoutes, serviceCidrs }: NodeContext,
  { services, network }: { services: ServiceProxy; network: NodeNetwork },
): Disposable {
  const stack = new DisposableStack();
  stack.use(
    uplink.watch(watchRoutes, ({ addresses }) => {
      if (addresses) services.refresh();
      network.refresh();
    }),
  );
  stack.defer(
    serviceCidrs.onChange(() => {
      services.refresh();
      network.refresh();
    }),
  );
  return stack;
}

function wireNetwork(node: NodeContext, services: ServiceProxy): NodeNetwork {
  const { config, informers, netlink, uplink, ipam, condition, taint, memory, logger, clock } = node;
  return new NodeNetwork({
    ...{ config, informers, netlink, clock },
    serviceCidrs: () => node.serviceCidrs.list(),
    backend: createHostgwBackend({ netlink, uplink: config.uplink }),
    applyRuleset: (text) => node.nftables.apply(undefined, text),
    logger: logger.child({ component: 'network' }),
    onNodeIps: (ips) => {
      node.nodeIps = ips;
      services.refresh();
    },
    onOwnNode: (facts, object) => {
      const zoneChanged = facts.zone !== node.facts?.zone;
      node.facts = facts;
      if (uplink.setFacts(facts) || zoneChanged) services.refresh();
      ipam.setCidrs(facts.podCidrs);
      adoptFormerPods(node);
      condition.observe(object);
      taint?.observe(object);
      memory.save(facts).catch((error) => logger.warn('cannot remember the node', { error }));
    },
  });
}

/** Once the node's blocks are known; ADDs and DELs do it too. */
function adoptFormerPods({ former, logger }: NodeContext): void {
  former
    ?.adopt()
    .catch((error) => logger.error('pods of another network plugin cannot be taken over', { error }));
}

function wirePods(
  { config, ipam, former, netlink, uplink, podNetnsCookie, notReady, logger }: NodeContext,
  services: ServiceProxy,
  { dns, policies }: { dns: DnsPath | undefined; policies: NetworkPolicies | undefined },
): PodNetwork {
  return new PodNetwork({
    ipam,
    podInterface: createRoutedInterface({ node: netlink, situation: () => uplink.situation() }),
    ...(former && { former }),
    datapath: dns?.aheadOf(services) ?? services,
    ...(policies && { policies: podPolicies(policies) }),
    hostPorts: services.hostPorts,
    netnsCookie: podNetnsCookie,
    notReady,
    held: () => heldBack(config.holdPodsPath),
    logger: logger.child({ component: 'pods' }),
  });
}

function heldBack(path: string | undefined): string | undefined {
  return path !== undefined && existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

function dispatcherOf({ logger }: NodeContext, handler: PodNetwork, metrics: AgentMetrics): Dispatcher {
  return metrics.measured(createDispatcher({ handler, logger: logger.child({ component: 'cni' }) }));
}

function statusSources(
  { config, ipam, former, notReady }: NodeContext,
  {
    services,
    network,
    policies,
    metrics,
    health,
    dns,
    otherProxy,
  }: {
    services: ServiceProxy;
    network: NodeNetwork;
    policies: NetworkPolicies | undefined;
    metrics: AgentMetrics;
    health: ServiceHealth;
    dns: DnsPath | undefined;
    otherProxy: OtherProxy | undefined;
  },
): StatusSources {
  return {
    notReady,
    metrics: () => metrics.render(),
    services: () => services.inspection.services(),
    connections: (limit) => services.inspection.connections(limit),
    dnsAnswers: async (every) => (await dns?.answers(every)) ?? [],
    status: () => ({
      node: config.nodeName,
      ready: notReady() === undefined,
      notReady: notReady(),
      pods: ipam.list().map(({ ips, ...rest }) => ({ ...rest, ips: ips.map(formatIp) })),
      ipam: ipam.usage(),
      network: network.status(),
      services: services.status(),
      policy: policies?.status(),
      health: health.status(),
      dns: dns?.status(),
      otherProxy: otherProxy?.status(),
      formerNetwork: former?.status(),
      rssBytes: process.memoryUsage.rss(),
    }),
  };
}

/** Tells the runtime and the cluster that pods can start here: once the kernel holds a complete state. */
async function announce(node: NodeContext, synced: Promise<unknown>[]): Promise<void> {
  await installShim(node.config);
  const recorded = Promise.all(synced).then(() => node.complete.record());
  recorded.catch((error) => node.logger.error('the state in force cannot be recorded', { error }));
  if (node.notReady() !== undefined) await recorded;
  node.setReady();
  await node.cniFiles.keep();
  node.condition.setUp();
  node.taint?.setUp();
  node.logger.info('pods can start');
}
