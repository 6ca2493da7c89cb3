/** POST: from what a client sends to what is stored. */

import { randomInt, randomUUID } from 'node:crypto';
import type { KubeObject } from '../../../kube/meta.ts';
import { deepFreeze, type JsonObject } from '../json.ts';
import { type Manager, settleManagers } from '../managedfields/settle.ts';
import { apiVersionOf, type Resource } from '../registry/resource.ts';
import { alreadyExists, badRequest, conflict, forbidden, invalid, notFound } from '../status.ts';
import { isDnsSubdomain } from '../validation/names.ts';
import { validateObjectMeta } from '../validation/object-meta.ts';
import { dropEmptyMetadata } from './metadata.ts';
import { keyFor, type RestContext, timestamp } from './rest-context.ts';

export interface WriteOptions {
  dryRun?: boolean;
  /** Who writes; absent for the program's own parts. */
  manager?: Manager;
  /** An apply: its draft says who manages what. */
  applied?: boolean;
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
    throw badRequest(
      `the namespace of the provided object does not match the namespace sent on the request (${metadata.namespace} vs ${namespace})`,
    );
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

/** Metadata as the server gives it to a new object. */
function setMetadata(
  context: RestContext,
  draft: JsonObject,
  resource: Resource,
  { applied }: WriteOptions,
): void {
  const metadata = draft.metadata as JsonObject;
  if (metadata.resourceVersion)
    throw badRequest('resourceVersion should not be set on objects to be created');
  for (const key of ['deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink']) delete metadata[key];
  if (!applied) delete metadata.managedFields;
  if (!metadata.name && metadata.generateName) metadata.name = generateName(metadata.generateName);
  dropEmptyMetadata(metadata);
  metadata.uid = randomUUID();
  metadata.creationTimestamp = timestamp(context.clock.now());
  if (resource.countsGenerations) metadata.generation = 1;
  else delete metadata.generation;
}

/**
 * Creates an object from a private draft; the result is frozen. With dryRun everything is checked and nothing stored.
 * Throws ApiError.
 */
export function createObject(
  context: RestContext,
  { resource, namespace }: { resource: Resource; namespace?: string },
  draft: JsonObject,
  options: WriteOptions = {},
): KubeObject {
  const { strategy } = resource;
  draft.metadata ??= {};
  draft.apiVersion = apiVersionOf(resource);
  draft.kind = resource.kind;
  settleNamespace(resource, draft.metadata, namespace);
  setMetadata(context, draft, resource, options);
  if (resource.namespaced) checkNamespace(context, resource, draft.metadata);
  if (resource.hasStatus) delete draft.status;
  strategy.setDefaults?.(draft);
  strategy.prepareForCreate?.(draft);
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
  const key = keyFor(metadata);
  if (context.storage.get(resource.collection, key) !== undefined) {
    throw metadata.generateName
      ? conflict(resource, metadata.name, 'the generated name is taken; try again')
      : alreadyExists(resource, metadata.name);
  }
  if (!options.applied) settleManagers(context, { resource, before: {}, after: draft }, options.manager);
  const stored = resource.conversion?.toStored(draft) ?? draft;
  if (options.dryRun) return deepFreeze(stored) as KubeObject;
  return context.storage.put(resource.collection, key, stored as KubeObject);
}
