/**
 * Who manages which fields of an object (metadata.managedFields): kept up by every write from outside, and what decides
 * a server-side apply (apimachinery, util/managedfields; structured-merge-diff, merge). Writes of the program's own
 * parts are in nobody's name: they take fields from those who had them, and leave no entry.
 */
import { isJsonObject, type JsonObject } from '../json.ts';
import { applyConflict, badRequest } from '../status.ts';
import { FieldSet } from './field-set.ts';
import { lastApplied } from './last-applied.ts';
import type { TypedValues } from './typed-value.ts';

export interface Manager {
  name: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  subresource?: string;
}

interface Entry {
  manager: Manager;
  fields: FieldSet;
  time?: string;
}

type Entries = Map<string, Entry>;

/** An update by one more manager joins the oldest ones into one entry. */
const maxUpdateManagers = 10;
const ancient = 'ancient-changes';

/** An applied set holds for every version of its kind. */
function identify({ name, operation, apiVersion, subresource = '' }: Manager): string {
  return JSON.stringify([name, operation, operation === 'Apply' ? '' : apiVersion, subresource]);
}

/** Of an object's own identity, which nobody manages. */
const unmanaged = [
  ['f:apiVersion'],
  ['f:kind'],
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'selfLink',
    'uid',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((field) => ['f:metadata', `f:${field}`]),
];

function managedOnly(set: FieldSet): FieldSet {
  const managed = set.without(unmanaged);
  managed.members.delete('f:metadata');
  return managed;
}

/** Throws BadRequest for what is no list of entries. */
export function readManagers(managedFields: unknown): Entries {
  const entries: Entries = new Map();
  if (managedFields === undefined) return entries;
  if (!Array.isArray(managedFields)) throw badRequest('metadata.managedFields must be a list');
  for (const entry of managedFields as JsonObject[]) {
    const { manager: name = '', operation, apiVersion = '', subresource, time, fieldsV1 } = entry ?? {};
    if (operation !== 'Apply' && operation !== 'Update')
      throw badRequest(`metadata.managedFields: invalid operation ${JSON.stringify(operation ?? '')}`);
    const manager: Manager = { name, operation, apiVersion, ...(subresource && { subresource }) };
    entries.set(identify(manager), {
      manager,
      fields: FieldSet.fromJson(fieldsV1),
      ...(time && { time }),
    });
  }
  return entries;
}

