/**
 * Strategic merge patch: a merge patch that knows from the schema which lists are merged by a key
 * (community/contributors/devel/sig-api-machinery/strategic-merge-patch.md). What it gives is new; neither
 * the object nor the patch is changed.
 */
import { cloneJson, equalJson, isJsonObject, type JsonObject } from '../json.ts';
import type { Definitions, Schema } from '../schema/definitions.ts';
import { badRequest } from '../status.ts';

const directive = '$patch';
const retainKeys = '$retainKeys';
const deletePrefix = '$deleteFromPrimitiveList/';
const orderPrefix = '$setElementOrder/';

const strategiesOf = (schema: Schema): string[] => (schema['x-kubernetes-patch-strategy'] ?? '').split(',');

class Merger {
  readonly #definitions: Definitions;

  constructor(definitions: Definitions) {
    this.#definitions = definitions;
  }

  object(original: JsonObject, patch: JsonObject, schema: Schema): JsonObject {
    const { [directive]: how, ...rest } = patch;
    if (how === 'replace') return cloneJson(rest);
    if (how === 'delete') return {};
    if (how !== undefined && how !== 'merge') throw badRequest(`Unknown patch type found: ${how}`);
    const result = retained(cloneJson(original), patch);
    for (const [key, value] of Object.entries(rest)) {
      if (!key.startsWith('$')) this.#field(result, key, value, this.#fieldSchema(schema, key));
    }
    for (const [key, value] of Object.entries(rest)) {
      if (key.startsWith(deletePrefix)) dropPrimitives(result, key.slice(deletePrefix.length), value);
    }
    for (const [key, value] of Object.entries(rest)) {
      if (!key.startsWith(orderPrefix)) continue;
      const name = key.slice(orderPrefix.length);
      const mergeKey = this.#fieldSchema(schema, name)['x-kubernetes-patch-merge-key'];
      setOrder(result, name, { order: value, mergeKey, before: original[name] });
    }
    return result;
  }

  /** The field's own schema, with merge key and strategy: they are beside the reference, not behind it. */
  #fieldSchema(schema: Schema, key: string): Schema {
    const resolved = this.#definitions.resolve(schema);
    const { properties = {}, additionalProperties = {} } = resolved;
    return Object.hasOwn(properties, key) ? properties[key]! : additionalProperties;
  }

  #field(result: JsonObject, key: string, value: unknown, schema: Schema): void {
    if (value === null) delete result[key];
    else if (Array.isArray(value)) result[key] = this.#list(result[key], value, schema);
    else if (!isJsonObject(value)) result[key] = value;
    else if (value[directive] === 'delete') delete result[key];
    else result[key] = this.object(isJsonObject(result[key]) ? result[key] : {}, value, schema);
  }

  #list(original: unknown, patch: unknown[], schema: Schema): unknown[] {
    const before = Array.isArray(original) ? original : [];
    if (!strategiesOf(schema).includes('merge')) return cloneJson(patch);
    const mergeKey = schema['x-kubernetes-patch-merge-key'];
    if (mergeKey === undefined) {
      const merged = [...before, ...patch.filter((p) => !before.some((b) => equalJson(b, p)))];
      return inOrder(merged, { order: patch, mergeKey, before });
    }
    return this.#keyedList(before as JsonObject[], patch as JsonObject[], mergeKey, schema.items ?? {});
  }

  #keyedList(before: JsonObject[], patch: JsonObject[], mergeKey: string, schema: Schema): JsonObject[] {
    const replacing = patch.some((p) => p?.[directive] === 'replace' && p[mergeKey] === undefined);
    // What replaces a list is taken as it is, be a key in it twice (a Service's port for two protocols).
    if (replacing) return patch.filter((element) => element[directive] === undefined).map(cloneJson);
    let result = before.map(cloneJson);
    for (const element of patch) {
      if (!isJsonObject(element)) throw badRequest('expected a list of objects in the patch');
      const key = element[mergeKey];
      if (key === undefined)
        throw badRequest(`map: ${JSON.stringify(element)} does not contain declared merge key: ${mergeKey}`);
      const at = result.findIndex((r) => r[mergeKey] === key);
      if (element[directive] === 'delete') result = result.filter((r) => r[mergeKey] !== key);
      else if (at < 0) result.push(this.object({}, element, schema));
      else result[at] = this.object(result[at]!, element, schema);
    }
    return inOrder(result, { order: patch, mergeKey, before });
  }
}

/** `$retainKeys` names every field that may stay: it clears the other members of a union. */
function retained(object: JsonObject, patch: JsonObject): JsonObject {
  const keep = patch[retainKeys];
  if (keep === undefined) return object;
  if (!Array.isArray(keep)) throw badRequest(`${retainKeys} must be a list`);
  return Object.fromEntries(Object.entries(object).filter(([key]) => keep.includes(key)));
}

function dropPrimitives(result: JsonObject, name: string, values: unknown): void {
  if (!Array.isArray(values) || !Array.isArray(result[name])) return;
  result[name] = result[name].filter((item) => !values.includes(item));
}

/** Puts a list into the order that the client asked for by `$setElementOrder`. */
function setOrder(
  result: JsonObject,
  name: string,
  { order, mergeKey, before }: { order: unknown; mergeKey: string | undefined; before: unknown },
): void {
  const items = result[name];
  if (!Array.isArray(order) || !Array.isArray(items)) return;
  result[name] = inOrder(items, { order, mergeKey, before: Array.isArray(before) ? before : [] });
}

/**
 * The client's order for what it names, be it only in the patch; what only the server has stays where it was between
 * them, and behind what is new (mergeSortedSlice in apimachinery's strategicpatch).
 */
function inOrder<T>(
  items: readonly T[],
  {
    order,
    mergeKey,
    before,
  }: { order: readonly unknown[]; mergeKey: string | undefined; before: readonly unknown[] },
): T[] {
  const idOf = (item: unknown) => (mergeKey !== undefined && isJsonObject(item) ? item[mergeKey] : item);
  const wanted = order.map(idOf);
  const live = before.map(idOf);
  const ordered = wanted.flatMap((id) => items.filter((item) => idOf(item) === id));
  const others = items.filter((item) => !wanted.includes(idOf(item)));
  const merged: T[] = [];
  while (ordered.length > 0 || others.length > 0) {
    const otherFirst = others.length > 0 && comesFirst(live.indexOf(idOf(others[0])), ordered, live, idOf);
    merged.push((otherFirst ? others.shift() : ordered.shift())!);
  }
  return merged;
}

function comesFirst(
  other: number,
  ordered: readonly unknown[],
  live: readonly unknown[],
  idOf: (item: unknown) => unknown,
): boolean {
  if (ordered.length === 0) return true;
  const next = live.indexOf(idOf(ordered[0]));
  return next >= 0 && other >= 0 && other < next;
}

/** Applies the patch to an object of the named definition. */
export function strategicMergePatch(
  object: JsonObject,
  patch: JsonObject,
  { definition, definitions }: { definition: string; definitions: Definitions },
): JsonObject {
  return new Merger(definitions).object(object, patch, { $ref: `#/definitions/${definition}` });
}
