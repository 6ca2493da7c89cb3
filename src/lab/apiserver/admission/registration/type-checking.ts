/** What of a policy's expressions does not fit the kinds that they are about: status.typeChecking. */
import type { JsonObject } from '../../json.ts';
import type { Resource } from '../../registry/resource.ts';
import { loadedAdmissionEngine } from '../cel/engine.ts';
import type { AdmissionCompiler } from '../cel/expressions.ts';
import { type CheckedKind, kindOfParams, kindsOfRules } from './checked-kinds.ts';

interface ExpressionWarning {
  fieldRef: string;
  warning: string;
}

function compilerFor({ spec }: JsonObject, object: CheckedKind, params: CheckedKind | undefined) {
  const { AdmissionCompiler: Compiler } = loadedAdmissionEngine();
  const compiler = new Compiler({ params: spec.paramKind !== undefined, types: { object, params } });
  for (const { name, expression } of (spec.variables ?? []) as JsonObject[])
    compiler.declareVariableIfRight(name, expression);
  return { text: object.text, compiler };
}

function problemOf(compiler: AdmissionCompiler, source: string): string | undefined {
  try {
    compiler.compile(source, { authorizer: true });
    return undefined;
  } catch (error) {
    return (error as Error).message.replace(/^compilation failed: /, '');
  }
}

/** Throws nothing; without kinds to check against there is nothing to say. */
export function expressionWarnings(policy: JsonObject, resources: readonly Resource[]): ExpressionWarning[] {
  const { matchConstraints, validations, paramKind } = policy.spec;
  const kinds = kindsOfRules(matchConstraints?.resourceRules ?? [], resources);
  const params = kindOfParams(paramKind, resources);
  const compilers = kinds.map((kind) => compilerFor(policy, kind, params));
  const check = (fieldRef: string, source: string | undefined): ExpressionWarning[] => {
    if (!source) return [];
    const problems = compilers.flatMap(({ text, compiler }) => {
      const problem = problemOf(compiler, source);
      return problem === undefined ? [] : [`${text}: ${problem}\n`];
    });
    return problems.length === 0 ? [] : [{ fieldRef, warning: problems.join('\n') }];
  };
  return ((validations ?? []) as JsonObject[]).flatMap(({ expression, messageExpression }, i) => [
    ...check(`spec.validations[${i}].expression`, expression),
    ...check(`spec.validations[${i}].messageExpression`, messageExpression),
  ]);
}
