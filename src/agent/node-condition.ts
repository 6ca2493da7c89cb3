/**
 * Node condition NetworkUnavailable=False: without it cloud controllers' taint stays and nothing is scheduled.
 * A Node object that was made anew lacks it, so it is looked at with every change.
 */
import type { KubeClient } from '../kube/client/client.ts';
import { resources } from '../kube/resources.ts';
import type { Node } from '../kube/types.ts';
import { BoundedRunner } from '../util/bounded-runner.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';

const reason = 'TendrilIsUp';

/** True when the condition has to be written. */
function needsCondition(node: Node): boolean {
  const condition = node.status?.conditions?.find(({ type }) => type === 'NetworkUnavailable');
  return condition?.status !== 'False' || condition.reason !== reason;
}

export interface NodeCondition {
  /** Looks at the node, and writes the condition, once the network is up and again after changes. */
  observe(node: Node): void;
  /** The network is up. */
  setUp(): void;
  stop(): void;
}

export function createNodeCondition(options: {
  client: KubeClient;
  clock: Clock;
  logger: Logger;
}): NodeCondition {
  const { client, clock, logger } = options;
  let node: Node | undefined;
  let up = false;
  const runner = new BoundedRunner({
    clock,
    minIntervalMs: 1000,
    retry: { initialMs: 500, maxMs: 30_000 },
    onError: (error) => logger.warn('cannot set the node’s condition', { error }),
    run: async () => {
      if (!up || node === undefined || !needsCondition(node)) return;
      const body = { status: { conditions: [renderCondition(new Date(clock.now()))] } };
      const type = 'application/strategic-merge-patch+json';
      await client.patch(
        resources.nodes,
        { name: node.metadata.name },
        { type, body, subresource: 'status' },
      );
    },
  });
  return {
    observe(now) {
      node = now;
      if (up && needsCondition(now)) runner.request();
    },
    setUp() {
      up = true;
      runner.request();
    },
    stop: () => runner.stop(),
  };
}

/** Times as Kubernetes writes them, without fractions. */
function renderCondition(now: Date): Record<string, string> {
  const time = now.toISOString().replace(/\.\d+Z$/, 'Z');
  return {
    type: 'NetworkUnavailable',
    status: 'False',
    reason,
    message: 'Tendril’s datapath on this node answers',
    lastTransitionTime: time,
    lastHeartbeatTime: time,
  };
}
