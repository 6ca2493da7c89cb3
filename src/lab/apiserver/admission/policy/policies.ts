/** Policies that are bound to something, compiled once each. */
import type { KubeObject } from '../../../../kube/meta.ts';
import type { Expression } from '../../customresources/cel/expression.ts';
import type { JsonObject } from '../../json.ts';
import type { Resource } from '../../registry/resource.ts';
import type { ResourceRegistry } from '../../registry/resource-registry.ts';
import type { Storage } from '../../storage/storage.ts';
import type { AdmissionRequest } from '../attributes.ts';
import type { AdmissionEngine } from '../cel/engine.ts';
import type { AdmissionCompiler, CompileOptions } from '../cel/expressions.ts';
import { MatchConditions } from '../match-conditions.ts';
import { matchRules } from '../rules.ts';
import { compileSelectors, type Selectors } from '../selectors.ts';

const group = 'admissionregistration.k8s.io';

export type Policy = KubeObject & JsonObject;

/** Reviews, whose answers are not stored: a policy on them could lock everybody out. */
export const excludedGroups: ReadonlySet<string> = new Set(['authentication.k8s.io', 'authorization.k8s.io']);

/** A policy whose rules match, the resource under which they do, and its bindings. */
export interface PolicyInvocation {
  policy: Policy;
  resource: Resource;
  bindings: Policy[];
}

/** Those that rules exclude, by name or otherwise, are not meant. */
function matchedAs(
  match: JsonObject,
  request: AdmissionRequest,
  resources: ResourceRegistry,
): Resource | undefined {
  const { matchPolicy, resourceRules = [], excludeResourceRules = [] } = match;
  const excluded = matchRules({ rules: excludeResourceRules, matchPolicy }, request, resources);
  if (excluded !== undefined) return undefined;
  if (resourceRules.length === 0) return request.resource;
  return matchRules({ rules: resourceRules, matchPolicy }, request, resources);
}

/** Those whose rules, and whose bindings' rules, are about the request. */
export function policiesOf(
  storage: Storage,
  request: AdmissionRequest,
  { resources, kind }: { resources: ResourceRegistry; kind: 'mutating' | 'validating' },
): PolicyInvocation[] {
  const bindings = storage.list(`${group}/${kind}admissionpolicybindings`) as Policy[];
  if (bindings.length === 0) return [];
  return (storage.list(`${group}/${kind}admissionpolicies`) as Policy[]).flatMap((policy) => {
    const own = bindings.filter(
      ({ spec }) =>
        spec.policyName === policy.metadata.name &&
        matchedAs(spec.matchResources ?? {}, request, resources) !== undefined,
    );
    const resource =
      own.length === 0 ? undefined : matchedAs(policy.spec.matchConstraints, request, resources);
    return resource === undefined ? [] : [{ policy, resource, bindings: own }];
  });
}

export type Compiled = Expression | { problem: string };

export interface CompiledValidation {
  source: string;
  expression: Compiled;
  message: string | undefined;
  messageExpression: Compiled | undefined;
  reason: string | undefined;
}

export interface CompiledPolicy {
  compiler: AdmissionCompiler;
  conditions: MatchConditions;
  validations: CompiledValidation[];
  auditAnnotations: { key: string; source: string; expression: Compiled }[];
}

/** What both kinds of policies have: conditions, and variables that the rest is compiled with. */
export interface Compilation {
  compiler: AdmissionCompiler;
  conditions: MatchConditions;
  compile(source: string, options: CompileOptions): Compiled;
}

export function beginCompilation(
  { AdmissionCompiler: Compiler }: AdmissionEngine,
  { spec }: Policy,
): Compilation {
  const { paramKind, matchConditions = [], variables } = spec;
  const params = paramKind !== undefined;
  // Conditions do not know of variables.
  const conditions = new MatchConditions(matchConditions, new Compiler({ params }));
  const compiler = new Compiler({ params });
  for (const { name, expression } of (variables ?? []) as JsonObject[])
    tried(() => compiler.declareVariable(name, expression));
  return {
    compiler,
    conditions,
    compile: (source, options) => tried(() => compiler.compile(source, options)),
  };
}

const compiled = new WeakMap<Policy, CompiledPolicy>();

export function compilePolicy(engine: AdmissionEngine, policy: Policy): CompiledPolicy {
  const known = compiled.get(policy);
  if (known !== undefined) return known;
  const { validations, auditAnnotations } = policy.spec;
  const { compiler, conditions, compile } = beginCompilation(engine, policy);
  const result: CompiledPolicy = {
    compiler,
    conditions,
    validations: ((validations ?? []) as JsonObject[]).map((validation) => ({
      source: validation.expression,
      expression: compile(validation.expression, { types: ['bool'], authorizer: true }),
      message: validation.message,
      messageExpression: validation.messageExpression
        ? compile(validation.messageExpression, { types: ['string'], authorizer: false })
        : undefined,
      reason: validation.reason,
    })),
    auditAnnotations: ((auditAnnotations ?? []) as JsonObject[]).map(({ key, valueExpression: source }) => ({
      key,
      source,
      expression: compile(source, { types: ['string', 'null'], authorizer: true }),
    })),
  };
  compiled.set(policy, result);
  return result;
}

function tried<T>(compile: () => T): T | { problem: string } {
  try {
    return compile();
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

const selectors = new WeakMap<JsonObject, Selectors>();

/** Of a policy's constraints or a binding's. */
export function selectorsOf(match: JsonObject): Selectors {
  const found = selectors.get(match) ?? compileSelectors(match);
  selectors.set(match, found);
  return found;
}
