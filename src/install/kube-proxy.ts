/** kube-proxy sent away from all nodes, and called back: its DaemonSet stays, with a node selector that fits none. */
import type { KubeClient } from '../kube/client/client.ts';
import { resources } from '../kube/resources.ts';
import { TendrilError } from '../util/errors.ts';
import { absent } from './cluster-objects.ts';
import { poll, type Waiting } from './poll.ts';
import { awayLabel, type Workload } from './preflight/cluster-view.ts';
import { lookAtPods, waitForRollout } from './rollout.ts';

const selector = (value: 'true' | null) => ({
  type: 'application/merge-patch+json' as const,
  body: { spec: { template: { spec: { nodeSelector: { [awayLabel]: value } } } } },
});

/** Resolves when none of its pods is left. @throws TendrilError NOT_READY */
export async function sendAway(
  client: KubeClient,
  { namespace, name }: Workload,
  waiting: Waiting,
): Promise<void> {
  const key = { namespace, name };
  await client.patch(resources.daemonSets, key, selector('true'));
  let left: string[] = [];
  const gone = await poll(waiting, async () => {
    const { object, pods, ending } = await lookAtPods(client, key);
    // One that ends makes its rules anew until it has ended.
    left = [...new Set([...pods.keys(), ...ending])];
    const seen = object.status?.observedGeneration === object.metadata.generation;
    return seen && left.length === 0 ? true : undefined;
  });
  if (gone) return;
  throw new TendrilError('NOT_READY', `kube-proxy does not go from ${left.join(', ')}`, {
    remedy: `See: kubectl -n ${namespace} describe daemonset ${name}`,
  });
}

/** Resolves when it is Ready on all of these nodes. Nothing where its DaemonSet is no more. @throws TendrilError NOT_READY */
export async function callBack(
  client: KubeClient,
  { namespace, name }: Workload,
  waiting: Waiting & { nodes: readonly string[] },
): Promise<void> {
  const key = { namespace, name };
  const present = await client.get(resources.daemonSets, key).catch(absent);
  if (present === undefined) return;
  await client.patch(resources.daemonSets, key, selector(null));
  const behind = await waitForRollout(client, { ...waiting, daemonSet: key });
  if (behind.size === 0) return;
  const reasons = [...behind].map(([node, reason]) => `${node}: ${reason}`);
  throw new TendrilError('NOT_READY', `kube-proxy does not come back: ${reasons.join('; ')}`, {
    remedy: `See: kubectl -n ${namespace} describe daemonset ${name}`,
  });
}
