/** What a policy says of a request with one parameter (admission/plugin/policy/validating/validator.go). */
import { CostBudget, OutOfBudget, objectBudget } from '../../customresources/cel/cost.ts';
import type { JsonObject } from '../../json.ts';
import type { Bindings } from '../cel/expressions.ts';
import { evaluate } from '../match-conditions.ts';
import type { CompiledPolicy, CompiledValidation } from './policies.ts';

export interface Refusal {
  message: string;
  reason?: string | undefined;
  /** Whatever the binding's actions are. */
  always?: true;
}

const maxMessageBytes = 5 * 1024;

/** Nothing where all holds, or the policy does not want to know. */
export function refusalsOf(policy: CompiledPolicy, { spec }: JsonObject, request: Bindings): Refusal[] {
  const { failurePolicy } = spec;
  const failed = (message: string): Refusal[] => (failurePolicy === 'Ignore' ? [] : [{ message }]);
  try {
    if (!policy.conditions.match(request, failurePolicy)) return [];
  } catch (error) {
    return failed((error as Error).message);
  }
  try {
    return unmet(policy, failed, {
      bindings: policy.compiler.withVariables(request),
      budget: new CostBudget(objectBudget),
    });
  } catch (error) {
    if (error instanceof OutOfBudget) return failed(error.message);
    throw error;
  }
}

interface Values {
  bindings: Bindings;
  budget: CostBudget;
}

/** Throws OutOfBudget. */
function unmet(policy: CompiledPolicy, failed: (message: string) => Refusal[], values: Values): Refusal[] {
  const { bindings, budget } = values;
  const refusals = policy.validations.flatMap((validation): Refusal[] => {
    const result = evaluate(validation.source, validation.expression, bindings, budget);
    if ('problem' in result) return failed(result.problem);
    if (result.value === true) return [];
    return [{ message: messageOf(validation, values), reason: validation.reason ?? 'Invalid' }];
  });
  // Their values would go to an audit log, which a lab does not have; that they can be had counts.
  const annotations = policy.auditAnnotations.flatMap(({ source, expression }): Refusal[] => {
    const result = evaluate(source, expression, bindings, budget);
    return 'problem' in result ? failed(result.problem).map((r) => ({ ...r, always: true })) : [];
  });
  return [...refusals, ...annotations];
}

function messageOf(validation: CompiledValidation, { bindings, budget }: Values): string {
  const { source, message, messageExpression } = validation;
  if (messageExpression !== undefined) {
    const { authorizer: _, ...others } = bindings;
    const result = evaluate(source, messageExpression, others, budget);
    const text = 'value' in result && typeof result.value === 'string' ? result.value.trim() : '';
    if (text !== '' && !text.includes('\n') && Buffer.byteLength(text) <= maxMessageBytes) return text;
  }
  return message?.trim() || `failed expression: ${source.trim()}`;
}
