/** How a value is merged, by its schema (x-kubernetes-list-type, -map-type): whole, by field, or by item. */
import { isJsonObject, type JsonObject } from '../json.ts';
import type { Schema } from '../schema/definitions.ts';
import { badRequest } from '../status.ts';

export type Structure =
  | { kind: 'whole' }
  /** `fieldOf` is undefined for a key that the schema does not know; keys of a map are members themselves. */
  | { kind: 'fields'; fieldOf: (key: string) => Schema | undefined; isMap: boolean }
  | { kind: 'items'; stepOf: (item: unknown, path: string) => string; items: Schema };

export interface SchemaSource {
  /** The schema behind a reference. */
  resolve(schema: Schema): Schema;
}

const whole: Structure = { kind: 'whole' };

/** Of a value that the schema describes; what the schema leaves open is judged by the value. */
export function structureOf(schemas: SchemaSource, field: Schema, value: unknown): Structure {
  const schema = { ...schemas.resolve(field), ...merging(field) };
  if (Array.isArray(value)) return listStructure(schemas, schema);
  if (!isJsonObject(value) || schema['x-kubernetes-map-type'] === 'atomic') return whole;
  const { properties, additionalProperties } = schema;
  if (properties === undefined && additionalProperties === undefined)
    return schema['x-kubernetes-preserve-unknown-fields'] === true || schema.type === undefined
      ? { kind: 'fields', fieldOf: () => anything, isMap: true }
      : whole;
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true ? anything : undefined;
  return {
    kind: 'fields',
    fieldOf: (key) =>
      properties !== undefined && Object.hasOwn(properties, key)
        ? properties[key]
        : (additionalProperties ?? open),
    isMap: properties === undefined,
  };
}

const anything: Schema = {};

/** What stands beside a reference is about this field. */
function merging(field: Schema): Partial<Schema> {
  const own = Object.entries(field).filter(([key]) => key.startsWith('x-kubernetes-'));
  return Object.fromEntries(own);
}

/** Of lists' keys in Kubernetes' own types; their OpenAPI document (version 2) leaves defaults out. */
function builtInKeyDefault(key: string, type: string | undefined): unknown {
  if (key === 'protocol') return 'TCP';
  return type === 'integer' ? 0 : type === 'string' ? '' : undefined;
}

function listStructure(schemas: SchemaSource, schema: Schema): Structure {
  const items = schema.items ?? anything;
  switch (schema['x-kubernetes-list-type']) {
    case 'set':
      return { kind: 'items', items, stepOf: (item) => `v:${JSON.stringify(item)}` };
    case 'map': {
      const keys = [...(schema['x-kubernetes-list-map-keys'] ?? [])].sort();
      const { properties = {} } = schemas.resolve(items);
      const byDefault = (key: string) =>
        properties[key]?.default ??
        (items.$ref === undefined ? undefined : builtInKeyDefault(key, properties[key]?.type));
      const defaults = new Map(keys.map((key) => [key, byDefault(key)]));
      return { kind: 'items', items, stepOf: (item, path) => keyStep(item, defaults, path) };
    }
    default:
      return whole;
  }
}

function keyStep(item: unknown, keys: ReadonlyMap<string, unknown>, path: string): string {
  const step: JsonObject = {};
  let known = false;
  for (const [key, byDefault] of keys) {
    const own = isJsonObject(item) ? item[key] : undefined;
    known ||= own !== undefined;
    if ((own ?? byDefault) !== undefined) step[key] = own ?? byDefault;
  }
  const missing = [...keys.keys()].filter((key) => !(key in step));
  if (!known && missing.length > 0)
    throw badRequest(
      `${path}: element 0: associative list with keys has an element that omits key field ${JSON.stringify(missing[0])} (and doesn't have default value)`,
    );
  return `k:${JSON.stringify(step)}`;
}
