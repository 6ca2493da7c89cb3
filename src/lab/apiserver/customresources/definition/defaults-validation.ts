/** Defaults have to fit the schema that they are in (apiextensions-apiserver, schema/defaulting/validation.go). */
import { cloneJson, equalJson } from '../../json.ts';
import { type FieldError, invalidValue } from '../../validation/field-error.ts';
import { type RuleNode, ruleEngine } from '../cel/engine.ts';
import { validateEmbeddedResources } from '../embedded-resources.ts';
import { isMetaField, type JsonSchema } from '../schema/json-schema.ts';
import { pruneValue } from '../schema/pruning.ts';
import { validateValue } from '../schema/value-validation.ts';

function validateDefault(schema: JsonSchema, path: string, rules: RuleNode | undefined): FieldError[] {
  const value = schema.default;
  if (value === undefined) return [];
  const field = `${path}.default`;
  const pruned = cloneJson(value);
  pruneValue(pruned, schema);
  const unknown = equalJson(pruned, value)
    ? []
    : [invalidValue(field, value, 'must not have unknown fields')];
  const embedded = validateEmbeddedResources({ default: value }, { properties: { default: schema } });
  const errors = [
    ...unknown,
    ...embedded.map((error) => ({ ...error, field: `${path}.${error.field}` })),
    ...validateValue(value, schema, { field }),
  ];
  return errors.length > 0 || rules === undefined
    ? errors
    : ruleEngine().validateRules(rules, value, { field });
}

export function validateDefaults(
  schema: JsonSchema,
  path: string,
  rules: RuleNode | undefined,
): FieldError[] {
  const embedded = schema['x-kubernetes-embedded-resource'];
  return [
    ...validateDefault(schema, path, rules),
    ...(schema.items ? validateDefaults(schema.items, `${path}.items`, rules?.items) : []),
    ...Object.entries(schema.properties ?? {}).flatMap(([key, property]) =>
      embedded && isMetaField(key)
        ? []
        : validateDefaults(property, `${path}.properties[${key}]`, rules?.properties.get(key)),
    ),
  ];
}
