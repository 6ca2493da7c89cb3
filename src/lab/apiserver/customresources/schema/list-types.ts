/** Lists that are sets or maps hold each thing once (apiextensions-apiserver, schema/listtype). */
import { isJsonObject, type JsonObject } from '../../json.ts';
import { duplicate, type FieldError, invalidValue } from '../../validation/field-error.ts';
import { childPath, type JsonSchema, keyPath, valuesOf } from './json-schema.ts';

/** JSON with members in order, so that equal values have the same text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, v) =>
    isJsonObject(v) ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1))) : v,
  );
}

/** The first repetition of each. */
function repetitions(values: readonly unknown[]): number[] {
  const seen = new Map<string, number>();
  return values.flatMap((value, i) => {
    const text = canonical(value);
    const times = seen.get(text) ?? 0;
    seen.set(text, times + 1);
    return times === 1 ? [i] : [];
  });
}

/** With its keys in the order in which Go writes a map. */
export function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, inOrder(value[key])]),
  );
}

function keysOf(item: unknown, keys: readonly string[]): JsonObject {
  const of: JsonObject = {};
  if (isJsonObject(item)) for (const key of keys) if (item[key] !== undefined) of[key] = item[key];
  return of;
}

function validateList(list: readonly unknown[], schema: JsonSchema, field: string): FieldError[] {
  const type = schema['x-kubernetes-list-type'];
  if (type === 'set') return repetitions(list).map((i) => duplicate(`${field}[${i}]`, inOrder(list[i])));
  if (type !== 'map') return [];
  const wrong = list.findIndex((item) => item !== null && !isJsonObject(item));
  if (wrong >= 0)
    return [
      invalidValue(`${field}[${wrong}]`, list[wrong], 'must be an object for an array of list-type map'),
    ];
  const keys = list.map((item) => keysOf(item, schema['x-kubernetes-list-map-keys'] ?? []));
  return repetitions(keys).map((i) => duplicate(`${field}[${i}]`, keys[i]));
}

export function validateListTypes(
  value: unknown,
  schema: JsonSchema | undefined,
  field: string,
): FieldError[] {
  if (schema === undefined) return [];
  if (Array.isArray(value)) {
    const inner = value.flatMap((item, i) => validateListTypes(item, schema.items, `${field}[${i}]`));
    return [...validateList(value, schema, field), ...inner];
  }
  if (!isJsonObject(value)) return [];
  const values = valuesOf(schema);
  const { properties = {} } = schema;
  return Object.entries(value).flatMap(([key, member]) => {
    if (Object.hasOwn(properties, key))
      return validateListTypes(member, properties[key], childPath(field, key));
    return validateListTypes(member, values, keyPath(field, key));
  });
}
