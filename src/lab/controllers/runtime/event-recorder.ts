/** Events about objects, as `kubectl describe` shows them; the same event again raises the count of the first. */
import type { KubeClient } from '../../../kube/client/client.ts';
import type { KubeObject } from '../../../kube/meta.ts';
import { resources } from '../../../kube/resources.ts';
import type { Clock } from '../../../util/clock.ts';
import type { Logger } from '../../../util/logger.ts';

export interface EventText {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
  /** The part of the system that says so: `deployment-controller`. */
  component: string;
}

export interface EventRecorder {
  /** Returns at once; an event that cannot be written is lost, and logged. */
  record(about: KubeObject, text: EventText): void;
}

interface Known {
  namespace: string;
  name: string;
  count: number;
}

const rememberedEvents = 4096;

export function createEventRecorder(context: {
  client: KubeClient;
  clock: Clock;
  logger: Logger;
}): EventRecorder {
  const { client, clock, logger } = context;
  const known = new Map<string, Promise<Known>>();

  const create = async (
    about: KubeObject,
    { type, reason, message, component }: EventText,
  ): Promise<Known> => {
    const namespace = about.metadata.namespace ?? 'default';
    const now = timestamp(clock);
    const name = `${about.metadata.name}.${uniqueSuffix(clock)}`;
    await client.create(resources.events, {
      metadata: { namespace, name },
      involvedObject: referenceTo(about),
      type,
      reason,
      message,
      source: { component },
      reportingComponent: component,
      reportingInstance: '',
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    });
    return { namespace, name, count: 1 };
  };

  const repeat = async (event: Known): Promise<Known> => {
    const count = event.count + 1;
    await client.patch(resources.events, event, {
      type: 'application/merge-patch+json',
      body: { count, lastTimestamp: timestamp(clock) },
    });
    return { ...event, count };
  };

  return {
    record(about, text) {
      const key = JSON.stringify([about.metadata.uid, text.reason, text.message, text.component]);
      const before = known.get(key);
      // An event that is gone by now (it was deleted, or never written) is written anew.
      const after =
        before === undefined ? create(about, text) : before.then(repeat).catch(() => create(about, text));
      known.delete(key);
      known.set(key, after);
      if (known.size > rememberedEvents) known.delete(known.keys().next().value!);
      after.catch((error: unknown) => {
        known.delete(key);
        logger.debug('an event could not be written', {
          object: about.metadata.name,
          reason: text.reason,
          error,
        });
      });
    },
  };
}

function referenceTo({ apiVersion, kind, metadata }: KubeObject) {
  const { namespace, name, uid, resourceVersion } = metadata;
  return { apiVersion, kind, namespace, name, uid, resourceVersion };
}

let sequence = 0;

/** client-go's names: hexadecimal nanoseconds; a sequence number keeps events of one millisecond apart. */
function uniqueSuffix(clock: Clock): string {
  return (BigInt(Math.floor(clock.now())) * 1_000_000n + BigInt(sequence++ % 1_000_000)).toString(16);
}

/** Now, as Kubernetes writes times: whole seconds, UTC. */
export function timestamp(clock: Clock): string {
  return new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
}
