/** What a mutating policy does to an object: ApplyConfiguration or JSONPatch (policy/mutating/patch). */
import { ApiError } from '../../../../kube/client/api-error.ts';
import { CostBudget, objectBudget } from '../../customresources/cel/cost.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { mergeApplied } from '../../managedfields/apply-configuration.ts';
import { jsonPatch } from '../../patch/json-patch.ts';
import type { Resource } from '../../registry/resource.ts';
import type { GroupVersionKind } from '../attributes.ts';
import type { AdmissionEngine } from '../cel/engine.ts';
import type { AdmissionCompiler, Bindings } from '../cel/expressions.ts';
import { evaluate, type MatchConditions } from '../match-conditions.ts';
import { beginCompilation, type Compiled, type Policy } from './policies.ts';

export interface CompiledMutation {
  patchType: 'ApplyConfiguration' | 'JSONPatch';
  source: string;
  expression: Compiled;
}

export interface CompiledMutations {
  compiler: AdmissionCompiler;
  conditions: MatchConditions;
  mutations: CompiledMutation[];
}

const compiled = new WeakMap<Policy, CompiledMutations>();

/** What each kind of patch has to come to. */
export const patchTypes = { ApplyConfiguration: 'Object', JSONPatch: 'list<JSONPatch>' };

export function compileMutations(engine: AdmissionEngine, policy: Policy): CompiledMutations {
  const known = compiled.get(policy);
  if (known !== undefined) return known;
  const { compiler, conditions, compile } = beginCompilation(engine, policy);
  const mutations = (policy.spec.mutations as JsonObject[]).map((mutation): CompiledMutation => {
    const { patchType } = mutation as CompiledMutation & JsonObject;
    const part = patchType === 'JSONPatch' ? mutation.jsonPatch : mutation.applyConfiguration;
    const source = part.expression as string;
    const options = { types: [patchTypes[patchType]], authorizer: true, patches: true };
    return { patchType, source, expression: compile(source, options) };
  });
  const result = { compiler, conditions, mutations };
  compiled.set(policy, result);
  return result;
}

interface Target {
  object: JsonObject;
  resource: Resource;
  /** Where the object is of another kind than the resource. */
  kind: GroupVersionKind | undefined;
  engine: AdmissionEngine;
}

/** A changed copy. Throws an Error for what the policy's failure policy is about. */
export async function applyMutation(
  { patchType, source, expression }: CompiledMutation,
  bindings: Bindings,
  target: Target,
): Promise<JsonObject> {
  const result = evaluate(source, expression, bindings, new CostBudget(objectBudget));
  if ('problem' in result) throw new Error(result.problem);
  const { checkTypeNames, jsonOf } = target.engine;
  if (patchType === 'JSONPatch') return applyPatch(result.value as JsonObject[], target);
  checkTypeNames(result.value);
  const { apiVersion, kind } = target.object;
  try {
    const applied = { ...(jsonOf(result.value) as JsonObject), apiVersion, kind };
    return await mergeApplied(target, applied);
  } catch (error) {
    throw new Error(`error applying patch: ${(error as Error).message}`);
  }
}

function applyPatch(operations: readonly JsonObject[], { object, engine }: Target): JsonObject {
  const patch = operations.map(({ op = '', path = '', from, value }) => {
    engine.checkTypeNames(value);
    return {
      op,
      path,
      ...(from && { from }),
      ...(value !== undefined && { value: engine.jsonOf(value) }),
    };
  });
  try {
    const patched = jsonPatch(object, patch);
    if (isJsonObject(patched)) return patched;
  } catch (error) {
    const [, message = ''] =
      /^(?:the server rejected our request due to an error in our request: )?(.*)$/s.exec(
        (error as Error).message,
      )!;
    // An operation `test` that fails says that the patch is not for this object.
    if (error instanceof ApiError && message.endsWith(': test failed')) return object;
    throw new Error(`JSON Patch: ${message}`);
  }
  return object;
}
