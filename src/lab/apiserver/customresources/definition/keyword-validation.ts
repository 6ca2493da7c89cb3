/** Keywords of a schema that are not supported, or do not go with each other. */
import {
  type FieldError,
  fieldForbidden,
  invalidValue,
  notSupported,
  required,
} from '../../validation/field-error.ts';
import { schemaAt } from '../schema/field-path.ts';
import type { JsonSchema, ValidationRule } from '../schema/json-schema.ts';
import { partsOf } from './definition.ts';

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

const unsupported: Record<string, string> = {
  id: 'id is not supported',
  additionalItems: 'additionalItems is not supported',
  patternProperties: 'patternProperties is not supported',
  definitions: 'definitions is not supported',
  dependencies: 'dependencies is not supported',
  $ref: '$ref is not supported',
  uniqueItems: 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
};

function validateBasics(schema: JsonSchema, path: string): FieldError[] {
  const { type, properties = {}, additionalProperties } = schema;
  const errors = Object.entries(unsupported)
    .filter(([key]) => (schema as Record<string, unknown>)[key])
    .map(([key, why]) => fieldForbidden(`${path}.${key}`, why));
  if (type && !types.includes(type)) errors.push(notSupported(`${path}.type`, type, types));
  if (type === 'null') {
    const why = 'type cannot be set to null, use nullable as an alternative';
    errors.push(fieldForbidden(`${path}.type`, why));
  }
  if (Array.isArray(schema.items))
    errors.push(fieldForbidden(`${path}.items`, 'items must be a schema object and not an array'));
  if (
    additionalProperties !== undefined &&
    additionalProperties !== true &&
    Object.keys(properties).length > 0
  )
    errors.push(
      fieldForbidden(
        `${path}.additionalProperties`,
        'additionalProperties and properties are mutual exclusive',
      ),
    );
  const preserve = 'x-kubernetes-preserve-unknown-fields';
  if (schema[preserve] === false)
    errors.push(invalidValue(`${path}.${preserve}`, false, 'must be true or undefined'));
  return errors;
}

/** A keyword that only one type can have. */
function validateKind(schema: JsonSchema, path: string, keyword: string, type: string): FieldError[] {
  if (schema.type === type) return [];
  const why = `must be ${type} if ${keyword} is specified`;
  return [schema.type ? invalidValue(`${path}.type`, schema.type, why) : required(`${path}.type`, why)];
}

function validateMapType(schema: JsonSchema, path: string): FieldError[] {
  const keyword = 'x-kubernetes-map-type';
  const value = schema[keyword];
  if (value === undefined) return [];
  const known = ['atomic', 'granular'];
  return [
    ...validateKind(schema, path, keyword, 'object'),
    ...(known.includes(value) ? [] : [notSupported(`${path}.${keyword}`, value, known)]),
  ];
}

