/** Waits for states of the API's objects. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isNotFound } from '../../kube/client/api-error.ts';
import type { RawApi } from './raw-api.ts';

const pollMs = 100;

/** Resolves once the object is gone, or another one has its name. */
export async function waitUntilGone(api: RawApi, path: string): Promise<void> {
  let uid: string | undefined;
  for (;;) {
    try {
      const object = (await api.send({ method: 'GET', path })) as { metadata: { uid: string } };
      uid ??= object.metadata.uid;
      if (object.metadata.uid !== uid) return;
    } catch (error) {
      if (isNotFound(error)) return;
      throw error;
    }
    await sleep(pollMs);
  }
}
