/** Mutating policies: one after the other, each with what the ones before made of the object (policy/mutating/dispatcher.go). */
import { ApiError } from '../../../../kube/client/api-error.ts';
import { equalJson, type JsonObject } from '../../json.ts';
import { forbidden } from '../../status.ts';
import type { AdmissionParts, Warn } from '../admission-context.ts';
import type { Attributes } from '../attributes.ts';
import { requestBindings } from '../bindings.ts';
import { type AdmissionEngine, loadAdmissionEngine } from '../cel/engine.ts';
import type { Reinvocation } from '../reinvocation.ts';
import { unversioned, versioned } from '../versions.ts';
import { accepted } from '../webhook/mutating.ts';
import { type BoundPolicy, boundPolicies, namespaceOf } from './bound.ts';
import { applyMutation, compileMutations } from './mutations.ts';
import { excludedGroups, type Policy, type PolicyInvocation } from './policies.ts';

interface Asking {
  attributes: Attributes;
  warn: Warn;
  reinvocation: Reinvocation;
}

interface Failure {
  policy: Policy;
  binding?: Policy | undefined;
  message: string;
  reason?: 'Invalid';
}

/** The object as the policies leave it. Throws ApiError. */
export async function applyMutatingPolicies(
  parts: AdmissionParts,
  invocations: readonly PolicyInvocation[],
  asking: Asking,
): Promise<JsonObject | null> {
  const { attributes } = asking;
  if (invocations.length === 0 || excludedGroups.has(attributes.resource.group)) return attributes.object;
  const round = new MutationRound(parts, await loadAdmissionEngine(), asking);
  // Which policies are about the request is settled before the first of them changes anything.
  const bound: BoundPolicy[] = [];
  for (const invocation of invocations)
    for (const found of await boundPolicies(parts, invocation, attributes))
      if (!('problem' in found)) bound.push(found);
      else round.failed({ policy: invocation.policy, binding: found.binding, message: found.problem });
  for (const each of bound) for (const params of each.params) await round.apply(each, params);
  return round.result();
}

class MutationRound {
  readonly #parts: AdmissionParts;
  readonly #engine: AdmissionEngine;
  readonly #reinvocation: Reinvocation;
  readonly #failures: Failure[] = [];
  #attributes: Attributes;
  #mutated = false;

  constructor(parts: AdmissionParts, engine: AdmissionEngine, { attributes, reinvocation }: Asking) {
    this.#parts = parts;
    this.#engine = engine;
    this.#attributes = attributes;
    this.#reinvocation = reinvocation;
  }

  failed(failure: Failure): void {
    if (failure.policy.spec.failurePolicy !== 'Ignore') this.#failures.push(failure);
  }

  async #bindings({ resource }: PolicyInvocation, params: JsonObject | null) {
    const attributes = this.#attributes;
    const states = await versioned(attributes, resource);
    const namespaceObject = namespaceOf(this.#parts, attributes);
    const values = { attributes, resource, states, namespaceObject, params };
    return { states, bindings: requestBindings(this.#engine, this.#parts, values) };
  }

  /** One policy, by one binding, with one parameter. */
  async apply({ invocation, binding }: BoundPolicy, params: JsonObject | null): Promise<void> {
    const { policy } = invocation;
    const compiled = compileMutations(this.#engine, policy);
    const { bindings } = await this.#bindings(invocation, params);
    try {
      if (!compiled.conditions.match(bindings, policy.spec.failurePolicy)) return;
    } catch (error) {
      return this.failed({ policy, binding, message: (error as Error).message, reason: 'Invalid' });
    }
    const { name, namespace = '' } = params?.metadata ?? {};
    const key = JSON.stringify([policy.metadata.name, binding.metadata.name, namespace, name]);
    if (!this.#reinvocation.isMeant(key)) return;
    const before = this.#attributes.object;
    for (const mutation of compiled.mutations) {
      try {
        await this.#mutate({ invocation, binding, params: [params] }, mutation);
      } catch (error) {
        if (error instanceof ApiError) throw error;
        this.failed({ policy, binding, message: (error as Error).message, reason: 'Invalid' });
      }
    }
    const changed = !equalJson(before, this.#attributes.object);
    this.#reinvocation.note(key, { changed, again: policy.spec.reinvocationPolicy === 'IfNeeded' });
  }

  async #mutate(
    { invocation, params }: BoundPolicy,
    mutation: ReturnType<typeof compileMutations>['mutations'][number],
  ): Promise<void> {
    const { resource } = invocation;
    const { states, bindings } = await this.#bindings(invocation, params[0]!);
    if (states.object === null) return;
    const { compiler } = compileMutations(this.#engine, invocation.policy);
    const patched = await applyMutation(mutation, compiler.withVariables(bindings), {
      object: states.object,
      resource,
      kind: this.#attributes.kind,
      engine: this.#engine,
    });
    const read = await accepted(patched, resource, this.#attributes);
    const object = await unversioned(read, this.#attributes, resource);
    this.#attributes = { ...this.#attributes, object };
    this.#mutated = true;
  }

  /** Throws ApiError where a policy failed that may not. */
  result(): JsonObject | null {
    if (this.#mutated) this.#reinvocation.changed();
    if (this.#failures.length > 0) throw refusal(this.#attributes, this.#failures);
    return this.#attributes.object;
  }
}

function textOf({ policy, binding, message }: Failure): string {
  const { name } = policy.metadata;
  return binding === undefined
    ? `policy "${name}" denied request: ${message}`
    : `policy '${name}' with binding '${binding.metadata.name}' denied request: ${message}`;
}

/** Forbidden by its code, whatever the reason is: so kube-apiserver has it. */
function refusal({ resource, name, object }: Attributes, failures: readonly Failure[]): ApiError {
  const { metadata } = object ?? {};
  const { status } = forbidden(resource, name || metadata?.name || metadata?.generateName || 'Unknown', '');
  return new ApiError({
    ...status,
    message: textOf(failures[0]!),
    reason: failures[0]!.reason ?? status.reason,
    details: { ...status.details, causes: failures.map((failure) => ({ message: textOf(failure) })) },
  });
}
