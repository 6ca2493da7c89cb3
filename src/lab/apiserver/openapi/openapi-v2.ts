/** /openapi/v2: one Swagger document for everything. */
import type { Resource } from '../registry/resource.ts';
import { loadDefinitions, type Schema } from '../schema/definitions.ts';
import { patchOperations, patchParameters } from './operations.ts';

export interface SwaggerParameter {
  name: string;
  in: 'query';
  description: string;
  type: 'string';
  uniqueItems: boolean;
}

export interface SwaggerOperation {
  operationId: string;
  consumes: string[];
  produces: string[];
  parameters: SwaggerParameter[];
  responses: Record<string, { description: string; schema?: Schema }>;
  'x-kubernetes-action': string;
  'x-kubernetes-group-version-kind': object;
}

export interface SwaggerDocument {
  swagger: '2.0';
  info: { title: string; version: string };
  paths: Record<string, { patch: SwaggerOperation }>;
  definitions: Readonly<Record<string, Schema>>;
}

const parameters: SwaggerParameter[] = Object.entries(patchParameters).map(([name, description]) => ({
  name,
  in: 'query',
  description,
  type: 'string',
  uniqueItems: true,
}));

const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];

/** Swagger 2.0 has fewer words than the schemas of custom resources, which are OpenAPI 3.0's. */
function schemaV2(schema: Schema): Schema {
  const { nullable, oneOf: _1, anyOf: _2, allOf: _3, not: _4, ...rest } = schema;
  const result: Schema = { ...rest };
  if (nullable) delete result.type;
  if (schema.properties)
    result.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([k, v]) => [k, schemaV2(v)]),
    );
  if (schema.items) result.items = schemaV2(schema.items);
  if (schema.additionalProperties) result.additionalProperties = schemaV2(schema.additionalProperties);
  return result;
}

/** Kubernetes' own definitions, and those of resources that bring their own. */
async function definitionsOf(resources: readonly Resource[]): Promise<Record<string, Schema>> {
  const { all: own } = await loadDefinitions();
  const result = { ...own };
  for (const { definition, definitions } of resources) {
    if (own[definition] !== undefined) continue;
    for (const [name, schema] of Object.entries((await definitions()).all)) result[name] ??= schemaV2(schema);
  }
  return result;
}

export async function openApiV2(resources: readonly Resource[], version: string): Promise<SwaggerDocument> {
  const paths: SwaggerDocument['paths'] = {};
  for (const { path, resource, operationId, gvk } of patchOperations(resources)) {
    const schema = { $ref: `#/definitions/${resource.definition}` };
    paths[path] = {
      patch: {
        operationId,
        consumes: resource.mergesStrategically ? patchTypes : patchTypes.slice(0, 2),
        produces: ['application/json'],
        parameters,
        responses: { 200: { description: 'OK', schema } },
        'x-kubernetes-action': 'patch',
        'x-kubernetes-group-version-kind': gvk,
      },
    };
  }
  const definitions = await definitionsOf(resources);
  return { swagger: '2.0', info: { title: 'Kubernetes', version }, paths, definitions };
}
