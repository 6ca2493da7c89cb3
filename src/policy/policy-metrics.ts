/** What an agent tells of NetworkPolicies. */
import type { MetricRegistry } from '../util/metrics.ts';
import type { NetworkPoliciesStatus } from './network-policies.ts';

type Told = Pick<NetworkPoliciesStatus, 'pods' | 'rules' | 'peers' | 'blocks' | 'flows' | 'enforced'>;

const gauges = {
  pods: 'Addresses of this node’s pods that NetworkPolicies isolate.',
  rules: 'Rules of NetworkPolicies in the datapath.',
  peers: 'Addresses of pods that rules name.',
  blocks: 'Prefixes that ipBlocks name.',
  flows: 'Connections of isolated pods that are remembered, when last counted.',
} as const;

export function registerPolicyMetrics(registry: MetricRegistry, status: () => Told): void {
  for (const [name, help] of Object.entries(gauges))
    registry.gauge({
      name: `tendril_policy_${name}`,
      help,
      collect: () => [[{}, status()[name as keyof typeof gauges]]],
    });
  registry.gauge({
    name: 'tendril_policy_enforced',
    help: '1 while all NetworkPolicies that are known are in force.',
    collect: () => [[{}, Number(status().enforced)]],
  });
}
