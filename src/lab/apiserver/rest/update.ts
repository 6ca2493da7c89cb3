/** PUT and what a patch comes to: from the stored object and a wish to the next stored object. */

import type { KubeObject } from '../../../kube/meta.ts';
import { deepFreeze, equalJson, type JsonObject } from '../json.ts';
import { readWishedManagers, settleManagers } from '../managedfields/settle.ts';
import { apiVersionOf, type PartStrategy, type Resource } from '../registry/resource.ts';
import { badRequest, conflict, invalid, modified } from '../status.ts';
import { isDnsSubdomain } from '../validation/names.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../validation/object-meta.ts';
import { settleNamespace, type WriteOptions } from './create.ts';
import { facing } from './faces.ts';
import { dropEmptyMetadata } from './metadata.ts';
import { getStored, keyFor, type ObjectRef, type RestContext } from './rest-context.ts';
import { refuseTooLarge } from './size-limit.ts';

export interface UpdateOptions extends WriteOptions {
  /** `status`, or one of the strategy's parts. */
  subresource?: string;
}

/** Refuses a write meant for another object or for an older state of this one. */
export function checkPreconditions(ref: ObjectRef, wish: JsonObject, old: KubeObject): void {
  const { name, resourceVersion, uid } = (wish.metadata ?? {}) as JsonObject;
  if (name && name !== ref.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${ref.name})`);
  }
  if (uid && uid !== old.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`;
    throw conflict(ref.resource, ref.name, why);
  }
  if (resourceVersion && resourceVersion !== old.metadata.resourceVersion)
    throw modified(ref.resource, ref.name);
}

/** What the server alone writes in metadata. */
const ownedByServer = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'generateName',
] as const;

function keepServerMetadata(metadata: JsonObject, old: JsonObject): void {
  for (const key of ownedByServer) {
    if (old[key] === undefined) delete metadata[key];
    else metadata[key] = old[key];
  }
  metadata.resourceVersion = old.resourceVersion;
  delete metadata.selfLink;
}

/** Status writes carry labels and annotations along in the core group only, as Kubernetes' strategies have it. */
function withStatus(resource: Resource, wish: JsonObject, old: JsonObject): JsonObject {
  const metadata =
    resource.group === ''
      ? { ...wish.metadata, ownerReferences: old.metadata.ownerReferences }
      : { ...old.metadata, managedFields: wish.metadata.managedFields };
  for (const key of ['ownerReferences', 'managedFields'])
    if (metadata[key] === undefined) delete metadata[key];
  const next: JsonObject = { ...old, metadata };
  if (wish.status === undefined) delete next.status;
  else next.status = wish.status;
  return next;
}

function withoutStatus(wish: JsonObject, old: JsonObject): JsonObject {
  const next = { ...wish };
  if (old.status === undefined) delete next.status;
  else next.status = old.status;
  return next;
}

/** The stored object with what the subresource is for, and who manages it. */
function withPart(part: PartStrategy, wish: JsonObject, old: JsonObject): JsonObject {
  const metadata = { ...old.metadata, managedFields: wish.metadata.managedFields };
  if (metadata.managedFields === undefined) delete metadata.managedFields;
  return { ...part.merge(wish, old), metadata };
}

/** Whether more than metadata differs: what a write to the object itself may change, status where it is no subresource. */
function desiredChanged(next: JsonObject, old: JsonObject): boolean {
  const { metadata: _a, ...wanted } = next;
  const { metadata: _b, ...had } = old;
  return !equalJson(wanted, had);
}

interface Change {
  next: JsonObject;
  old: JsonObject;
  guard: UpdateOptions['guard'];
}

function validateMain(context: RestContext, resource: Resource, { next, old, guard }: Change): void {
  const { strategy } = resource;
  strategy.setDefaults?.(next);
  guard?.(next, old);
  strategy.prepareForUpdate?.(next, old);
  const refused = strategy.admit?.(next, old, context.admission) ?? [];
  if (refused.length > 0) throw invalid(resource, next.metadata.name, refused);
  const errors = [
    ...validateObjectMeta(next.metadata, resource.namespaced, strategy.nameRule ?? isDnsSubdomain),
    ...validateObjectMetaUpdate(next.metadata, old.metadata),
    ...(strategy.validate?.(next, old) ?? []),
    ...(strategy.validateUpdate?.(next, old) ?? []),
  ];
  if (errors.length > 0) throw invalid(resource, next.metadata.name, errors);
}

function validateStatus({ strategy, ...resource }: Resource, next: JsonObject, old: JsonObject): void {
  strategy.prepareForStatus?.(next);
  const errors = strategy.validateStatus?.(next, old) ?? [];
  if (errors.length > 0) throw invalid(resource, next.metadata.name, errors);
}

