/** Writes Endpoints objects, where they change. */
import { isNotFound } from '../../../kube/client/api-error.ts';
import type { KubeClient } from '../../../kube/client/client.ts';
import { deepEqual } from '../../../kube/deep-equal.ts';
import { keyOf } from '../../../kube/meta.ts';
import { resources } from '../../../kube/resources.ts';
import { unlessGone } from '../runtime/controller.ts';
import { subsetsOf } from './endpoints-object.ts';
import type { ServiceState } from './plan.ts';
import { triggerTimeAnnotation, withTriggerTime } from './trigger-time.ts';

const type = resources.endpoints;

export interface EndpointsWriter {
  write(state: ServiceState): Promise<void>;
  /** Deletes what was written for a Service that is gone. */
  remove(key: string): Promise<void>;
}

/** Remembers what it wrote, so that the objects need not be watched: nobody else writes them. */
export function createEndpointsWriter(client: KubeClient): EndpointsWriter {
  const written = new Map<string, object>();
  return {
    async write(state) {
      const { namespace, name, labels: own } = state.service.metadata;
      const labels = { ...own, 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' };
      const content = { labels, subsets: subsetsOf(state) };
      const key = keyOf(state.service);
      if (deepEqual(written.get(key), content)) return;
      const annotations = { [triggerTimeAnnotation]: state.triggerTime ?? null };
      const body = { metadata: { labels, annotations }, subsets: content.subsets };
      try {
        await client.patch(type, { namespace, name }, { type: 'application/merge-patch+json', body });
      } catch (error) {
        if (!isNotFound(error)) throw error;
        const made = withTriggerTime(undefined, state.triggerTime);
        const metadata = { namespace, name, labels, ...(made && { annotations: made }) };
        await client.create(type, { metadata, subsets: content.subsets });
      }
      written.set(key, content);
    },
    async remove(key) {
      if (!written.delete(key)) return;
      const [namespace, name] = key.split('/') as [string, string];
      await unlessGone(client.delete(type, { namespace, name }));
    },
  };
}
