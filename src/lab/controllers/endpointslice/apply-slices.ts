/** Carries a plan of EndpointSlices out. */
import { resources } from '../../../kube/resources.ts';
import { type ControllerContext, unlessGone } from '../runtime/controller.ts';
import type { Expectations } from '../runtime/expectations.ts';
import type { SlicePlan } from './plan.ts';

/** `key` is what the slices are for: it waits until the store has seen them. */
export async function applySlices(
  { client }: ControllerContext,
  plan: SlicePlan,
  { key, expectations }: { key: string; expectations: Expectations },
): Promise<void> {
  const type = resources.endpointSlices;
  const create = async (slice: SlicePlan['create'][number]) => {
    expectations.expectCreations(key, 1);
    await client.create(type, slice).catch((error: unknown) => {
      expectations.creationSeen(key);
      throw error;
    });
  };
  // New endpoints first, so that one that moves between slices is never in none.
  await Promise.all(plan.create.map(create));
  await Promise.all(plan.update.map((slice) => client.update(type, slice)));
  await Promise.all(plan.remove.map((slice) => unlessGone(client.delete(type, slice.metadata))));
}
