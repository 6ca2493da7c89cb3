/** Writes a status where it differs from what the object has. */

import type { KubeClient } from '../../../kube/client/client.ts';
import { deepEqual } from '../../../kube/deep-equal.ts';
import type { KubeObject } from '../../../kube/meta.ts';
import type { ResourceType } from '../../../kube/resources.ts';
import { unlessGone } from './controller.ts';

export type WithStatus = KubeObject & { status?: object };

/** Members of `status` replace those of the object's status; others stay. Lists are replaced whole. */
export async function writeStatus<T extends WithStatus>(
  client: KubeClient,
  type: ResourceType<T>,
  { object, status }: { object: T; status: object },
): Promise<void> {
  const current = (object.status ?? {}) as Record<string, unknown>;
  const differs = Object.entries(status).some(([key, value]) => !deepEqual(current[key], value));
  if (!differs) return;
  const patch = { type: 'application/merge-patch+json' as const, body: { status }, subresource: 'status' };
  await unlessGone(client.patch(type, object.metadata, patch));
}
