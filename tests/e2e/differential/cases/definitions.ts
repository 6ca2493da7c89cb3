/** Definitions of custom resources, short to write, and their objects. */
import type { Case, Step } from '../case.ts';
import { get, post, remove } from './objects.ts';

export type Schema = Record<string, unknown>;

export const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
export const definition = `${definitions}/things.{ns}.example.com`;
export const at = (version = 'v1') => `/apis/{ns}.example.com/${version}/namespaces/{ns}/things`;
export const things = at();

export const text = { type: 'string' };
export const integer = { type: 'integer' };
export const object = (properties: Schema, more: Schema = {}): Schema => ({
  type: 'object',
  properties,
  ...more,
});
export const list = (items: Schema, more: Schema = {}): Schema => ({ type: 'array', items, ...more });
export const map = (values: Schema, more: Schema = {}): Schema => ({
  type: 'object',
  additionalProperties: values,
  ...more,
});
export const free = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
export const embedded = { type: 'object', 'x-kubernetes-embedded-resource': true };
export const intOrText = { 'x-kubernetes-int-or-string': true };
export const ruled = (schema: Schema, ...rules: Schema[]): Schema => ({
  ...schema,
  'x-kubernetes-validations': rules,
});
export const keyed = (...keys: string[]) => ({
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
});
export const set = { 'x-kubernetes-list-type': 'set' };

export const version = (spec: Schema, more: Schema = {}): Schema => ({
  name: 'v1',
  served: true,
  storage: true,
  schema: { openAPIV3Schema: object({ spec }) },
  ...more,
});

export const defining = (versions: Schema[], more: Schema = {}): Schema => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'things.{ns}.example.com' },
  spec: {
    group: '{ns}.example.com',
    scope: 'Namespaced',
    names: { plural: 'things', kind: 'Thing' },
    versions,
    ...more,
  },
});

export const thing = (spec: unknown, more: Schema = {}): Schema => ({
  apiVersion: '{ns}.example.com/v1',
  kind: 'Thing',
  metadata: { name: 't' },
  spec,
  ...more,
});

export const served: Step = { ...get(things), until: 200 };
export const create = (spec: unknown, more: Schema = {}): Step =>
  post(`${things}?dryRun=All`, thing(spec, more));

/** A definition with a schema, and what follows. */
export const withSchema = (name: string, schema: Schema, steps: Step[], more: Schema = {}): Case => ({
  name,
  steps: [post(definitions, defining([version(schema, more)])), served, ...steps, remove(definition)],
});

export const refused = (name: string, schemas: Schema[]): Case => ({
  name,
  steps: schemas.map((schema) => post(`${definitions}?dryRun=All`, defining([version(schema)]))),
});
