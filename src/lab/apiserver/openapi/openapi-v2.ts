/** /openapi/v2: one Swagger document for everything. */
import type { Definitions, Schema } from '../schema/definitions.ts';
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

export function openApiV2(definitions: Definitions, version: string): SwaggerDocument {
  const paths: SwaggerDocument['paths'] = {};
  for (const { path, resource, operationId, gvk } of patchOperations()) {
    const schema = { $ref: `#/definitions/${resource.definition}` };
    paths[path] = {
      patch: {
        operationId,
        consumes: patchTypes,
        produces: ['application/json'],
        parameters,
        responses: { 200: { description: 'OK', schema } },
        'x-kubernetes-action': 'patch',
        'x-kubernetes-group-version-kind': gvk,
      },
    };
  }
  return { swagger: '2.0', info: { title: 'Kubernetes', version }, paths, definitions: definitions.all };
}
