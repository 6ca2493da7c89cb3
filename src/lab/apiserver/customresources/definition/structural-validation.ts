/**
 * What makes a schema structural (apiextensions-apiserver, schema/validation.go and complete.go): every part of a value has
 * a type outside of allOf, anyOf, oneOf and not, which only narrow it.
 */
import { equalJson } from '../../json.ts';
import { type FieldError, fieldForbidden, invalidValue, required } from '../../validation/field-error.ts';
import { type JsonSchema, valuesOf } from '../schema/json-schema.ts';
import { goRegExp } from '../schema/patterns.ts';

type Level = 'root' | 'item' | 'field';

const intOrString = [{ type: 'integer' }, { type: 'string' }];
const isIntOrString = (options: unknown) => equalJson(options, intOrString);

const typeNeeded: Record<Level, string> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

function validateType(schema: JsonSchema, level: Level, path: string): FieldError[] {
  const { type } = schema;
  const embedded = schema['x-kubernetes-embedded-resource'];
  const free = schema['x-kubernetes-int-or-string'] || schema['x-kubernetes-preserve-unknown-fields'];
  const errors: FieldError[] = [];
  if (embedded && type !== 'object') {
    const why = 'must be object if x-kubernetes-embedded-resource is true';
    errors.push(type ? invalidValue(`${path}.type`, type, why) : required(`${path}.type`, why));
  } else if (!type && !free) errors.push(required(`${path}.type`, typeNeeded[level]));
  if (level === 'root' && type && type !== 'object')
    errors.push(invalidValue(`${path}.type`, type, 'must be object at the root'));
  if (type === 'array' && schema.items === undefined)
    errors.push(required(`${path}.items`, 'must be specified'));
  return errors;
}

function validateExtensions(schema: JsonSchema, path: string): FieldError[] {
  if (!schema['x-kubernetes-int-or-string']) return [];
  const excluded = ['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'] as const;
  return excluded
    .filter((key) => schema[key])
    .map((key) =>
      invalidValue(`${path}.${key}`, true, 'must be false if x-kubernetes-int-or-string is true'),
    );
}

/** Of metadata a schema may say only what names may be. */
function validateRootMetadata(metadata: JsonSchema, path: string): FieldError[] {
  const { type: _, properties = {}, ...rest } = metadata;
  const narrowing = Object.keys(properties).every((key) => key === 'name' || key === 'generateName');
  if (narrowing && Object.keys(rest).length === 0) return [];
  const why =
    'must not specify anything other than name and generateName, but metadata is implicitly specified';
  return [fieldForbidden(path, why)];
}

function validateResourceFields(schema: JsonSchema, level: Level, path: string): FieldError[] {
  const { kind, apiVersion, metadata } = schema.properties ?? {};
  const at = (key: string) => `${path}.properties[${key}]`;
  const texts = [
    ['kind', kind],
    ['apiVersion', apiVersion],
  ] as const;
  const errors = texts
    .filter(([, part]) => part && part.type !== 'string')
    .map(([key, part]) => invalidValue(`${at(key)}.type`, part!.type ?? '', 'must be string'));
  if (metadata && metadata.type !== 'object')
    errors.push(invalidValue(`${at('metadata')}.type`, metadata.type ?? '', 'must be object'));
  if (metadata && level === 'root') errors.push(...validateRootMetadata(metadata, at('metadata')));
  const embedded = schema['x-kubernetes-embedded-resource'];
  const empty = Object.keys(schema.properties ?? {}).length === 0;
  if (embedded && !schema['x-kubernetes-preserve-unknown-fields'] && empty) {
    const why =
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
    errors.push(required(`${path}.properties`, why));
  }
  return errors;
}

function validateAdditional(schema: JsonSchema, level: Level, path: string): FieldError[] {
  if (schema.additionalProperties === undefined) return [];
  const at = `${path}.additionalProperties`;
  const errors = level === 'root' ? [fieldForbidden(at, 'must not be used at the root')] : [];
  if (schema['x-kubernetes-embedded-resource'])
    errors.push(fieldForbidden(at, 'must not be used if x-kubernetes-embedded-resource is set'));
  return errors;
}

function validatePart(schema: JsonSchema, level: Level, path: string): FieldError[] {
  const values = valuesOf(schema);
  const isResource = level === 'root' || schema['x-kubernetes-embedded-resource'];
  return [
    ...validateType(schema, level, path),
    ...validateExtensions(schema, path),
    ...validateAdditional(schema, level, path),
    ...(isResource ? validateResourceFields(schema, level, path) : []),
    ...validateJunctors(schema, path, {
      anyOf: isIntOrString(schema.anyOf),
      firstOfAllOf: isIntOrString(schema.allOf?.[0]?.anyOf),
    }),
    ...validatePattern(schema, path),
    ...(schema.items ? validatePart(schema.items, 'item', `${path}.items`) : []),
    ...(values ? validatePart(values, 'field', `${path}.additionalProperties`) : []),
    ...Object.entries(schema.properties ?? {}).flatMap(([key, property]) =>
      validatePart(property, 'field', `${path}.properties[${key}]`),
    ),
  ];
}

