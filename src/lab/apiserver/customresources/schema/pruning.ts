/** Takes out what a schema does not describe (apiextensions-apiserver, schema/pruning). */
import { isJsonObject } from '../../json.ts';
import { asResource, childPath, isMetaField, type JsonSchema, valuesOf } from './json-schema.ts';

class Pruner {
  readonly unknown: string[] = [];

  prune(value: unknown, schema: JsonSchema | undefined, path: string): void {
    if (schema?.['x-kubernetes-preserve-unknown-fields']) this.#described(value, schema, path);
    else if (Array.isArray(value))
      value.forEach((item, i) => {
        this.prune(item, schema?.items, `${path}[${i}]`);
      });
    else if (isJsonObject(value)) this.#members(value, schema, path);
  }

  #members(value: Record<string, unknown>, schema: JsonSchema | undefined, path: string): void {
    for (const key of Object.keys(value)) {
      if (schema?.['x-kubernetes-embedded-resource'] && isMetaField(key)) continue;
      const at = childPath(path, key);
      if (schema?.properties && Object.hasOwn(schema.properties, key))
        this.prune(value[key], schema.properties[key], at);
      else if (schema?.additionalProperties !== undefined) this.prune(value[key], valuesOf(schema), at);
      else {
        this.unknown.push(at);
        delete value[key];
      }
    }
  }

  /** Below what is kept as it is, what the schema describes is pruned all the same. */
  #described(value: unknown, schema: JsonSchema | undefined, path: string): void {
    if (schema === undefined) return;
    if (Array.isArray(value)) {
      value.forEach((item, i) => {
        this.#described(item, schema.items, `${path}[${i}]`);
      });
    } else if (isJsonObject(value)) {
      for (const key of Object.keys(value)) {
        if (schema['x-kubernetes-embedded-resource'] && isMetaField(key)) continue;
        const at = childPath(path, key);
        if (schema.properties && Object.hasOwn(schema.properties, key))
          this.prune(value[key], schema.properties[key], at);
        else if (schema.additionalProperties !== undefined) this.prune(value[key], valuesOf(schema), at);
      }
    }
  }
}

/** Prunes a resource in place; the result is the paths of what was taken out, sorted. */
export function prune(object: object, schema: JsonSchema): string[] {
  const pruner = new Pruner();
  pruner.prune(object, asResource(schema), '');
  return pruner.unknown.sort();
}

/** The same for a value that is no resource: a default. */
export function pruneValue(value: unknown, schema: JsonSchema): void {
  new Pruner().prune(value, schema, '');
}
