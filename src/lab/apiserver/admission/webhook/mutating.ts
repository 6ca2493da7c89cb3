/** Mutating webhooks: one after the other, each with what the ones before made of the object (admission/plugin/webhook/mutating). */

import { describeError } from '../../../../util/errors.ts';
import { equalJson, type JsonObject } from '../../json.ts';
import { jsonPatch } from '../../patch/json-patch.ts';
import type { Resource } from '../../registry/resource.ts';
import { internalError } from '../../status.ts';
import type { AdmissionParts, Warn } from '../admission-context.ts';
import type { Attributes } from '../attributes.ts';
import type { Reinvocation } from '../reinvocation.ts';
import { unversioned } from '../versions.ts';
import { callHook, patchOf } from './call-hook.ts';
import { passOver } from './failure.ts';
import type { Invocation } from './hooks.ts';
import { statesFor } from './should-call.ts';

interface Asking {
  attributes: Attributes;
  warn: Warn;
}

/** The object as the webhooks leave it, of those that are asked in this round. Throws ApiError. */
export async function askMutatingHooks(
  parts: AdmissionParts,
  invocations: readonly Invocation[],
  { reinvocation, ...asking }: Asking & { reinvocation: Reinvocation },
): Promise<JsonObject | null> {
  let { attributes } = asking;
  for (const invocation of invocations) {
    const { uid, reinvocationPolicy } = invocation.hook;
    if (!reinvocation.isMeant(uid)) continue;
    const object = await askHook(parts, invocation, { ...asking, attributes });
    if (object === undefined) continue;
    const changed = !equalJson(object, attributes.object);
    if (changed) attributes = { ...attributes, object };
    reinvocation.note(uid, { changed, again: reinvocationPolicy === 'IfNeeded' });
  }
  return attributes.object;
}

/** Undefined where the webhook is not called, or its failure is ignored. */
async function askHook(
  parts: AdmissionParts,
  invocation: Invocation,
  { attributes, warn }: Asking,
): Promise<JsonObject | null | undefined> {
  const states = await statesFor(parts, invocation, attributes);
  if (states === undefined) return undefined;
  const { hook, resource } = invocation;
  try {
    const answer = await callHook(parts.webhooks, invocation, { attributes, states, warn });
    const operations = patchOf(answer, hook.name);
    if (operations.length === 0) return attributes.object;
    if (states.object === null) {
      const why = `admission webhook ${JSON.stringify(hook.name)} attempted to modify the object, which is not supported for this operation`;
      throw internalError(why);
    }
    const patched = await accepted(patchedObject(states.object, operations), resource, attributes);
    return await unversioned(patched, attributes, resource);
  } catch (error) {
    passOver(parts, hook, attributes, error);
    return undefined;
  }
}

function patchedObject(object: JsonObject, operations: readonly JsonObject[]): JsonObject {
  try {
    return jsonPatch(object, operations);
  } catch (error) {
    throw internalError(describeError(error));
  }
}

/** Read as a client's body is: of the right types, without what the schema does not know, with defaults. Throws InternalError. */
export async function accepted(
  patched: JsonObject,
  resource: Resource,
  { kind }: Attributes,
): Promise<JsonObject> {
  if (kind !== undefined) return patched;
  await resource.strategy.load?.();
  const { object, typeErrors } = (await resource.decoder())(patched);
  if (typeErrors.length > 0) throw internalError(typeErrors[0]!);
  resource.strategy.setDefaults?.(object);
  return object;
}