function validatePattern({ pattern }: JsonSchema, path: string): FieldError[] {
  if (!pattern) return [];
  try {
    goRegExp(pattern);
    return [];
  } catch (error) {
    const why = `must be a valid regular expression, but isn't: ${(error as Error).message}`;
    return [invalidValue(`${path}.pattern`, pattern, why)];
  }
}

/** What narrows, by where it is written. */
function narrowingOf(schema: JsonSchema): [string, JsonSchema][] {
  const lists = ['anyOf', 'allOf', 'oneOf'] as const;
  return [
    ...lists.flatMap((key) =>
      (schema[key] ?? []).map((part, i) => [`${key}[${i}]`, part] as [string, JsonSchema]),
    ),
    ...(schema.not ? ([['not', schema.not]] as [string, JsonSchema][]) : []),
  ];
}

/** The two ways to write int-or-string name types where none may be named. */
function validateJunctors(
  schema: JsonSchema,
  path: string,
  skip: { anyOf?: boolean; firstOfAllOf?: boolean } = {},
): FieldError[] {
  return narrowingOf(schema).flatMap(([step, part]) => {
    if (skip.anyOf && step.startsWith('anyOf')) return [];
    return validateNarrowing(part, `${path}.${step}`, skip.firstOfAllOf === true && step === 'allOf[0]');
  });
}

const forbidden: Record<string, string> = {
  type: 'must be empty to be structural',
  additionalProperties: 'must be undefined to be structural',
  default: 'must be undefined to be structural',
  title: 'must be empty to be structural',
  description: 'must be empty to be structural',
  nullable: 'must be false to be structural',
  'x-kubernetes-preserve-unknown-fields': 'must be false to be structural',
  'x-kubernetes-embedded-resource': 'must be false to be structural',
  'x-kubernetes-int-or-string': 'must be false to be structural',
  'x-kubernetes-list-map-keys': 'must be empty to be structural',
  'x-kubernetes-list-type': 'must be undefined to be structural',
  'x-kubernetes-map-type': 'must be undefined to be structural',
  'x-kubernetes-validations': 'must be empty to be structural',
};

function validateNarrowing(schema: JsonSchema, path: string, skipAnyOf = false): FieldError[] {
  const properties = Object.entries(schema.properties ?? {});
  return [
    ...validateJunctors(schema, path, { anyOf: skipAnyOf }),
    ...validatePattern(schema, path),
    ...(schema.items ? validateNarrowing(schema.items, `${path}.items`) : []),
    ...properties.flatMap(([key, property]) => validateNarrowing(property, `${path}.properties[${key}]`)),
    ...Object.entries(forbidden)
      .filter(([key]) => schema[key as keyof JsonSchema])
      .map(([key, why]) => fieldForbidden(`${path}.${key}`, why)),
    ...(schema.properties?.metadata
      ? [fieldForbidden(`${path}.properties[metadata]`, 'must not be specified in a nested context')]
      : []),
  ];
}

/** Paths: of the structure, and of what narrows it. Kubernetes asks it of the root alone. */
type Paths = readonly [string, string];

function validateCompleteness(narrowing: JsonSchema, structure: JsonSchema, [at, from]: Paths): FieldError[] {
  return narrowingOf(narrowing).flatMap(([step, part]) =>
    completeness(part, structure, [at, `${from}.${step}`]),
  );
}

function completeness(
  narrowing: JsonSchema,
  structure: JsonSchema | undefined,
  [at, from]: Paths,
): FieldError[] {
  if (structure === undefined) return [required(at, `because it is defined in ${from}`)];
  const { items, properties = {} } = narrowing;
  return [
    ...validateCompleteness(narrowing, structure, [at, from]),
    ...(items ? completeness(items, structure.items, [`${at}.items`, `${from}.items`]) : []),
    ...Object.entries(properties).flatMap(([key, property]) => {
      const step = `properties[${key}]`;
      return completeness(property, structure.properties?.[key], [`${at}.${step}`, `${from}.${step}`]);
    }),
  ];
}

const text = ({ field, message }: FieldError) => `${field}: ${message}`;

export function validateStructure(schema: JsonSchema, path: string): FieldError[] {
  const errors = [
    ...validatePart(schema, 'root', path),
    ...validateCompleteness(schema, schema, [path, path]),
  ];
  return errors.sort((a, b) => (text(a) < text(b) ? -1 : 1));
}