/** Undefined where nobody manages anything. Appliers come first, each kind by time and name. */
export function writeManagers(entries: Entries): JsonObject[] | undefined {
  const kept = [...entries.values()].filter(({ fields }) => !fields.isEmpty());
  if (kept.length === 0) return undefined;
  const rank = ({ manager, time = '' }: Entry) => [
    manager.operation,
    time,
    manager.name,
    manager.apiVersion,
    manager.subresource ?? '',
  ];
  const byRank = (a: Entry, b: Entry) => (String(rank(a)) < String(rank(b)) ? -1 : 1);
  return kept.sort(byRank).map(({ manager, fields, time }) => ({
    manager: manager.name,
    operation: manager.operation,
    apiVersion: manager.apiVersion,
    ...(time && { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: fields.toJson(),
    ...(manager.subresource && { subresource: manager.subresource }),
  }));
}

/** What somebody else's write takes from managers. */
function release(entries: Entries, writer: string | undefined, taken: FieldSet, removed: FieldSet): void {
  for (const [id, entry] of entries) {
    const fields = id === writer ? entry.fields : entry.fields.difference(taken);
    entries.set(id, { ...entry, fields: fields.difference(removed) });
  }
}

export interface Change {
  before: JsonObject;
  after: JsonObject;
  types: TypedValues;
  /** RFC 3339. */
  now: string;
}

/**
 * Managers after a write that is no apply. Who made an object is its first manager; one that has none gets none but by an
 * apply (skipnonapplied.go). Without a manager (the program's own parts) nobody gets what changed.
 */
export function managersAfterUpdate(
  entries: Entries,
  manager: Manager | undefined,
  { before, after, types, now }: Change,
): Entries {
  const isNew = before.metadata?.uid === undefined;
  if (entries.size === 0 && (manager === undefined || !isNew)) return entries;
  const result = new Map(entries);
  const { changed, removed } = types.compare(before, after);
  const id = manager && identify(manager);
  const gained = managedOnly(changed);
  release(result, id, gained, removed);
  if (manager === undefined) return result;
  const own = result.get(id!);
  const fields = (own?.fields ?? new FieldSet()).union(gained);
  const same = gained.isEmpty() && own !== undefined;
  result.set(id!, same ? own : { manager, fields, time: now });
  return capped(result);
}

function capped(entries: Entries): Entries {
  const updates = [...entries].filter(
    ([, { manager, fields }]) => manager.operation === 'Update' && !fields.isEmpty(),
  );
  if (updates.length <= maxUpdateManagers) return entries;
  const byTime = updates.sort(([, a], [, b]) => ((a.time ?? '') < (b.time ?? '') ? -1 : 1));
  const result = new Map(entries);
  for (const [id, { manager, fields, time }] of byTime.slice(0, updates.length - maxUpdateManagers + 1)) {
    result.delete(id);
    const bucket: Manager = { name: ancient, operation: 'Update', apiVersion: manager.apiVersion };
    const known = result.get(identify(bucket));
    result.set(identify(bucket), {
      manager: bucket,
      fields: known ? known.fields.union(fields) : fields,
      ...(time && { time }),
    });
  }
  return result;
}

export interface Application {
  live: JsonObject;
  applied: JsonObject;
  manager: Manager;
  force: boolean;
  types: TypedValues;
  now: string;
}

/**
 * What comes of an apply: the new object and who manages it then. Fields that the manager applied before and does not
 * any more go, unless somebody else has them.
 * Throws Conflict where a field that it changes is another's, unless forced; BadRequest for lists without keys.
 */
export function applyFields(
  managedFields: Entries,
  { live, applied, manager, force, types, now }: Application,
): { object: JsonObject; managers: Entries } {
  const entries = new Map(managedFields);
  if (entries.size === 0 && Object.keys(live).length > 0) {
    const before: Manager = {
      name: 'before-first-apply',
      operation: 'Update',
      apiVersion: manager.apiVersion,
    };
    entries.set(identify(before), { manager: before, fields: managedOnly(types.fieldsOf(live)), time: now });
  }
  const id = identify(manager);
  const last = entries.get(id);
  const fields = managedOnly(types.fieldsOf(applied));
  entries.set(id, { manager, fields, time: now });
  const merged = types.merge(live, applied);
  const object = last === undefined ? merged : prune(merged, last.fields, entries, types);
  const { changed, removed } = types.compare(live, object);
  if (!force) refuseConflicts(entries, id, changed.difference(migrated(live, manager, types)));
  release(entries, id, changed, removed);
  const same = changed.isEmpty() && removed.isEmpty();
  const { time: _, ...untimed } = entries.get(id)!;
  // An apply that changes nothing of the object is of no time (managedfieldsupdater.go).
  if (same) entries.set(id, last?.time === undefined ? untimed : { ...untimed, time: last.time });
  return { object, managers: entries };
}

/** What `kubectl apply` without --server-side has set and nobody changed since, which kubectl may take (lastappliedmanager.go). */
function migrated(live: JsonObject, manager: Manager, types: TypedValues): FieldSet {
  const last = manager.name === 'kubectl' ? lastApplied(live) : undefined;
  if (last === undefined || last.apiVersion !== manager.apiVersion) return new FieldSet();
  const { changed, removed } = types.compare(last, live);
  return types.fieldsOf(last).difference(changed).difference(removed);
}

function prune(merged: JsonObject, last: FieldSet, entries: Entries, types: TypedValues): JsonObject {
  let owned = new FieldSet();
  for (const { fields } of entries.values()) owned = owned.union(fields);
  return types.remove(merged, unowned(last, owned));
}

/** Members that nobody has, nor anything below them. */
function unowned(last: FieldSet, owned: FieldSet): FieldSet {
  const result = new FieldSet();
  for (const step of last.members) if (!owned.touches(step)) result.members.add(step);
  for (const [step, child] of last.children) {
    const below = unowned(child, owned.children.get(step) ?? new FieldSet());
    // What is below a list's item that goes, goes with it.
    if (!result.members.has(step) && !below.isEmpty()) result.children.set(step, below);
  }
  return result;
}

function refuseConflicts(entries: Entries, own: string, changed: FieldSet): void {
  const conflicts = [...entries].flatMap(([id, { manager, fields }]) =>
    id === own
      ? []
      : fields
          .intersection(changed)
          .paths()
          .map((path) => ({ manager: nameOf(manager), path })),
  );
  if (conflicts.length > 0) throw applyConflict(conflicts);
}

function nameOf({ name, operation, apiVersion, subresource }: Manager): string {
  const quoted = JSON.stringify(name);
  const at = subresource ? `${quoted} with subresource ${JSON.stringify(subresource)}` : quoted;
  return operation === 'Update' ? `${at} using ${apiVersion}` : at;
}

/** Whether a client asks to forget all managers: an empty list, or one empty entry. */
export function resetsManagers(managedFields: unknown): boolean {
  if (!Array.isArray(managedFields)) return false;
  const [first, ...others] = managedFields;
  return (
    first === undefined || (others.length === 0 && isJsonObject(first) && Object.keys(first).length === 0)
  );
}
