/** The schema of a version: structural, with defaults that fit it and rules that compile. */
import { type FieldError, fieldForbidden, invalidValue } from '../../validation/field-error.ts';
import { ruleEngine } from '../cel/engine.ts';
import type { RuleProblem } from '../cel/rules.ts';
import type { JsonSchema } from '../schema/json-schema.ts';
import { validateDefaults } from './defaults-validation.ts';
import { validateKeywords } from './keyword-validation.ts';
import { validateStructure } from './structural-validation.ts';

const allowedAtRoot =
  'Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations'.split(
    ' ',
  );

/** As Go names a keyword: `x-kubernetes-validations` is XValidations. */
const goName = (key: string) =>
  key.replace(/^x-kubernetes-/, 'x-').replaceAll(/(?:^|-)([a-z])/g, (_, c: string) => c.toUpperCase());

/** With a status subresource, status is validated alone: nothing at the root may reach into it. */
function validateRoot(schema: JsonSchema, path: string): FieldError[] {
  if (schema.type !== 'object') {
    const why =
      'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
    return [invalidValue(`${path}.type`, schema.type ?? '', why)];
  }
  if (Object.keys(schema).every((key) => allowedAtRoot.includes(goName(key)))) return [];
  const why = `only [${allowedAtRoot.join(' ')}] fields are allowed at the root of the schema if the status subresource is enabled`;
  return [invalidValue(path, schema, why)];
}

/** As Kubernetes shows the rule at fault. */
const shownRule = ({ rule }: RuleProblem) => ({
  Rule: rule.rule,
  Message: rule.message ?? '',
  MessageExpression: rule.messageExpression ?? '',
  Reason: rule.reason ?? null,
  FieldPath: rule.fieldPath ?? '',
  OptionalOldSelf: rule.optionalOldSelf ?? null,
});

function ruleError(problem: RuleProblem): FieldError {
  const field = `${problem.path}.x-kubernetes-validations[${problem.index}].${problem.part}`;
  const value =
    problem.part === 'optionalOldSelf'
      ? problem.rule.optionalOldSelf
      : problem.detail.startsWith('oldSelf cannot')
        ? problem.rule.rule
        : shownRule(problem);
  return invalidValue(field, value, problem.detail);
}

export function validateSchema(
  schema: JsonSchema,
  path: string,
  { hasStatus, unchanged }: { hasStatus: boolean; unchanged: boolean },
): FieldError[] {
  const keywords = validateKeywords(schema, path);
  // What is not structured at all is not told what its structure lacks.
  const unstructured = keywords.some(
    ({ field, message }) => /\.\$ref$/.test(field) || /not an array$/.test(message),
  );
  const errors = [
    ...(hasStatus ? validateRoot(schema, path) : []),
    ...(schema.nullable ? [fieldForbidden(`${path}.nullable`, 'nullable cannot be true at the root')] : []),
    ...(unstructured ? [] : validateStructure(schema, path)),
    ...keywords,
  ];
  // What does not hold together has no types that rules could be written for.
  if (errors.length > 0) return errors;
  const { rulesOf, ruleProblems, ruleCostErrors } = ruleEngine();
  const rules = rulesOf(schema);
  const problems = rules
    ? [...ruleProblems(rules, path).map(ruleError), ...ruleCostErrors(rules, path, unchanged)]
    : [];
  return problems.length > 0 ? problems : validateDefaults(schema, path, rules);
}