function validatePart(
  { strategy, ...resource }: Resource,
  part: PartStrategy,
  { next, old }: { next: JsonObject; old: JsonObject },
): void {
  strategy.setDefaults?.(next);
  const errors = [...(strategy.validate?.(next, old) ?? []), ...part.validateUpdate(next, old)];
  if (errors.length > 0) throw invalid(resource, next.metadata.name, errors);
}

/** An object that waits for its finalizers alone goes with the last of them. */
function isDone(next: JsonObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = next.metadata;
  if (!deletionTimestamp || deletionGracePeriodSeconds > 0) return false;
  return !finalizers?.length && !next.spec?.finalizers?.length;
}

/** An update as it comes to be: the present object, and the next. */
export interface UpdateDraft {
  /** As it is stored, and as the resource sees it. */
  stored: KubeObject;
  old: KubeObject;
  /** What the client wants; private. */
  wish: JsonObject;
}

/** The first part of an update: the wish, of the present object. Throws ApiError: NotFound, Conflict. */
export function draftUpdate(
  context: RestContext,
  ref: ObjectRef,
  wishOf: (old: KubeObject) => JsonObject,
  { applied }: UpdateOptions,
): UpdateDraft {
  const { resource } = ref;
  const stored = getStored(context, ref);
  const old = facing(resource, stored);
  const wish = wishOf(old);
  wish.metadata ??= {};
  settleNamespace(resource, wish.metadata, ref.namespace);
  checkPreconditions(ref, wish, old);
  settleWish(resource, wish, old);
  if (!applied) readWishedManagers(wish, old);
  return { stored, old, wish };
}

/** What of a wish is the server's alone. */
export function settleWish(resource: Resource, wish: JsonObject, old: KubeObject): void {
  wish.apiVersion = apiVersionOf(resource);
  wish.kind = resource.kind;
  dropEmptyMetadata(wish.metadata);
  keepServerMetadata(wish.metadata, old.metadata);
}

/** The second: the next object, checked. Throws ApiError Invalid. */
export function planUpdate(
  context: RestContext,
  { resource }: ObjectRef,
  { wish, old }: UpdateDraft,
  options: UpdateOptions,
): JsonObject {
  const toStatus = options.subresource === 'status';
  const part = options.subresource === undefined ? undefined : resource.strategy.parts?.[options.subresource];
  const next = part
    ? withPart(part, wish, old)
    : toStatus
      ? withStatus(resource, wish, old)
      : resource.hasStatus
        ? withoutStatus(wish, old)
        : wish;
  if (part) validatePart(resource, part, { next, old });
  else if (toStatus) validateStatus(resource, next, old);
  else validateMain(context, resource, { next, old, guard: options.guard });
  if (isUnchanged(next, old)) return next;
  if (!toStatus && next.metadata.generation !== undefined && desiredChanged(next, old)) {
    next.metadata = { ...next.metadata, generation: (next.metadata.generation as number) + 1 };
  }
  if (!options.applied) settleManagers(context, { resource, before: old, after: next }, options.manager);
  return next;
}

const isUnchanged = (next: JsonObject, old: KubeObject) => equalJson(next, old) && !isDone(next);

/** The last: stores it, where it is another; in `form` where a webhook made that. The result is frozen. */
export function storeUpdate(
  context: RestContext,
  ref: ObjectRef,
  { next, stored, old, form }: UpdateDraft & { next: JsonObject; form?: JsonObject },
  options: UpdateOptions,
): KubeObject {
  if (isUnchanged(next, old)) return stored;
  return store(
    context,
    ref,
    (form ?? ref.resource.conversion?.toStored(next) ?? next) as KubeObject,
    options,
  );
}

/**
 * Stores what `wishOf` makes of the present object, in the resource's own form; a wish is a private draft. The result is
 * what is stored, frozen; the present object where nothing changes. Throws ApiError: NotFound, Conflict, Invalid.
 */
export function updateObject(
  context: RestContext,
  ref: ObjectRef,
  wishOf: (old: KubeObject) => JsonObject,
  options: UpdateOptions = {},
): KubeObject {
  const draft = draftUpdate(context, ref, wishOf, options);
  const next = planUpdate(context, ref, draft, options);
  return storeUpdate(context, ref, { ...draft, next }, options);
}

function store(context: RestContext, ref: ObjectRef, next: KubeObject, options: WriteOptions): KubeObject {
  if (options.dryRun) return deepFreeze(next);
  refuseTooLarge(next);
  const { collection } = ref.resource;
  const stored = context.storage.put(collection, keyFor(ref), next);
  if (!isDone(next)) return stored;
  return context.storage.remove(collection, keyFor(ref)) ?? stored;
}
