/** What the parts of one node's agent share, opened from what an earlier agent has left on disk. */

import { join } from 'node:path';
import type { FastPath, FastPathOptions } from '../dns/fastpath/fast-path.ts';
import { NodeIpam } from '../ipam/node-ipam.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { createInformers, type Informers } from '../kube/client/informers.ts';
import type { KubeObject } from '../kube/meta.ts';
import { resources } from '../kube/resources.ts';
import type { Pod } from '../kube/types.ts';
import type { BpfMap } from '../linux/bpf/bpf.ts';
import { openRouteNetlink } from '../linux/netlink/kernel-route-netlink.ts';
import type { RouteNetlink, WatchRoutes } from '../linux/netlink/route-netlink.ts';
import { openNetns } from '../linux/netns/netns.ts';
import type { Nftables } from '../linux/nftables/nftables.ts';
import type { Ip } from '../net/ip.ts';
import { keepPod } from '../policy/kept-pods.ts';
import type { PolicyEngine } from '../policy/policy-engine.ts';
import { keptObjects } from '../service/model/kept-objects.ts';
import type { ServiceProxy, ServiceProxyOptions } from '../service/service-proxy.ts';
import { type Clock, systemClock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import { MetricRegistry } from '../util/metrics.ts';
import { CniFiles } from './cni-files.ts';
import { CompleteState } from './complete-state.ts';
import type { AgentConfig } from './config.ts';
import { keepLastChange } from './dns-corefile.ts';
import { FormerNetwork } from './former-network/former-network.ts';
import { HostLocal } from './former-network/host-local.ts';
import { createNodeCondition, type NodeCondition } from './node-condition.ts';
import { currentFacts, type NodeFacts, NodeMemory } from './node-facts.ts';
import { createNodeTaint } from './node-taint.ts';
import type { OtherProxyKernel } from './other-proxy.ts';
import { ServiceCidrs } from './service-cidrs.ts';
import { Uplink } from './uplink.ts';

/** What the kernel and the API are to an agent; tests give others. */
export interface AgentParts {
  client: KubeClient;
  netlink: RouteNetlink;
  /** Of the thread's namespace, as `netlink`. */
  watchRoutes: WatchRoutes;
  createServiceProxy: (options: ServiceProxyOptions) => ServiceProxy;
  /** SO_NETNS_COOKIE of the namespace at a path; undefined where there is none. */
  podNetnsCookie: (path: string) => bigint | undefined;
  nftables: Nftables;
  /** Absent: nobody looks for another proxy. */
  otherProxy?: OtherProxyKernel;
  /** On the Service datapath's maps. Absent: NetworkPolicies are not enforced. */
  createPolicyEngine?: (map: (name: string) => BpfMap) => PolicyEngine;
  /** Absent: every question goes to the DNS servers. */
  openFastPath?: (options: Omit<FastPathOptions, 'bpf'>) => FastPath;
  logger: Logger;
  clock?: Clock;
}

/** What all of the agent shares. */
export interface NodeContext extends AgentParts {
  clock: Clock;
  config: AgentConfig;
  uplink: Uplink;
  memory: NodeMemory;
  complete: CompleteState;
  ipam: NodeIpam;
  /** Absent where no other network plugin's pods are looked for. */
  former: FormerNetwork | undefined;
  informers: Informers;
  condition: NodeCondition;
  /** Absent where no taint is to be removed. */
  taint: NodeCondition | undefined;
  serviceCidrs: ServiceCidrs;
  registry: MetricRegistry;
  cniFiles: CniFiles;
  /** Of the Node object, as last seen. */
  facts: NodeFacts | undefined;
  /** Addresses of all nodes, once they are known. */
  nodeIps: readonly Ip[] | undefined;
  notReady: () => string | undefined;
  setReady: () => void;
}

/** Reads back what an earlier agent knew, and opens what the parts share. */
export async function openNode(
  config: AgentConfig,
  { clock = systemClock, ...parts }: AgentParts,
  stack: AsyncDisposableStack,
): Promise<NodeContext> {
  const memory = new NodeMemory(join(config.stateDirectory, 'node.json'));
  const facts =
    (await currentFacts({ ...parts, clock }, config.nodeName)) ?? (await memory.load(config.nodeName));
  const uplink = new Uplink(parts.netlink, config.uplink);
  uplink.setFacts(facts);
  let former: FormerNetwork | undefined;
  const ipam = await NodeIpam.open({
    ...{ path: join(config.stateDirectory, 'addresses'), clock },
    isTaken: (ip) => former?.isTaken(ip) ?? false,
  });
  stack.defer(() => ipam.close());
  ipam.setCidrs(facts?.podCidrs ?? []);
  former = openFormerNetwork(config, parts, ipam);
  const kept = new Map([
    ...keptObjects,
    [resources.configMaps, keepLastChange] as const,
    [resources.pods, (object: KubeObject) => keepPod(object as Pod)] as const,
  ]);
  const informers = createInformers({ client: parts.client, logger: parts.logger, clock, kept });
  stack.defer(() => informers.stop());
  const condition = createNodeCondition({ client: parts.client, clock, logger: parts.logger });
  stack.defer(() => condition.stop());
  const taint =
    config.startupTaint === undefined
      ? undefined
      : createNodeTaint({ client: parts.client, key: config.startupTaint, clock, logger: parts.logger });
  stack.defer(() => taint?.stop());
  const cniFiles = new CniFiles({ config, clock, logger: parts.logger.child({ component: 'cni' }) });
  stack.defer(() => cniFiles.stop());
  const registry = new MetricRegistry();
  let reason: string | undefined = 'the agent has not learned of the cluster’s nodes and Services yet';
  const complete = new CompleteState({ state: config.stateDirectory, pins: config.bpfDirectory });
  return {
    ...parts,
    ...{
      clock,
      config,
      uplink,
      memory,
      complete,
      ipam,
      former,
      informers,
      condition,
      taint,
      cniFiles,
      facts,
    },
    nodeIps: undefined,
    serviceCidrs: new ServiceCidrs({ told: config.serviceCidrs, informers, logger: parts.logger }),
    registry,
    notReady: () => reason,
    setReady: () => {
      reason = undefined;
    },
  };
}

function openFormerNetwork(
  { cniStateDirectory }: AgentConfig,
  { netlink: node, nftables, logger }: AgentParts,
  ipam: NodeIpam,
): FormerNetwork | undefined {
  if (cniStateDirectory === undefined) return undefined;
  return new FormerNetwork({
    ...{ ipam, node, nftables },
    files: new HostLocal(cniStateDirectory),
    namespaces: { open: openNetns, netlink: openRouteNetlink },
    logger: logger.child({ component: 'former-network' }),
  });
}
