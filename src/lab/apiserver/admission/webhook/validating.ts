/** Validating webhooks: all at once; one that refuses is enough (admission/plugin/webhook/validating). */
import type { AdmissionParts, Warn } from '../admission-context.ts';
import type { Attributes } from '../attributes.ts';
import { callHook } from './call-hook.ts';
import { passOver } from './failure.ts';
import type { Invocation } from './hooks.ts';
import { statesFor } from './should-call.ts';

/** Resolves when all have answered. Throws ApiError: what the first of them in their order says. */
export async function askValidatingHooks(
  parts: AdmissionParts,
  invocations: readonly Invocation[],
  { attributes, warn }: { attributes: Attributes; warn: Warn },
): Promise<void> {
  const wanted = await Promise.all(
    invocations.map(async (invocation) => ({
      invocation,
      states: await statesFor(parts, invocation, attributes),
    })),
  );
  const results = await Promise.allSettled(
    wanted.map(async ({ invocation, states }) => {
      if (states === undefined) return;
      try {
        await callHook(parts.webhooks, invocation, { attributes, states, warn });
      } catch (error) {
        passOver(parts, invocation.hook, attributes, error);
      }
    }),
  );
  const refused = results.find((result) => result.status === 'rejected');
  if (refused !== undefined) throw refused.reason;
}
