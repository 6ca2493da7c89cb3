/**
 * Writes that webhooks and policies are asked about. Their answers take time: what is written in the meantime is seen
 * before anything is stored, and then all begins anew with it.
 */
import type { KubeObject } from '../../../kube/meta.ts';
import type { Admission } from '../admission/dynamic-admission.ts';
import { cloneJson, type JsonObject } from '../json.ts';
import { settleManagers } from '../managedfields/settle.ts';
import { conflict } from '../status.ts';
import {
  type CollectionRef,
  createObject,
  planNew,
  prepareNew,
  storeNew,
  type WriteOptions,
} from './create.ts';
import { type DeleteOptions, type Deletion, deleteObject } from './delete.ts';
import { facing, preparePresent, storedForm } from './faces.ts';
import { keyFor, type ObjectRef, type RestContext } from './rest-context.ts';
import {
  draftUpdate,
  planUpdate,
  settleWish,
  storeUpdate,
  type UpdateOptions,
  updateObject,
} from './update.ts';

/** As often as kube-apiserver tries a patch. */
const maxAttempts = 5;

/** Managers are of what the client wrote, not of what webhooks add to it. */
function settleBefore(
  context: RestContext,
  change: Parameters<typeof settleManagers>[1],
  options: WriteOptions,
): WriteOptions {
  if (options.applied) return options;
  settleManagers(context, change, options.manager);
  return { ...options, applied: true };
}

/** Whether what was given to the object, an address or a port, is still to be had. */
function isStillFree(
  { admission }: RestContext,
  resource: CollectionRef['resource'],
  next: JsonObject,
  old?: JsonObject,
) {
  return (resource.strategy.admit?.(cloneJson(next), old, admission) ?? []).length === 0;
}

/** Nobody is asked, neither about the object nor for its other form. */
const isPlain = ({ resource }: CollectionRef, admission: Admission | undefined) =>
  admission === undefined && resource.conversion?.webhook === undefined;

/** As createObject, of a draft that nobody else has. */
export async function createAdmitted(
  context: RestContext,
  where: CollectionRef,
  draft: JsonObject,
  { admission, ...options }: WriteOptions & { admission: Admission | undefined },
): Promise<KubeObject> {
  if (isPlain(where, admission)) return createObject(context, where, draft, options);
  prepareNew(context, where, draft, options);
  let object = draft;
  let settled: WriteOptions = options;
  if (admission?.mutates) {
    settled = settleBefore(context, { resource: where.resource, before: {}, after: draft }, options);
    object = await admission.mutate(draft, null);
  }
  for (let attempt = 1; ; attempt++) {
    const next = cloneJson(object);
    prepareAgain(context, where, next);
    planNew(context, where, next, settled);
    await admission?.validate(next, null);
    const form = await storedForm(where.resource, next);
    if (isTaken(context, where, next)) continue;
    if (isStillFree(context, where.resource, next))
      return storeNew(context, where, next, { ...options, form });
    if (attempt >= maxAttempts) throw contended(where.resource, next.metadata.name);
  }
}

/** What a webhook may have made of it: it stays where and what it is. */
function prepareAgain(context: RestContext, where: CollectionRef, next: JsonObject): void {
  prepareNew(context, where, next, { applied: true });
}

/** Somebody was faster: planning says so, in the words for it. */
function isTaken({ storage }: RestContext, { resource }: CollectionRef, { metadata }: JsonObject): boolean {
  return storage.get(resource.collection, keyFor(metadata)) !== undefined;
}

/** As updateObject; `wishOf` gives a fresh wish each time. */
export async function updateAdmitted(
  context: RestContext,
  ref: ObjectRef,
  wishOf: (old: KubeObject) => JsonObject,
  { admission, ...options }: UpdateOptions & { admission: Admission | undefined },
): Promise<KubeObject> {
  if (isPlain(ref, admission)) return updateObject(context, ref, wishOf, options);
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    await preparePresent(context, ref);
    const draft = draftUpdate(context, ref, wishOf, options);
    let settled: UpdateOptions = options;
    if (admission?.mutates) {
      const { resource } = ref;
      if (options.subresource === undefined) resource.strategy.setDefaults?.(draft.wish);
      settled = settleBefore(context, { resource, before: draft.old, after: draft.wish }, options);
      draft.wish = await admission.mutate(draft.wish, draft.old);
      settleWish(resource, draft.wish, draft.old);
    }
    const next = planUpdate(context, ref, draft, settled);
    await admission?.validate(next, draft.old);
    const form = await storedForm(ref.resource, next);
    const present = context.storage.get(ref.resource.collection, keyFor(ref)) === draft.stored;
    const free = options.subresource !== undefined || isStillFree(context, ref.resource, next, draft.old);
    if (present && free) return storeUpdate(context, ref, { ...draft, next, form }, options);
  }
  throw contended(ref.resource, ref.name);
}

const contended = (resource: CollectionRef['resource'], name: string) =>
  conflict(
    resource,
    name,
    'others wrote again and again while admission webhooks were asked; please try again',
  );

/** As deleteObject. */
export async function deleteAdmitted(
  context: RestContext,
  ref: ObjectRef,
  { admission, ...options }: DeleteOptions & { admission: Admission | undefined },
): Promise<Deletion> {
  if (admission !== undefined) {
    const old = facing(ref.resource, await preparePresent(context, ref));
    await admission.admit(null, old);
  }
  return deleteObject(context, ref, options);
}
