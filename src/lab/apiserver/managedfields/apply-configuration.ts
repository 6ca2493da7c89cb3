/**
 * Merges what a mutating policy applies into an object, as server-side apply does but without managers: only declared
 * fields, and none that would be replaced whole (policy/mutating/patch/smd.go).
 */
import { isJsonObject, type JsonObject } from '../json.ts';
import type { Resource } from '../registry/resource.ts';
import { loadDefinitions, type Schema } from '../schema/definitions.ts';
import { type SchemaSource, structureOf } from './structure.ts';
import { TypedValues } from './typed-value.ts';

interface Target {
  object: JsonObject;
  resource: Resource;
  /** Where the object is of another kind than the resource: a Scale. */
  kind: { group: string; version: string; kind: string } | undefined;
}

interface Findings {
  errors: string[];
  atomics: string[];
}

/** A merged copy. Throws an Error for what cannot be applied, with everything that is wrong of a kind. */
export async function mergeApplied(target: Target, applied: JsonObject): Promise<JsonObject> {
  const { schemas, root } = await schemaOf(target);
  const found: Findings = { errors: [], atomics: [] };
  inspect(schemas, { schema: root, value: applied, path: '' }, found);
  const { errors, atomics } = found;
  if (errors.length > 0) {
    const list = errors.length === 1 ? errors[0] : `errors:\n${errors.map((e) => `  ${e}`).join('\n')}`;
    throw new Error(`failed to convert patch object to typed object: ${list}`);
  }
  if (atomics.length > 0)
    throw new Error(
      `invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomics.join(', ')}`,
    );
  return new TypedValues(schemas, root).merge(target.object, applied);
}

async function schemaOf({ resource, kind }: Target): Promise<{ schemas: SchemaSource; root: Schema }> {
  const builtIn = await loadDefinitions();
  const own = kind === undefined ? resource.managedSchemas() : undefined;
  const known = Object.entries(builtIn.all).find(([, schema]) =>
    schema['x-kubernetes-group-version-kind']?.some(
      (gvk) => gvk.group === kind?.group && gvk.version === kind.version && gvk.kind === kind.kind,
    ),
  );
  const name = known?.[0] ?? resource.definition;
  return { schemas: own ?? builtIn, root: { $ref: `#/definitions/${name}` } };
}

interface Part {
  schema: Schema;
  value: unknown;
  path: string;
}

function inspect(schemas: SchemaSource, { schema, value, path }: Part, found: Findings): void {
  if (value === null) return;
  const problem = typeProblem(schema, schemas.resolve(schema), value);
  if (problem !== undefined) {
    found.errors.push(`${path}: ${problem}`);
    return;
  }
  if (typeof value !== 'object') return;
  const structure = structureOf(schemas, schema, value);
  if (structure.kind === 'whole') found.atomics.push(path);
  else if (structure.kind === 'items')
    for (const [i, item] of (value as unknown[]).entries())
      inspect(schemas, { schema: structure.items, value: item, path: `${path}[${i}]` }, found);
  else
    for (const [key, member] of Object.entries(value as JsonObject)) {
      const of = structure.fieldOf(key);
      const at = `${path}.${key}`;
      if (of === undefined) found.errors.push(`${at}: field not declared in schema`);
      else inspect(schemas, { schema: of, value: member, path: at }, found);
    }
}

const expected: Record<string, { name: string; is: (value: unknown) => boolean }> = {
  object: { name: 'map', is: isJsonObject },
  array: { name: 'list', is: Array.isArray },
  string: { name: 'string', is: (value) => typeof value === 'string' },
  boolean: { name: 'boolean', is: (value) => typeof value === 'boolean' },
  integer: { name: 'numeric (int or float)', is: (value) => typeof value === 'number' },
  number: { name: 'numeric (int or float)', is: (value) => typeof value === 'number' },
};

/** Texts that may be numbers too, which the schema calls texts. */
const loose = /\.(IntOrString|Quantity)$/;

function typeProblem(field: Schema, { type, format }: Schema, value: unknown): string | undefined {
  const wanted = expected[type ?? ''];
  if (wanted === undefined || format === 'int-or-string' || loose.test(field.$ref ?? '')) return undefined;
  return wanted.is(value) ? undefined : `expected ${wanted.name}, got ${JSON.stringify(value)}`;
}
