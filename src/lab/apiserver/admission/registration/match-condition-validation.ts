/** matchConditions: names and expressions that compile (pkg/apis/admissionregistration/validation). */

import { duplicate, type FieldError, invalidValue, required, tooMany } from '../../validation/field-error.ts';
import { isQualifiedName } from '../../validation/names.ts';
import { loadedAdmissionEngine } from '../cel/engine.ts';

export interface MatchCondition {
  name: string;
  expression: string;
}

const maxConditions = 64;

/** What an expression is refused for; nothing where it is good, and where it has been accepted before. */
export function validateExpression(expression: string, field: string, compile: () => void): FieldError[] {
  try {
    compile();
    return [];
  } catch (error) {
    return [invalidValue(field, expression, (error as Error).message)];
  }
}

function validateCondition(
  { name, expression }: MatchCondition,
  field: string,
  params: boolean,
): FieldError[] {
  const source = (expression ?? '').trim();
  const { AdmissionCompiler } = loadedAdmissionEngine();
  const compile = () =>
    void new AdmissionCompiler({ params }).compile(source, { types: ['bool'], authorizer: true });
  return [
    ...(source === ''
      ? [required(`${field}.expression`)]
      : validateExpression(source, `${field}.expression`, compile)),
    ...(name
      ? isQualifiedName(name).map((why) => invalidValue(`${field}.name`, name, why))
      : [required(`${field}.name`)]),
  ];
}

export function validateMatchConditions(
  conditions: readonly MatchCondition[],
  field: string,
  { params }: { params: boolean },
): FieldError[] {
  const names = conditions.map(({ name }) => name);
  return [
    ...(conditions.length > maxConditions ? [tooMany(field, conditions.length, maxConditions)] : []),
    ...conditions.flatMap((condition, i) => [
      ...validateCondition(condition, `${field}[${i}]`, params),
      ...(condition.name && names.indexOf(condition.name) < i
        ? [duplicate(`${field}[${i}].name`, condition.name)]
        : []),
    ]),
  ];
}
