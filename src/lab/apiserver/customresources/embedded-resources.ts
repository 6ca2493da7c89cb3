/** Resources within resources: their apiVersion, kind and metadata are Kubernetes' own (apiextensions-apiserver, schema/objectmeta). */
import { isJsonObject, type JsonObject } from '../json.ts';
import type { Definitions } from '../schema/definitions.ts';
import { checkPart, type FieldCheck } from '../schema/field-check.ts';
import { type FieldError, invalidValue, required } from '../validation/field-error.ts';
import { isDns1035Label, isPathSegment } from '../validation/names.ts';
import { validateObjectMeta } from '../validation/object-meta.ts';
import { childPath, type JsonSchema, keyPath, memberOf } from './schema/json-schema.ts';
import { inOrder } from './schema/list-types.ts';

const objectMeta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/** Whether a schema has resources in it: most have none, and their objects need no second look. */
export function hasEmbedded(schema: JsonSchema | undefined): boolean {
  if (typeof schema !== 'object') return false;
  if (schema['x-kubernetes-embedded-resource']) return true;
  const { items, additionalProperties, properties = {} } = schema;
  const values = typeof additionalProperties === 'object' ? additionalProperties : undefined;
  return hasEmbedded(items) || hasEmbedded(values) || Object.values(properties).some(hasEmbedded);
}

/** Each resource within a value. */
function* embeddedIn(
  value: unknown,
  schema: JsonSchema | undefined,
  path: string,
): Generator<[string, JsonObject]> {
  if (schema === undefined) return;
  if (Array.isArray(value))
    for (const [i, item] of value.entries()) yield* embeddedIn(item, schema.items, `${path}[${i}]`);
  if (!isJsonObject(value)) return;
  if (schema['x-kubernetes-embedded-resource']) yield [path, value];
  for (const [key, member] of Object.entries(value)) {
    const described = schema.properties && Object.hasOwn(schema.properties, key);
    yield* embeddedIn(member, memberOf(schema, key), described ? childPath(path, key) : keyPath(path, key));
  }
}

/** As Go's `omitempty` leaves metadata: what is empty is not there. */
function withoutZeros(metadata: JsonObject): JsonObject {
  const isZero = (value: unknown) =>
    value === '' || value === 0 || (typeof value === 'object' && Object.keys(value ?? {}).length === 0);
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => !isZero(value)));
}

/** What is wrong with metadata of a resource within is told of the whole of it, as Go reads it apart. */
function ofPart(error: string, path: string, metadata: unknown): string {
  const own = error
    .replace(`ObjectMeta.${path.replaceAll(/\[\d+\]/g, '')}.`, 'ObjectMeta.')
    .replace(/(ObjectMeta\.(?:labels|annotations))\.\S+/, '$1')
    .replace(
      /Go struct field ObjectMeta\.\S*metadata of type v1\.ObjectMeta/,
      'Go value of type v1.ObjectMeta',
    );
  return `${path}: ${invalidValue(path, inOrder(metadata), own).message}`;
}

/**
 * Reads metadata in place, at the root and, where there is a schema for them, of resources below: wrong types are told, what is
 * unknown is dropped.
 */
export function decodeMetadata(
  object: JsonObject,
  schema: JsonSchema | undefined,
  definitions: Definitions,
): Omit<FieldCheck, 'object'> {
  const unknown: string[] = [];
  const typeErrors: string[] = [];
  for (const [path, resource] of [['', object] as [string, JsonObject], ...embeddedIn(object, schema, '')]) {
    for (const key of ['apiVersion', 'kind'].filter(
      (k) => k in resource && typeof resource[k] !== 'string',
    )) {
      const { field, message } = invalidValue(childPath(path, key), resource[key], 'must be a string');
      typeErrors.push(`${field}: ${message}`);
    }
    if (resource.metadata === undefined) continue;
    const at = childPath(path, 'metadata');
    const checked = checkPart(resource.metadata ?? {}, { definition: objectMeta, path: at }, definitions);
    unknown.push(...checked.unknown);
    typeErrors.push(
      ...checked.typeErrors.map((error) => (path === '' ? error : ofPart(error, at, resource.metadata))),
    );
    resource.metadata = path === '' ? checked.object : withoutZeros(checked.object);
  }
  return { unknown, typeErrors };
}

function validateKind(kind: unknown, field: string): FieldError[] {
  if (kind === undefined) return [required(field)];
  if (typeof kind !== 'string') return [invalidValue(field, kind, 'must be a string')];
  if (kind === '') return [invalidValue(field, kind, 'must not be empty')];
  const wrong = isDns1035Label(kind.toLowerCase());
  if (wrong.length === 0) return [];
  return [invalidValue(field, kind, `may have mixed case, but should otherwise match: ${wrong.join(',')}`)];
}

function validateApiVersion(version: unknown, field: string): FieldError[] {
  if (version === undefined) return [required(field)];
  if (typeof version !== 'string') return [invalidValue(field, version, 'must be a string')];
  if (version === '') return [invalidValue(field, version, 'must not be empty')];
  return version.split('/').length <= 2
    ? []
    : [invalidValue(field, version, `unexpected GroupVersion string: ${version}`)];
}

function validateEmbedded([path, resource]: [string, JsonObject]): FieldError[] {
  const { apiVersion, kind, metadata } = resource;
  const errors = [
    ...validateApiVersion(apiVersion, `${path}.apiVersion`),
    ...validateKind(kind, `${path}.kind`),
  ];
  if (!isJsonObject(metadata)) return errors;
  const named = { ...metadata, name: metadata.name || 'fakename' };
  const metadataErrors = validateObjectMeta(named, Boolean(metadata.namespace), isPathSegment);
  return [...errors, ...metadataErrors.map((e) => ({ ...e, field: `${path}.${e.field}` }))];
}

export function validateEmbeddedResources(object: JsonObject, schema: JsonSchema): FieldError[] {
  return [...embeddedIn(object, schema, '')].flatMap(validateEmbedded);
}
