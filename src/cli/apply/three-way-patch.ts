/**
 * kubectl's client-side apply: what to send so that the live object follows the manifest. Fields of the last
 * applied manifest that are gone from the new one are deleted, fields of the new one are set, and all else
 * (defaults, what controllers or other people set) stays.
 *
 * Lists of built-in kinds are merged by key as the OpenAPI document says; others are replaced as a whole.
 * See "How apply calculates differences and merges changes" in Kubernetes' documentation.
 */
import type { MergeSchema } from './merge-schema.ts';

type Value = unknown;
type Fields = Record<string, Value>;

/**
 * The patch, or undefined when the live object already is what the manifest says: a strategic merge patch where there
 * is a schema, else a JSON merge patch.
 */
export function threeWayPatch(
  objects: { original: Fields | undefined; modified: Fields; current: Fields },
  schema: MergeSchema | undefined,
): Fields | undefined {
  return diffFields({ ...objects, original: objects.original ?? {} }, schema);
}

/** What was applied last, what is wanted now, and what is there. */
interface Three<T> {
  original: T;
  modified: T;
  current: T;
}

function diffFields(
  { original, modified, current }: Three<Fields>,
  schema: MergeSchema | undefined,
): Fields | undefined {
  const patch: Fields = {};
  for (const key of Object.keys(original)) {
    const gone = !(key in modified) || modified[key] === null;
    if (gone && current[key] !== undefined) patch[key] = null;
  }
  for (const [key, wanted] of Object.entries(modified)) {
    if (wanted === null) continue;
    const values = { original: original[key], modified: wanted, current: current[key] };
    Object.assign(patch, diffField(key, values, schema?.field(key)));
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** The part of the patch for one field; empty where nothing changes. */
function diffField(
  key: string,
  { original, modified, current }: Three<Value>,
  schema: MergeSchema | undefined,
): Fields {
  if (isFields(modified) && isFields(current)) {
    const three = { original: isFields(original) ? original : {}, modified, current };
    const change = diffFields(three, schema);
    return change === undefined ? {} : { [key]: retained(change, modified, schema) };
  }
  if (Array.isArray(modified) && Array.isArray(current) && schema !== undefined) {
    const three = { original: Array.isArray(original) ? original : [], modified, current };
    if (schema.isSet) return diffSet(key, three);
    if (schema.mergeKey !== undefined) return diffKeyed(key, three, { schema, mergeKey: schema.mergeKey });
  }
  return sameValue(modified, current) ? {} : { [key]: modified };
}

/** Adds `$retainKeys`, which drops what the server had defaulted for the alternative chosen before. */
function retained(patch: Fields, modified: Fields, schema: MergeSchema | undefined): Fields {
  return schema?.retainsKeys ? { ...patch, $retainKeys: Object.keys(modified).sort() } : patch;
}

function diffSet(key: string, { original, modified, current }: Three<Value[]>): Fields {
  const added = modified.filter((item) => !current.includes(item));
  const removed = original.filter((item) => !modified.includes(item) && current.includes(item));
  return {
    ...(added.length > 0 && { [key]: added }),
    ...(removed.length > 0 && { [`$deleteFromPrimitiveList/${key}`]: removed }),
  };
}

interface Keyed {
  schema: MergeSchema;
  mergeKey: string;
}

function diffKeyed(key: string, three: Three<Value[]>, { schema, mergeKey }: Keyed): Fields {
  const { original, modified, current } = three;
  if (![modified, current].every((list) => isKeyedBy(list, mergeKey))) {
    // A Service may have one port number for two protocols; merged by number, one of the two would be lost.
    const same = sameValue(original, modified) && covers(current, modified);
    return same ? {} : { [key]: [...modified, { $patch: 'replace' }] };
  }
  const find = (list: Value[], item: Fields) =>
    list.filter(isFields).find((other) => other[mergeKey] === item[mergeKey]);
  const patch: Fields[] = original
    .filter(isFields)
    .filter((item) => !find(modified, item) && find(current, item))
    .map((item) => ({ $patch: 'delete', [mergeKey]: item[mergeKey] }));
  for (const item of modified as Fields[]) {
    const live = find(current, item);
    const change = live
      ? diffFields({ original: find(original, item) ?? {}, modified: item, current: live }, schema.items)
      : item;
    if (change !== undefined)
      patch.push({ ...retained(change, item, live && schema), [mergeKey]: item[mergeKey] });
  }
  return patch.length === 0 ? {} : { [key]: patch };
}

/** Every item has the key, and no two the same. */
function isKeyedBy(list: Value[], mergeKey: string): boolean {
  const values = list.map((item) => (isFields(item) ? item[mergeKey] : undefined));
  return !values.includes(undefined) && new Set(values).size === values.length;
}

/** Whether the live list has just these items, each perhaps with more fields than the manifest gives it. */
function covers(live: Value, wanted: Value): boolean {
  if (Array.isArray(wanted))
    return (
      Array.isArray(live) && live.length === wanted.length && wanted.every((item, i) => covers(live[i], item))
    );
  if (!isFields(wanted)) return sameValue(live, wanted);
  return isFields(live) && Object.entries(wanted).every(([key, value]) => covers(live[key], value));
}

function isFields(value: Value): value is Fields {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Equal as JSON, whatever the order of fields. */
function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameValue(item, b[i]));
  if (!isFields(a) || !isFields(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => sameValue(a[key], b[key]));
}
