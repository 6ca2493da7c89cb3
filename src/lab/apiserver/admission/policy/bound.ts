/** A policy with each of its bindings and their parameters, as far as they are about a request (policy/generic, Dispatch). */
import type { KubeObject } from '../../../../kube/meta.ts';
import type { JsonObject } from '../../json.ts';
import { notFound } from '../../status.ts';
import type { AdmissionParts } from '../admission-context.ts';
import type { Attributes } from '../attributes.ts';
import { isSelected } from '../selectors.ts';
import { collectParams, paramResource } from './params.ts';
import { type Policy, type PolicyInvocation, selectorsOf } from './policies.ts';

export interface BoundPolicy {
  invocation: PolicyInvocation;
  binding: Policy;
  params: (JsonObject | null)[];
}

/** A policy or a binding that is wrong, so that nobody can say what it means for the request. */
export interface Misconfiguration {
  invocation: PolicyInvocation;
  /** Absent where it is the policy. */
  binding?: Policy;
  problem: string;
}

export async function boundPolicies(
  parts: AdmissionParts,
  invocation: PolicyInvocation,
  attributes: Attributes,
): Promise<(BoundPolicy | Misconfiguration)[]> {
  const { policy, bindings } = invocation;
  try {
    if (!isSelected(selectorsOf(policy.spec.matchConstraints), attributes, parts.storage)) return [];
    paramResource(parts, policy.spec.paramKind);
  } catch (error) {
    return [{ invocation, problem: `failed to configure policy: ${(error as Error).message}` }];
  }
  const found: (BoundPolicy | Misconfiguration)[] = [];
  for (const binding of bindings) {
    try {
      const selectors = selectorsOf(binding.spec.matchResources ?? {});
      if (!isSelected(selectors, attributes, parts.storage)) continue;
      const { namespace } = attributes;
      found.push({ invocation, binding, params: await collectParams(parts, { policy, binding, namespace }) });
    } catch (error) {
      const problem = `failed to configure binding: ${(error as Error).message}`;
      found.push({ invocation, binding, problem });
    }
  }
  return found;
}

const namespaces = { group: '', plural: 'namespaces', kind: 'Namespace' };

/** As expressions see it; null for what is in none, as a namespace is. Throws NotFound. */
export function namespaceOf({ storage }: AdmissionParts, { namespace, resource }: Attributes): unknown {
  if (namespace === '' || resource.collection === '/namespaces') return null;
  const found: KubeObject | undefined = storage.get('/namespaces', namespace);
  if (found === undefined) throw notFound(namespaces, namespace);
  const { uid, ...metadata } = found.metadata;
  return { ...found, metadata: { ...metadata, UID: uid } };
}
