/**
 * Mutating webhooks: one after the other, each with what the ones before made of the object; and once more those that
 * want to be asked again when others changed it after them (admission/plugin/webhook/mutating).
 */

import { describeError } from '../../../../util/errors.ts';
import { equalJson, type JsonObject } from '../../json.ts';
import { jsonPatch } from '../../patch/json-patch.ts';
import type { Resource } from '../../registry/resource.ts';
import { internalError } from '../../status.ts';
import type { AdmissionParts, Warn } from '../admission-context.ts';
import type { Attributes } from '../attributes.ts';
import { unversioned } from '../versions.ts';
import { callHook, patchOf } from './call-hook.ts';
import { passOver } from './failure.ts';
import type { Invocation } from './hooks.ts';
import { statesFor } from './should-call.ts';

/** Which webhooks are asked a second time. */
class Reinvocation {
  readonly again = new Set<string>();
  #asked = new Set<string>();

  note({ hook: { uid, reinvocationPolicy } }: Invocation, changed: boolean): void {
    if (changed) {
      for (const before of this.#asked) this.again.add(before);
      this.#asked.clear();
    }
    if (reinvocationPolicy === 'IfNeeded') this.#asked.add(uid);
  }
}

interface Asking {
  attributes: Attributes;
  warn: Warn;
}

/** The object as the webhooks leave it. Throws ApiError. */
export async function askMutatingHooks(
  parts: AdmissionParts,
  invocations: readonly Invocation[],
  asking: Asking,
): Promise<JsonObject | null> {
  const reinvocation = new Reinvocation();
  let { attributes } = asking;
  const ask = async (invocation: Invocation) => {
    const object = await askHook(parts, invocation, { ...asking, attributes });
    const changed = object !== undefined && !equalJson(object, attributes.object);
    if (changed) attributes = { ...attributes, object };
    if (object !== undefined) reinvocation.note(invocation, changed);
  };
  for (const invocation of invocations) await ask(invocation);
  for (const invocation of invocations)
    if (reinvocation.again.has(invocation.hook.uid)) await ask(invocation);
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

/** Read as a client's body is: of the right types, without what the schema does not know, with defaults. */
async function accepted(patched: JsonObject, resource: Resource, { kind }: Attributes): Promise<JsonObject> {
  if (kind !== undefined) return patched;
  await resource.strategy.load?.();
  const { object, typeErrors } = (await resource.decoder())(patched);
  if (typeErrors.length > 0) throw internalError(typeErrors[0]!);
  resource.strategy.setDefaults?.(object);
  return object;
}
