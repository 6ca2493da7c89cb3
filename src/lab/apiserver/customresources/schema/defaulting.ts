/** Fills in what a schema has a default for (apiextensions-apiserver, schema/defaulting). */
import { cloneJson, isJsonObject } from '../../json.ts';
import { type JsonSchema, memberOf, valuesOf } from './json-schema.ts';

const isUnwantedNull = (value: unknown, schema: JsonSchema | undefined) =>
  value === null && schema !== undefined && !schema.nullable;

/** Takes out nulls of members that can be neither null nor defaulted. */
export function dropNulls(value: unknown, schema: JsonSchema | undefined): void {
  if (Array.isArray(value)) for (const item of value) dropNulls(item, schema?.items);
  if (!isJsonObject(value)) return;
  for (const key of Object.keys(value)) {
    const member = memberOf(schema, key);
    if (isUnwantedNull(value[key], member) && member?.default === undefined) delete value[key];
    else dropNulls(value[key], member);
  }
}

const defaultOf = (schema: JsonSchema | undefined) => cloneJson(schema?.default ?? null);

function setMemberDefaults(value: Record<string, unknown>, schema: JsonSchema): void {
  for (const [key, member] of Object.entries(schema.properties ?? {})) {
    if (member.default === undefined) continue;
    if (value[key] === undefined || isUnwantedNull(value[key], member)) value[key] = defaultOf(member);
  }
  const values = valuesOf(schema);
  for (const key of Object.keys(value)) {
    const property =
      schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    if (property === undefined && isUnwantedNull(value[key], values)) value[key] = defaultOf(values);
    setDefaults(value[key], property ?? values);
  }
}

/** In place. */
export function setDefaults(value: unknown, schema: JsonSchema | undefined): void {
  if (schema === undefined) return;
  if (isJsonObject(value)) setMemberDefaults(value, schema);
  if (!Array.isArray(value)) return;
  for (let i = 0; i < value.length; i++) {
    if (isUnwantedNull(value[i], schema.items)) value[i] = defaultOf(schema.items);
    setDefaults(value[i], schema.items);
  }
}
