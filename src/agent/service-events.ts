/** Events on Services about what this node cannot do for them; `kubectl describe service` tells them. */
import type { KubeClient } from '../kube/client/client.ts';
import { resources } from '../kube/resources.ts';
import type { Service } from '../kube/types.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';

export interface ServiceEventsOptions {
  client: KubeClient;
  nodeName: string;
  /** By `namespace/name`. */
  service(key: string): Service | undefined;
  clock: Clock;
  logger: Logger;
}

const component = 'tendril';

/**
 * Records that a healthCheckNodePort cannot be opened, in kube-proxy's words. Returns at once; an Event that cannot be
 * written is lost, and logged.
 */
export function recordHealthCheckFailure(options: ServiceEventsOptions, key: string, problem: string): void {
  const { client, nodeName, logger } = options;
  const service = options.service(key);
  if (service === undefined) return;
  const { namespace = 'default', name, uid } = service.metadata;
  const now = new Date(options.clock.now());
  const event = {
    metadata: { namespace, name: `${name}.${nodeName}.${now.getTime().toString(16)}` },
    involvedObject: { apiVersion: 'v1', kind: 'Service', namespace, name, uid },
    type: 'Warning',
    reason: 'FailedToStartServiceHealthcheck',
    action: 'Listen',
    message: `node ${nodeName} failed to start healthcheck "${key}": ${problem}`,
    source: { component, host: nodeName },
    reportingComponent: component,
    reportingInstance: nodeName,
    firstTimestamp: timestamp(now),
    lastTimestamp: timestamp(now),
    count: 1,
  };
  client.create(resources.events, event).catch((error: unknown) => {
    logger.warn('an Event could not be written', { service: key, error });
  });
}

/** metav1.Time has whole seconds. */
function timestamp(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}
