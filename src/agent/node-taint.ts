/**
 * The taint that keeps pods away from a node until its network is there: set by whoever makes nodes (kubelet's
 * registerWithTaints, a cloud), removed by the agent. A Node object that was made anew has it again.
 */
import type { KubeClient } from '../kube/client/client.ts';
import { resources } from '../kube/resources.ts';
import type { Node } from '../kube/types.ts';
import { BoundedRunner } from '../util/bounded-runner.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import type { NodeCondition } from './node-condition.ts';

export function createNodeTaint(options: {
  client: KubeClient;
  /** Of the taint, whatever its value and effect. */
  key: string;
  clock: Clock;
  logger: Logger;
}): NodeCondition {
  const { client, key, clock, logger } = options;
  let node: Node | undefined;
  let up = false;
  const isTainted = ({ spec }: Node) => spec?.taints?.some((taint) => taint.key === key) ?? false;
  const runner = new BoundedRunner({
    clock,
    minIntervalMs: 1000,
    retry: { initialMs: 500, maxMs: 30_000 },
    onError: (error) => logger.warn('cannot remove the node’s taint', { taint: key, error }),
    run: async () => {
      if (!up || node === undefined || !isTainted(node)) return;
      // Others change the list too: the one that was read, or a conflict and the newer one.
      const current = await client.get(resources.nodes, { name: node.metadata.name });
      const taints = (current.spec?.taints ?? []).filter((taint) => taint.key !== key);
      const { resourceVersion } = current.metadata;
      const body = { metadata: { resourceVersion }, spec: { taints: taints.length > 0 ? taints : null } };
      await client.patch(
        resources.nodes,
        { name: node.metadata.name },
        { type: 'application/merge-patch+json', body },
      );
    },
  });
  return {
    observe(now) {
      node = now;
      if (up && isTainted(now)) runner.request();
    },
    setUp() {
      up = true;
      runner.request();
    },
    stop: () => runner.stop(),
  };
}
