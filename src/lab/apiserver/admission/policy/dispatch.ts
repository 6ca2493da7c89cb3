/** Asks the policies about a request, and says what they refuse (admission/plugin/policy/validating/dispatcher.go). */
import { ApiError } from '../../../../kube/client/api-error.ts';
import type { KubeObject } from '../../../../kube/meta.ts';
import type { JsonObject } from '../../json.ts';
import { forbidden, notFound } from '../../status.ts';
import type { AdmissionParts, Warn } from '../admission-context.ts';
import type { Attributes } from '../attributes.ts';
import { requestBindings } from '../bindings.ts';
import { type AdmissionEngine, loadAdmissionEngine } from '../cel/engine.ts';
import { isSelected } from '../selectors.ts';
import { versioned } from '../versions.ts';
import { type Refusal, refusalsOf } from './evaluate.ts';
import { collectParams, paramResource } from './params.ts';
import { compilePolicy, type PolicyInvocation, selectorsOf } from './policies.ts';

interface Asking {
  attributes: Attributes;
  warn: Warn;
}

interface Denial extends Refusal {
  policy: string;
  binding?: string;
}

/** Reviews, whose answers are not stored: a policy on them could lock everybody out. */
const excluded = new Set(['authentication.k8s.io', 'authorization.k8s.io']);

const namespaces = { group: '', plural: 'namespaces', kind: 'Namespace' };

/** Throws ApiError: what the first that refuses says. */
export async function askPolicies(
  parts: AdmissionParts,
  invocations: readonly PolicyInvocation[],
  asking: Asking,
): Promise<void> {
  if (invocations.length === 0 || excluded.has(asking.attributes.resource.group)) return;
  const engine = await loadAdmissionEngine();
  const denials: Denial[] = [];
  for (const invocation of invocations) {
    const asked = new PolicyRound(parts, engine, { invocation, asking });
    denials.push(...(await asked.denials()));
  }
  if (denials.length > 0) throw refusal(asking.attributes, denials[0]!);
}

/** One policy with its bindings, about one request. */
class PolicyRound {
  readonly #parts: AdmissionParts;
  readonly #engine: AdmissionEngine;
  readonly #invocation: PolicyInvocation;
  readonly #asking: Asking;

  constructor(
    parts: AdmissionParts,
    engine: AdmissionEngine,
    { invocation, asking }: { invocation: PolicyInvocation; asking: Asking },
  ) {
    this.#parts = parts;
    this.#engine = engine;
    this.#invocation = invocation;
    this.#asking = asking;
  }

  /** A configuration that is wrong refuses as the failure policy has it. */
  #misconfigured(what: 'policy' | 'binding', error: Error, binding?: string): Denial[] {
    const { metadata, spec } = this.#invocation.policy;
    if (spec.failurePolicy === 'Ignore') return [];
    const message = `failed to configure ${what}: ${error.message}`;
    return [{ message, policy: metadata.name, ...(binding && { binding }) }];
  }

  async denials(): Promise<Denial[]> {
    const { policy, bindings } = this.#invocation;
    const { attributes } = this.#asking;
    try {
      if (!isSelected(selectorsOf(policy.spec.matchConstraints), attributes, this.#parts.storage)) return [];
      paramResource(this.#parts, policy.spec.paramKind);
    } catch (error) {
      return this.#misconfigured('policy', error as Error);
    }
    const found: Denial[] = [];
    for (const binding of bindings) found.push(...(await this.#byBinding(binding)));
    return found;
  }

  async #byBinding(binding: KubeObject & JsonObject): Promise<Denial[]> {
    const { policy } = this.#invocation;
    const { attributes } = this.#asking;
    let params: (JsonObject | null)[];
    try {
      const selectors = selectorsOf(binding.spec.matchResources ?? {});
      if (!isSelected(selectors, attributes, this.#parts.storage)) return [];
      params = await collectParams(this.#parts, { policy, binding, namespace: attributes.namespace });
    } catch (error) {
      return this.#misconfigured('binding', error as Error, binding.metadata.name);
    }
    const refusals: Refusal[] = [];
    for (const param of params) refusals.push(...(await this.#evaluate(param)));
    return this.#act(refusals, binding);
  }

  async #evaluate(params: JsonObject | null): Promise<Refusal[]> {
    const { policy, resource } = this.#invocation;
    const { attributes } = this.#asking;
    const states = await versioned(attributes, resource);
    const namespaceObject = this.#namespace();
    const bindings = requestBindings(this.#engine, this.#parts, {
      ...{ attributes, resource, states, namespaceObject, params },
    });
    return refusalsOf(compilePolicy(this.#engine, policy), policy, bindings);
  }

  /** Throws NotFound. A namespace is in none. */
  #namespace(): unknown {
    const { namespace, resource } = this.#asking.attributes;
    if (namespace === '' || resource.collection === '/namespaces') return null;
    const found = this.#parts.storage.get('/namespaces', namespace);
    if (found === undefined) throw notFound(namespaces, namespace);
    const { uid, ...metadata } = found.metadata;
    return { ...found, metadata: { ...metadata, UID: uid } };
  }

  #act(refusals: readonly Refusal[], { metadata, spec }: KubeObject & JsonObject): Denial[] {
    const policy = this.#invocation.policy.metadata.name;
    const binding = metadata.name;
    const actions = (spec.validationActions ?? []) as string[];
    if (actions.includes('Warn'))
      for (const { message } of refusals.filter(({ always }) => !always))
        this.#asking.warn(
          `Validation failed for ValidatingAdmissionPolicy '${policy}' with binding '${binding}': ${message}`,
        );
    return refusals
      .filter(({ always }) => always || actions.includes('Deny'))
      .map((refused) => ({ ...refused, policy, binding }));
  }
}

const codes: Record<string, number> = {
  Forbidden: 403,
  Unauthorized: 401,
  RequestEntityTooLarge: 413,
};

function refusal({ resource, name, object }: Attributes, denial: Denial): ApiError {
  const by = denial.binding === undefined ? '' : ` with binding '${denial.binding}'`;
  const message = `ValidatingAdmissionPolicy '${denial.policy}'${by} denied request: ${denial.message}`;
  const { metadata } = object ?? {};
  const { status } = forbidden(
    resource,
    name || metadata?.name || metadata?.generateName || 'Unknown',
    message,
  );
  const reason = denial.reason ?? 'Invalid';
  return new ApiError({
    ...status,
    reason,
    code: codes[reason] ?? 422,
    details: { ...status.details, causes: [{ message }] },
  });
}
