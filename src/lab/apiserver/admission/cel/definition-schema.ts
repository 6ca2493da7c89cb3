/** A definition of the OpenAPI document as expressions see values of it: with what it refers to in its place. */
import type { JsonSchema } from '../../customresources/schema/json-schema.ts';
import { type Definitions, definitionName, type Schema } from '../../schema/definitions.ts';

/** kube-apiserver's own definition of it has two types, which is none to an expression: such a field cannot be named. */
const typeless = 'io.k8s.apimachinery.pkg.api.resource.Quantity';

export function schemaOfDefinition(definitions: Definitions, name: string): JsonSchema {
  return expanded(definitions, { $ref: `#/definitions/${name}` }, new Set());
}

/** `within` are the definitions around, of which another one inside is an object without fields. */
function expanded(definitions: Definitions, schema: Schema, within: ReadonlySet<string>): JsonSchema {
  const name = definitionName(schema);
  if (name === typeless) return {};
  if (name !== '') {
    if (within.has(name)) return { type: 'object' };
    return expanded(definitions, definitions.get(name), new Set([...within, name]));
  }
  const { format, properties, items, additionalProperties, ...rest } = schema;
  if (format === 'int-or-string') return { 'x-kubernetes-int-or-string': true };
  const part = (of: Schema) => expanded(definitions, of, within);
  const members = Object.entries(properties ?? {}).map(([key, of]) => [key, part(of)]);
  return {
    ...(rest as JsonSchema),
    ...(format && { format }),
    ...(properties && { properties: Object.fromEntries(members) }),
    ...(items && { items: part(items) }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: part(additionalProperties) }),
  };
}
