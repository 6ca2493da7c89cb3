/** NetworkPolicies at this node's pods: what the feature needs of the node, and what pods need of it. */
import type { Allocation } from '../ipam/node-ipam.ts';
import { resources } from '../kube/resources.ts';
import { NetworkPolicies } from '../policy/network-policies.ts';
import type { LocalPod } from '../policy/policy-calculator.ts';
import type { ServiceProxy } from '../service/service-proxy.ts';
import type { NodeContext } from './node-context.ts';
import { connectionsIn } from './pod-connections.ts';
import type { PodPolicies } from './pod-network.ts';

/** Undefined where there is no engine. The datapath is loaded. */
export function wirePolicies(
  node: NodeContext,
  services: ServiceProxy,
  onEnforced: () => void,
): NetworkPolicies | undefined {
  const { createPolicyEngine, informers, client, ipam, registry, clock, logger } = node;
  if (createPolicyEngine === undefined) return undefined;
  return new NetworkPolicies({
    policies: informers.store(resources.networkPolicies),
    namespaces: informers.store(resources.namespaces),
    pods: () => informers.store(resources.pods),
    engine: createPolicyEngine((name) => services.map(name)),
    localPods: () => ipam.list().flatMap((allocation) => localPodOf(allocation) ?? []),
    connectionsOf: ({ namespace, name, ips }) => {
      const netns = ipam.list().find(({ note }) => note.namespace === namespace && note.pod === name)
        ?.note.netns;
      return netns === undefined ? [] : connectionsIn(netns, ips);
    },
    metrics: registry,
    logger: logger.child({ component: 'policy' }),
    ...{ client, onEnforced, clock },
  });
}

export function podPolicies(policies: NetworkPolicies): PodPolicies {
  return {
    async admit(allocation) {
      const pod = localPodOf(allocation);
      if (pod !== undefined) await policies.admit(pod);
    },
    refresh: () => policies.refresh(),
  };
}

/** Undefined where it is none of Kubernetes'. */
function localPodOf({ note: { namespace, pod: name, uid }, ips }: Allocation): LocalPod | undefined {
  return namespace === undefined || name === undefined ? undefined : { namespace, name, uid, ips };
}
