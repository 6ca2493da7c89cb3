/** What a write does to metadata.managedFields. */
import { ApiError } from '../../../kube/client/api-error.ts';
import type { Clock } from '../../../util/clock.ts';
import type { JsonObject } from '../json.ts';
import type { Resource } from '../registry/resource.ts';
import { timestamp } from '../rest/rest-context.ts';
import {
  type Manager,
  managersAfterUpdate,
  readManagers,
  resetsManagers,
  writeManagers,
} from './managers.ts';
import { TypedValues } from './typed-value.ts';

export type { Manager } from './managers.ts';

const known = new WeakMap<Resource, TypedValues>();

/** Undefined where managers are not kept: for a second face of a kind, and while no schema was needed yet. */
export function typedValuesOf(resource: Resource): TypedValues | undefined {
  const definitions = resource.managedSchemas();
  if (definitions === undefined) return undefined;
  let types = known.get(resource);
  if (types === undefined) {
    types = new TypedValues(definitions, { $ref: `#/definitions/${resource.definition}` });
    known.set(resource, types);
  }
  return types;
}

function readable(managedFields: unknown): boolean {
  try {
    readManagers(managedFields);
    return true;
  } catch {
    return false;
  }
}

/** What a client says of managers in an update: nothing, or nonsense, keeps them; an empty list forgets them. */
export function readWishedManagers(wish: JsonObject, old: JsonObject): void {
  const { managedFields } = wish.metadata;
  const says = resetsManagers(managedFields) || (managedFields !== undefined && readable(managedFields));
  const next = says ? managedFields : old.metadata.managedFields;
  const kept = resetsManagers(next) ? undefined : writeManagers(readManagers(next));
  if (kept === undefined) delete wish.metadata.managedFields;
  else wish.metadata.managedFields = kept;
}

/** Where an object has a key of a list twice, nobody manages it; whether it may is validation's to say (UpdateNoErrors). */
function managersOrNone(find: () => JsonObject[] | undefined): JsonObject[] | undefined {
  try {
    return find();
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

/** Brings `after`, a draft whose managers are those before the write, up to it. */
export function settleManagers(
  { clock }: { clock: Clock },
  { resource, before, after }: { resource: Resource; before: JsonObject; after: JsonObject },
  manager: Manager | undefined,
): void {
  const types = typedValuesOf(resource);
  const present = readManagers(after.metadata.managedFields);
  if (types === undefined || (manager === undefined && present.size === 0)) return;
  // Status is the server's own until somebody writes it by its subresource.
  const shown =
    manager?.subresource === 'status' ? after : { ...after, status: (before as JsonObject).status };
  const change = { before, after: resource.hasStatus ? shown : after, types, now: timestamp(clock.now()) };
  const managedFields = managersOrNone(() => writeManagers(managersAfterUpdate(present, manager, change)));
  after.metadata = { ...after.metadata, managedFields };
  if (managedFields === undefined) delete after.metadata.managedFields;
}
