/** What makes objects of a version of a custom resource: its schema and its rules (apiextensions-apiserver, registry). */
import { isJsonObject, type JsonObject } from '../json.ts';
import type { ScalePaths, Strategy } from '../registry/resource.ts';
import { type FieldError, invalid, invalidValue } from '../validation/field-error.ts';
import { isQualifiedName } from '../validation/names.ts';
import { loadedRuleEngine, loadRuleEngine } from './cel/engine.ts';
import { hasEmbedded, validateEmbeddedResources } from './embedded-resources.ts';
import { Correlation } from './schema/correlation.ts';
import { dropNulls, setDefaults } from './schema/defaulting.ts';
import type { JsonSchema } from './schema/json-schema.ts';
import { validateListTypes } from './schema/list-types.ts';
import { validateValue } from './schema/value-validation.ts';

export interface CustomKind {
  schema: JsonSchema;
  hasStatus: boolean;
  scale?: ScalePaths;
  /** Throws ApiError where no new object may be made. */
  refuseNew(): void;
}

/** After these the rules are not asked: they count on values of the right shape. */
const blocking = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

const notAsked = invalid(
  '<nil>',
  'null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
);

function validateByRules(
  schema: JsonSchema,
  errors: readonly FieldError[],
  next: JsonObject,
  old: JsonObject | undefined,
  correlation: Correlation | undefined,
): FieldError[] {
  // Only the server's own changes to metadata can come before requests have loaded it.
  const engine = loadedRuleEngine();
  const rules = engine?.rulesOf(schema);
  if (engine === undefined || rules === undefined) return [];
  if (errors.some((e) => blocking.has(e.reason))) return [notAsked];
  return engine.validateRules(rules, next, { old, correlation });
}

/** Lists that held things twice before may go on to. */
function validateLists(schema: JsonSchema, next: JsonObject, old: JsonObject | undefined): FieldError[] {
  const errors = validateListTypes(next, schema, '');
  if (errors.length === 0 || old === undefined) return errors;
  return validateListTypes(old, schema, '').length === 0 ? errors : [];
}

function numberAt(object: JsonObject, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => (isJsonObject(at) ? at[key] : undefined), object);
}

function validateReplicas(object: JsonObject, path: string): FieldError[] {
  const replicas = numberAt(object, path);
  if (replicas === undefined) return [];
  const field = `.${path}`;
  if (!Number.isInteger(replicas)) {
    const why = `.${path} accessor error: ${typeof replicas === 'string' ? replicas : JSON.stringify(replicas)} is of the type ${typeof replicas}, expected int64`;
    return [invalidValue(field, 0, why)];
  }
  if ((replicas as number) < 0) return [invalidValue(field, replicas, 'should be a non-negative integer')];
  const most = 2 ** 31 - 1;
  return (replicas as number) > most
    ? [invalidValue(field, replicas, `should be less than or equal to ${most}`)]
    : [];
}

const validateScale = (object: JsonObject, scale: ScalePaths | undefined): FieldError[] =>
  scale === undefined
    ? []
    : [...validateReplicas(object, scale.replicas), ...validateReplicas(object, scale.statusReplicas)];

/** The finalizers that Kubernetes itself has, and those with a domain, are nobody else's. */
function finalizerWarnings({ metadata }: JsonObject): string[] {
  const standard = ['orphan', 'foregroundDeletion', 'kubernetes'];
  return ((metadata.finalizers ?? []) as string[]).flatMap((name) => {
    if (name.includes('/') || standard.includes(name) || isQualifiedName(name).length > 0) return [];
    const path = name.includes('.') ? ' including a path (/)' : '';
    return [
      `metadata.finalizers: ${JSON.stringify(name)}: prefer a domain-qualified finalizer name${path} to avoid accidental conflicts with other finalizer writers`,
    ];
  });
}

export function customStrategy(kind: CustomKind): Strategy {
  const { schema, hasStatus, scale } = kind;
  const embedded = hasEmbedded(schema);
  const fill = (object: JsonObject) => {
    dropNulls(object, schema);
    setDefaults(object, schema);
  };
  return {
    load: loadRuleEngine,
    setDefaults: fill,
    prepareForCreate(object) {
      kind.refuseNew();
      // Also the status that defaults make: objects get that when they are read.
      if (hasStatus) delete object.status;
    },
    validate(next, old) {
      const correlation = old && new Correlation(next, old, schema);
      const errors = [
        ...validateValue(next, schema, { correlation }),
        ...validateScale(next, scale),
        ...(embedded ? validateEmbeddedResources(next, schema) : []),
        ...validateLists(schema, next, old),
      ];
      return [...errors, ...validateByRules(schema, errors, next, old, correlation)];
    },
    prepareForStatus: fill,
    validateStatus(next, old) {
      const correlation = new Correlation(next, old, schema);
      const status = schema.properties?.status;
      const errors = [
        ...(status && next.status !== undefined
          ? validateValue(next.status, status, { field: 'status', correlation: correlation.member('status') })
          : []),
        ...validateScale(next, scale),
        ...validateLists(schema, next, old),
      ];
      return [...errors, ...validateByRules(schema, errors, next, old, correlation)];
    },
    warnings: finalizerWarnings,
  };
}
