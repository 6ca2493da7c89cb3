/**
 * The newest resourceVersion that stores have taken in. Versions are compared as numbers, which Kubernetes promises for
 * all resources since 1.35 (KEP-5504).
 */
import type { KubeObject } from '../meta.ts';
import type { Store } from './store.ts';

export interface Revision {
  /** 0n before the first object. */
  newest(): bigint;
  stop(): void;
}

/** Follows stores from now on; what they hold already counts. `onNewer` hears of every rise after that. */
export function followRevision(
  stores: readonly Store<KubeObject>[],
  onNewer: () => void = () => {},
): Revision {
  let newest = 0n;
  const take = (object: KubeObject | undefined): void => {
    const version = BigInt(object?.metadata.resourceVersion || 0);
    if (version <= newest) return;
    newest = version;
    onNewer();
  };
  const unsubscribe = stores.map((store) => {
    store.list().forEach(take);
    return store.onChange((change) => {
      take(change.old);
      take(change.new);
    });
  });
  return { newest: () => newest, stop: () => unsubscribe.forEach((end) => void end()) };
}
