/** CustomResourceDefinitions for tests: published ones as they are, and a small one that is short to change. */
import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { parseAllDocuments } from 'yaml';
import type { JsonObject } from '../json.ts';
import type { TestServer } from '../test-server.ts';
import type { JsonSchema } from './schema/json-schema.ts';

const folder = new URL('../../../../tests/vendor/custom-resource-definitions/', import.meta.url);

const read = new Map<string, JsonObject[]>();

/** `gateway-api-standard.yaml.br`, …: the definitions in it, not to be changed. */
export function publishedDefinitions(file: string): JsonObject[] {
  const known = read.get(file) ?? readDefinitions(file);
  read.set(file, known);
  return known;
}

function readDefinitions(file: string): JsonObject[] {
  const bytes = readFileSync(new URL(file, folder));
  const text = (file.endsWith('.br') ? brotliDecompressSync(bytes) : bytes).toString();
  return parseAllDocuments(text)
    .map((document) => document.toJS() as JsonObject)
    .filter(({ kind }) => kind === 'CustomResourceDefinition');
}

export const definitionsUrl = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
export const widgetsUrl = '/apis/example.com/v1/namespaces/default/widgets';

export const specOf = (spec: JsonSchema): JsonSchema => ({ type: 'object', properties: { spec } });

export function versionOf(schema: JsonSchema, more: object = {}): JsonObject {
  return { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema }, ...more };
}

/** widgets.example.com, of one version unless told otherwise. */
export function widgets(schema: JsonSchema, version: object = {}, spec: object = {}): JsonObject {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'], categories: ['all'] },
      versions: [versionOf(schema, version)],
      ...spec,
    },
  };
}

export const widget = (spec: unknown, more: object = {}): JsonObject => ({
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name: 'w' },
  spec,
  ...more,
});

/** Free of any shape. */
export const free: JsonSchema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

export const sized: JsonSchema = specOf({
  type: 'object',
  required: ['size'],
  properties: {
    size: { type: 'integer', minimum: 1 },
    color: { type: 'string', default: 'red' },
    replicas: { type: 'integer' },
  },
});

/** Defines widgets on the test's server. */
export const definer =
  ({ call }: TestServer) =>
  (schema: JsonSchema, version: object = {}, spec: object = {}) =>
    call('POST', definitionsUrl, widgets(schema, version, spec));