/** What is compared as a whole has to be one. */
function validateSetItems(items: JsonSchema, path: string): FieldError[] {
  const why = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  const list = items['x-kubernetes-list-type'];
  if (items.type === 'array' && list !== undefined && list !== 'atomic')
    return [invalidValue(`${path}.items.x-kubernetes-list-type`, list, why)];
  if (items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic')
    return [invalidValue(`${path}.items.x-kubernetes-map-type`, list, why)];
  return [];
}

function validateMapKey(key: string, schema: JsonSchema, path: string): FieldError[] {
  const keys = schema['x-kubernetes-list-map-keys'];
  const items = schema.items!;
  const property = items.properties?.[key];
  const at = `${path}.items.properties[${key}]`;
  if (property === undefined)
    return [
      invalidValue(
        `${path}.x-kubernetes-list-map-keys`,
        keys,
        'entries must all be names of item properties',
      ),
    ];
  const errors: FieldError[] = [];
  if (property.type === 'array' || property.type === 'object') {
    const why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
    errors.push(invalidValue(`${at}.type`, items.type, why));
  }
  if (!items.required?.includes(key) && property.default === undefined) {
    const why =
      'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property';
    errors.push(required(`${at}.default`, why));
  }
  if (property.nullable) {
    const why = 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable';
    errors.push(fieldForbidden(`${at}.nullable`, why));
  }
  return errors;
}

function validateMapList(schema: JsonSchema, path: string): FieldError[] {
  const { items } = schema;
  const keyword = `${path}.x-kubernetes-list-map-keys`;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const errors: FieldError[] = [];
  if (keys.length === 0) errors.push(required(keyword, 'must not be empty if x-kubernetes-list-type is map'));
  if (items === undefined)
    return [...errors, required(`${path}.items`, 'must have a schema if x-kubernetes-list-type is map')];
  if (items.type !== 'object') {
    const why = "must be object if parent array's x-kubernetes-list-type is map";
    return [...errors, invalidValue(`${path}.items.type`, items.type ?? '', why)];
  }
  if (new Set(keys).size < keys.length)
    errors.push(invalidValue(keyword, keys, 'must not contain duplicate entries'));
  return [...errors, ...keys.flatMap((key) => validateMapKey(key, schema, path))];
}

function validateListType(schema: JsonSchema, path: string): FieldError[] {
  const keyword = 'x-kubernetes-list-type';
  const value = schema[keyword];
  const hasKeys = (schema['x-kubernetes-list-map-keys']?.length ?? 0) > 0;
  const why = 'must be map if x-kubernetes-list-map-keys is non-empty';
  if (value === undefined) return hasKeys ? [required(`${path}.${keyword}`, why)] : [];
  const known = ['atomic', 'set', 'map'];
  const single = value === 'set' || value === 'map';
  return [
    ...validateKind(schema, path, keyword, 'array'),
    ...(known.includes(value) ? [] : [notSupported(`${path}.${keyword}`, value, known)]),
    ...(hasKeys && value !== 'map' ? [invalidValue(`${path}.${keyword}`, value, why)] : []),
    ...(value === 'set' && schema.items ? validateSetItems(schema.items, path) : []),
    ...(value === 'map' ? validateMapList(schema, path) : []),
    ...(single && schema.items?.nullable
      ? [
          fieldForbidden(
            `${path}.items.nullable`,
            `cannot be nullable when x-kubernetes-list-type is ${value}`,
          ),
        ]
      : []),
  ];
}

const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];
const hasLines = (text: string) => /[\n\r]/.test(text);

function validateRuleText(rule: ValidationRule, path: string): FieldError[] {
  const { message = '' } = rule;
  const trimmed = message.trim();
  if (!rule.rule?.trim()) return [required(`${path}.rule`, 'rule is not specified')];
  if (message !== '' && trimmed === '')
    return [invalidValue(`${path}.message`, message, 'must be non-empty if specified')];
  if (hasLines(trimmed)) return [invalidValue(`${path}.message`, message, 'must not contain line breaks')];
  return hasLines(rule.rule.trim()) && trimmed === ''
    ? [required(`${path}.message`, 'message must be specified if rule contains line breaks')]
    : [];
}

function validateRule(rule: ValidationRule, schema: JsonSchema, path: string): FieldError[] {
  const { messageExpression = '', reason, fieldPath = '' } = rule;
  const errors = validateRuleText(rule, path);
  if (messageExpression !== '' && messageExpression.trim() === '')
    errors.push(required(`${path}.messageExpression`, 'messageExpression must be non-empty if specified'));
  if (reason !== undefined && !reasons.includes(reason))
    errors.push(notSupported(`${path}.reason`, reason, reasons));
  if (fieldPath === '') return errors;
  const wrong = [
    ...(fieldPath.trim() === '' ? ['must be non-empty if specified'] : []),
    ...(hasLines(fieldPath) ? ['must not contain line breaks'] : []),
    ...(typeof schemaAt(schema, fieldPath) === 'string' ? ['must be a valid path'] : []),
  ];
  return [...errors, ...wrong.map((why) => invalidValue(`${path}.fieldPath`, fieldPath, why))];
}

/** Where defaults may not be: metadata's at the root is Kubernetes', and a map has no members to begin with. */
function validateRootDefaults(schema: JsonSchema, path: string): FieldError[] {
  return ['apiVersion', 'kind', 'metadata'].flatMap((key) =>
    [...partsOf(schema.properties?.[key], `${path}.properties[${key}]`)]
      .filter(([, part]) => part.default !== undefined)
      .map(([at]) => fieldForbidden(`${at}.default`, `must not be set in top-level ${key}`)),
  );
}

export function validateKeywords(schema: JsonSchema, path: string): FieldError[] {
  const errors = [...partsOf(schema, path)].flatMap(([at, part]) => [
    ...validateBasics(part, at),
    ...validateMapType(part, at),
    ...validateListType(part, at),
    ...(part['x-kubernetes-validations'] ?? []).flatMap((rule, i) =>
      validateRule(rule, part, `${at}.x-kubernetes-validations[${i}]`),
    ),
  ]);
  return [...errors, ...validateRootDefaults(schema, path)];
}
