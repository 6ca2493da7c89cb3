/**
 * A value beside the one that it had before. What has not changed may stay as it is, whatever its schema says today
 * (apiserver, cel/common/equality.go). Members of objects are told by their names, items of lists only by their keys.
 */
import { equalJson, isJsonObject } from '../../json.ts';
import { type JsonSchema, memberOf } from './json-schema.ts';

/** What tells an item of a list of type map from others; undefined for an item without one of the keys. */
function keyOf(item: unknown, keys: readonly string[]): string | undefined {
  if (!isJsonObject(item)) return undefined;
  const values = keys.map((key) => item[key]);
  if (values.some((v) => v === undefined || typeof v === 'object')) return undefined;
  return JSON.stringify(values);
}

/** Finds the old item for a new one. */
export function correlateItems(schema: JsonSchema, old: unknown): ((item: unknown) => unknown) | undefined {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (schema['x-kubernetes-list-type'] !== 'map' || keys.length === 0 || !Array.isArray(old))
    return undefined;
  const items = new Map<string, unknown>();
  for (const item of old) {
    const key = keyOf(item, keys);
    if (key !== undefined && !items.has(key)) items.set(key, item);
  }
  return (item) => {
    const key = keyOf(item, keys);
    return key === undefined ? undefined : items.get(key);
  };
}

export class Correlation {
  readonly #value: unknown;
  readonly #old: unknown;
  readonly #schema: JsonSchema;
  #unchanged: boolean | undefined;
  #items: ((item: unknown) => unknown) | null | undefined;

  constructor(value: unknown, old: unknown, schema: JsonSchema) {
    this.#value = value;
    this.#old = old;
    this.#schema = schema;
  }

  /** What the schema does not describe cannot be told, and counts as changed. */
  get unchanged(): boolean {
    this.#unchanged ??= this.#compare();
    return this.#unchanged;
  }

  #compare(): boolean {
    const [value, old] = [this.#value, this.#old];
    if (Array.isArray(value) && Array.isArray(old)) {
      if (value.length !== old.length) return false;
      if (this.#schema['x-kubernetes-list-type'] !== 'map') return equalJson(value, old);
      return value.every((_, i) => this.item(i)?.unchanged === true);
    }
    if (!isJsonObject(value) || !isJsonObject(old)) return equalJson(value, old);
    const keys = Object.keys(value);
    return (
      keys.length === Object.keys(old).length && keys.every((key) => this.member(key)?.unchanged === true)
    );
  }

  member(key: string): Correlation | undefined {
    if (!isJsonObject(this.#value) || !isJsonObject(this.#old)) return undefined;
    const schema = memberOf(this.#schema, key);
    if (schema === undefined || this.#value[key] === undefined || this.#old[key] === undefined)
      return undefined;
    return new Correlation(this.#value[key], this.#old[key], schema);
  }

  item(index: number): Correlation | undefined {
    const { items } = this.#schema;
    if (!Array.isArray(this.#value) || items === undefined) return undefined;
    if (this.#items === undefined) this.#items = correlateItems(this.#schema, this.#old) ?? null;
    const old = this.#items?.(this.#value[index]);
    return old === undefined ? undefined : new Correlation(this.#value[index], old, items);
  }
}
