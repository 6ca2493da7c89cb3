/** POST: from what a client sends to what is stored. */

import { randomInt, randomUUID } from 'node:crypto';
import type { KubeObject } from '../../../kube/meta.ts';
import type { WriteGuard } from '../auth/escalation.ts';
import { deepFreeze, type JsonObject } from '../json.ts';
import { type Manager, settleManagers } from '../managedfields/settle.ts';
import { apiVersionOf, type Resource } from '../registry/resource.ts';
import { alreadyExists, badRequest, conflict, forbidden, invalid, notFound } from '../status.ts';
import { isDnsSubdomain } from '../validation/names.ts';
import { validateObjectMeta } from '../validation/object-meta.ts';
import { dropEmptyMetadata } from './metadata.ts';
import { keyFor, type RestContext, timestamp } from './rest-context.ts';
import { refuseTooLarge } from './size-limit.ts';

export interface WriteOptions {
  dryRun?: boolean;
  /** Who writes; absent for the program's own parts. */
  manager?: Manager;
  /** An apply, or what has been settled before: the draft says who manages what. */
  applied?: boolean;
  /** Refuses what the writer may not grant. */
  guard?: WriteGuard | undefined;
}

/** Without vowels, and without digits that look like letters: no words come out. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
const maxGeneratedBase = 58;

export function generateName(base: string): string {
  const suffix = Array.from({ length: 5 }, () => alphabet[randomInt(alphabet.length)]).join('');
  return `${base.slice(0, maxGeneratedBase)}${suffix}`;
}

/** Brings the namespaces of the request and of the object together. Throws where they differ. */
export function settleNamespace(
  resource: Resource,
  metadata: JsonObject,
  namespace: string | undefined,
): void {
  if (!resource.namespaced || namespace === undefined) return;
  if (metadata.namespace && metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  metadata.namespace = namespace;
}

function checkNamespace(context: RestContext, resource: Resource, metadata: JsonObject): void {
  const namespace = context.storage.get('/namespaces', metadata.namespace) as JsonObject | undefined;
  if (namespace === undefined) {
    throw notFound({ group: '', plural: 'namespaces', kind: 'Namespace' }, metadata.namespace);
  }
  if (!namespace.metadata.deletionTimestamp) return;
  throw forbidden(
    resource,
    metadata.name,
    `unable to create new content in namespace ${metadata.namespace} because it is being terminated`,
  );
}

/** Takes out what only the server writes. */
function wipeMetadata(metadata: JsonObject, { applied }: WriteOptions): void {
  if (metadata.resourceVersion)
    throw badRequest('resourceVersion should not be set on objects to be created');
  for (const key of [
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'selfLink',
    'uid',
    'creationTimestamp',
  ])
    delete metadata[key];
  if (!applied) delete metadata.managedFields;
}

/** Metadata as the server gives it to a new object. */
function setMetadata(context: RestContext, metadata: JsonObject, { countsGenerations }: Resource): void {
  if (!metadata.name && metadata.generateName) metadata.name = generateName(metadata.generateName);
  metadata.uid = randomUUID();
  metadata.creationTimestamp = timestamp(context.clock.now());
  if (countsGenerations) metadata.generation = 1;
  else delete metadata.generation;
}

/** Where a new object is to be. */
export interface CollectionRef {
  resource: Resource;
  namespace?: string | undefined;
}

/** The first part of a creation: what the client sent, with its defaults. Throws ApiError. */
export function prepareNew(
  context: RestContext,
  { resource, namespace }: CollectionRef,
  draft: JsonObject,
  options: WriteOptions,
): void {
  draft.metadata ??= {};
  draft.apiVersion = apiVersionOf(resource);
  draft.kind = resource.kind;
  settleNamespace(resource, draft.metadata, namespace);
  wipeMetadata(draft.metadata, options);
  if (resource.namespaced) checkNamespace(context, resource, draft.metadata);
  resource.strategy.setDefaults?.(draft);
}

/** The second: what is to be stored, checked, in the draft. Throws ApiError. */
export function planNew(
  context: RestContext,
  { resource }: CollectionRef,
  draft: JsonObject,
  options: WriteOptions,
): void {
  const { strategy } = resource;
  dropEmptyMetadata(draft.metadata);
  // What the server adds from here on is nobody's.
  if (!options.applied) settleManagers(context, { resource, before: {}, after: draft }, options.manager);
  setMetadata(context, draft.metadata, resource);
  if (resource.hasStatus) delete draft.status;
  strategy.prepareForCreate?.(draft);
  options.guard?.(draft, undefined);
  const { metadata } = draft;
  const metadataErrors = validateObjectMeta(
    metadata,
    resource.namespaced,
    strategy.nameRule ?? isDnsSubdomain,
  );
  const admissionErrors =
    metadataErrors.length === 0 ? (strategy.admit?.(draft, undefined, context.admission) ?? []) : [];
  // What admission refuses is told alone: validation would only repeat it in other words.
  const errors =
    admissionErrors.length > 0 ? admissionErrors : [...metadataErrors, ...(strategy.validate?.(draft) ?? [])];
  if (errors.length > 0) throw invalid(resource, metadata.name ?? '', errors);
  refuseTaken(context, resource, metadata);
}

function refuseTaken({ storage }: RestContext, resource: Resource, metadata: JsonObject): void {
  if (storage.get(resource.collection, keyFor(metadata as { name: string })) === undefined) return;
  throw metadata.generateName
    ? conflict(resource, metadata.name, 'the generated name is taken; try again')
    : alreadyExists(resource, metadata.name);
}

/** The last: stores it, in the form that objects are stored in, which a webhook may have made. The result is frozen. */
export function storeNew(
  { storage }: RestContext,
  { resource }: CollectionRef,
  draft: JsonObject,
  { dryRun, form }: WriteOptions & { form?: JsonObject },
): KubeObject {
  const stored = (form ?? resource.conversion?.toStored(draft) ?? draft) as KubeObject;
  if (dryRun) return deepFreeze(stored);
  refuseTooLarge(stored);
  return storage.put(resource.collection, keyFor(draft.metadata), stored);
}

/**
 * Creates an object from a private draft; the result is frozen. With dryRun everything is checked and nothing stored.
 * Throws ApiError.
 */
export function createObject(
  context: RestContext,
  where: CollectionRef,
  draft: JsonObject,
  options: WriteOptions = {},
): KubeObject {
  prepareNew(context, where, draft, options);
  planNew(context, where, draft, options);
  return storeNew(context, where, draft, options);
}
