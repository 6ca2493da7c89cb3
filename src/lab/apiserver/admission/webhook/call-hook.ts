/** One webhook asked about one request. */
import type { JsonObject } from '../../json.ts';
import { badRequest } from '../../status.ts';
import type { WebhookClient } from '../../webhooks/webhook-client.ts';
import type { Attributes, ObjectStates } from '../attributes.ts';
import type { Invocation } from './hooks.ts';
import { type Answer, createReview, denial, readAnswer } from './review.ts';

/** The webhook gave no answer that counts: its failure policy says what that means. */
export class HookFailure extends Error {
  constructor(name: string, reason: string) {
    super(`failed calling webhook ${JSON.stringify(name)}: ${reason}`);
  }
}

const withoutSideEffects = ['None', 'NoneOnDryRun'];

/**
 * The answer of a webhook that let the request pass.
 * @throws HookFailure, and ApiError where it refused or cannot be asked in a dry run
 */
export async function callHook(
  client: WebhookClient,
  { hook, resource }: Invocation,
  {
    attributes,
    states,
    warn,
  }: { attributes: Attributes; states: ObjectStates; warn: (text: string) => void },
): Promise<Answer> {
  const { name, mutating } = hook;
  if (attributes.dryRun && !withoutSideEffects.includes(hook.sideEffects))
    throw badRequest(`admission webhook ${JSON.stringify(name)} does not support dry run`);
  const review = createReview(attributes, { resource, states, versions: hook.reviewVersions });
  if (review === undefined) {
    const why = 'webhook does not accept known AdmissionReview versions (v1, v1beta1)';
    throw new HookFailure(name, `could not create admission objects: ${why}`);
  }
  const timing = { timeoutMs: hook.timeoutSeconds * 1000, signal: attributes.signal };
  const said = await client.call(hook.clientConfig, review.body, timing).catch((error: Error) => {
    throw new HookFailure(name, `failed to call webhook: ${error.message}`);
  });
  const answer = answerIn(said, { name, mutating, review });
  for (const text of answer.warnings) warn(text);
  if (!answer.allowed) throw denial(name, answer.result);
  return answer;
}

function answerIn(
  said: unknown,
  {
    name,
    mutating,
    review,
  }: { name: string; mutating: boolean; review: NonNullable<ReturnType<typeof createReview>> },
): Answer {
  try {
    return readAnswer(said, review, mutating);
  } catch (error) {
    throw new HookFailure(name, `received invalid webhook response: ${(error as Error).message}`);
  }
}

/** The operations of a patch. @throws HookFailure */
export function patchOf({ patch, patchType }: Answer, name: string): JsonObject[] {
  if (patch === undefined) return [];
  let operations: unknown;
  try {
    operations = JSON.parse(patch);
  } catch (error) {
    const why = (error as Error).message;
    throw new HookFailure(name, `received undecodable patch in webhook response: ${why}`);
  }
  if (!Array.isArray(operations)) {
    const why = 'json: cannot unmarshal object into Go value of type jsonpatch.Patch';
    throw new HookFailure(name, `received undecodable patch in webhook response: ${why}`);
  }
  if (operations.length > 0 && patchType !== 'JSONPatch')
    throw new HookFailure(name, `unsupported patch type ${JSON.stringify(patchType)}`);
  return operations;
}
