/** Asks the policies about a request, and says what they refuse (admission/plugin/policy/validating/dispatcher.go). */
import { ApiError } from '../../../../kube/client/api-error.ts';
import type { KubeObject } from '../../../../kube/meta.ts';
import type { JsonObject } from '../../json.ts';
import { forbidden } from '../../status.ts';
import type { AdmissionParts, Warn } from '../admission-context.ts';
import type { Attributes } from '../attributes.ts';
import { requestBindings } from '../bindings.ts';
import { type AdmissionEngine, loadAdmissionEngine } from '../cel/engine.ts';
import { versioned } from '../versions.ts';
import { type BoundPolicy, boundPolicies, type Misconfiguration, namespaceOf } from './bound.ts';
import { type Refusal, refusalsOf } from './evaluate.ts';
import { compilePolicy, excludedGroups, type PolicyInvocation } from './policies.ts';

interface Asking {
  attributes: Attributes;
  warn: Warn;
}

interface Denial extends Refusal {
  policy: string;
  binding?: string;
}

/** Throws ApiError: what the first that refuses says. */
export async function askPolicies(
  parts: AdmissionParts,
  invocations: readonly PolicyInvocation[],
  asking: Asking,
): Promise<void> {
  if (invocations.length === 0 || excludedGroups.has(asking.attributes.resource.group)) return;
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

  async denials(): Promise<Denial[]> {
    const found: Denial[] = [];
    for (const bound of await boundPolicies(this.#parts, this.#invocation, this.#asking.attributes))
      found.push(...('problem' in bound ? this.#misconfigured(bound) : await this.#byBinding(bound)));
    return found;
  }

  /** A configuration that is wrong refuses as the failure policy has it. */
  #misconfigured({ binding, problem: message }: Misconfiguration): Denial[] {
    const { metadata, spec } = this.#invocation.policy;
    if (spec.failurePolicy === 'Ignore') return [];
    return [{ message, policy: metadata.name, ...(binding && { binding: binding.metadata.name }) }];
  }

  async #byBinding({ binding, params }: BoundPolicy): Promise<Denial[]> {
    const refusals: Refusal[] = [];
    for (const param of params) refusals.push(...(await this.#evaluate(param)));
    return this.#act(refusals, binding);
  }

  async #evaluate(params: JsonObject | null): Promise<Refusal[]> {
    const { policy, resource } = this.#invocation;
    const { attributes } = this.#asking;
    const states = await versioned(attributes, resource);
    const namespaceObject = namespaceOf(this.#parts, attributes);
    const bindings = requestBindings(this.#engine, this.#parts, {
      ...{ attributes, resource, states, namespaceObject, params },
    });
    return refusalsOf(compilePolicy(this.#engine, policy), policy, bindings);
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
