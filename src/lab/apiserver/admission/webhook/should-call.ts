/** Whether a webhook whose rules match wants to know of the request with this object (admission/plugin/webhook/generic). */
import { forbidden } from '../../status.ts';
import type { AdmissionParts } from '../admission-context.ts';
import type { Attributes, ObjectStates } from '../attributes.ts';
import { requestBindings } from '../bindings.ts';
import { loadAdmissionEngine } from '../cel/engine.ts';
import { isSelected } from '../selectors.ts';
import { versioned } from '../versions.ts';
import type { Invocation } from './hooks.ts';

/** The states that it is told of; undefined where it is not to be called. Throws ApiError. */
export async function statesFor(
  parts: AdmissionParts,
  { hook, resource }: Invocation,
  attributes: Attributes,
): Promise<ObjectStates | undefined> {
  if (!isSelected(hook.selectors, attributes, parts.storage)) return undefined;
  const states = await versioned(attributes, resource);
  const conditions = await hook.conditions();
  if (conditions === undefined) return states;
  const engine = await loadAdmissionEngine();
  try {
    const bindings = requestBindings(engine, parts, { attributes, resource, states });
    return conditions.match(bindings, hook.failurePolicy) ? states : undefined;
  } catch (error) {
    throw forbidden(attributes.resource, attributes.name, (error as Error).message);
  }
}
