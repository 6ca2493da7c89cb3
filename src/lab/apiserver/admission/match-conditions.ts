/** matchConditions: whether all expressions hold of a request (admission/plugin/webhook/matchconditions). */
import { CostBudget, matchConditionsBudget, OutOfBudget } from '../customresources/cel/cost.ts';
import type { Expression } from '../customresources/cel/expression.ts';
import type { AdmissionCompiler, Bindings } from './cel/expressions.ts';
import type { MatchCondition } from './registration/match-condition-validation.ts';

interface Compiled {
  source: string;
  /** Why it does not compile, which was accepted by another version. */
  expression: Expression | { problem: string };
}

export class MatchConditions {
  readonly #conditions: Compiled[];

  constructor(conditions: readonly MatchCondition[], compiler: AdmissionCompiler) {
    this.#conditions = conditions.map(({ expression: source }) => ({
      source,
      expression: compiledOrNot(source, compiler),
    }));
  }

  get isEmpty(): boolean {
    return this.#conditions.length === 0;
  }

  /**
   * One that does not hold decides, whatever the others come to. Where the failure policy is Ignore, errors count as
   * that. @throws Error
   */
  match(bindings: Bindings, failurePolicy: string): boolean {
    const budget = new CostBudget(matchConditionsBudget);
    let problems: string[] = [];
    try {
      for (const { source, expression } of this.#conditions) {
        const result = evaluate(source, expression, bindings, budget);
        if ('problem' in result) problems.push(result.problem);
        else if (result.value !== true) return false;
      }
    } catch (error) {
      if (!(error instanceof OutOfBudget)) throw error;
      problems = [error.message];
    }
    if (problems.length === 0) return true;
    if (failurePolicy === 'Ignore') return false;
    throw new Error(problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`);
  }
}

function compiledOrNot(source: string, compiler: AdmissionCompiler): Compiled['expression'] {
  try {
    return compiler.compile(source.trim(), { types: ['bool'], authorizer: true });
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

/** The value of an expression, or what went wrong as Kubernetes tells it. Throws OutOfBudget. */
export function evaluate(
  source: string,
  expression: Expression | { problem: string },
  bindings: Bindings,
  budget: CostBudget,
): { value: unknown } | { problem: string } {
  if ('problem' in expression) return { problem: `compilation error: ${expression.problem}` };
  try {
    return { value: expression.evaluate(bindings, budget) };
  } catch (error) {
    if (error instanceof OutOfBudget) throw error;
    return { problem: `expression '${source}' resulted in error: ${(error as Error).message}` };
  }
}
