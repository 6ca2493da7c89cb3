/** DELETE: at once, gracefully, or when the last finalizer is gone. */
import type { KubeObject } from '../../../kube/meta.ts';
import type { JsonObject } from '../json.ts';
import type { Resource } from '../registry/resource.ts';
import { conflict, forbidden } from '../status.ts';
import type { WriteOptions } from './create.ts';
import { getStored, keyFor, type ObjectRef, type RestContext, timestamp } from './rest-context.ts';

export interface DeleteOptions extends WriteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  preconditions?: { uid?: string; resourceVersion?: string };
}

export interface Deletion {
  /** The object's last state, or its present one while it waits. */
  object: KubeObject;
  /** False while a grace period or finalizers keep it. */
  gone: boolean;
}

const policyFinalizers: Record<string, string | undefined> = {
  Orphan: 'orphan',
  Foreground: 'foregroundDeletion',
};

function checkPreconditions(ref: ObjectRef, old: KubeObject, { preconditions }: DeleteOptions): void {
  const { uid, resourceVersion } = old.metadata;
  if (preconditions?.uid && preconditions.uid !== uid) {
    const why = `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${uid}`;
    throw conflict(ref.resource, ref.name, why);
  }
  if (preconditions?.resourceVersion && preconditions.resourceVersion !== resourceVersion) {
    const why = `Precondition failed: ResourceVersion in precondition: ${preconditions.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`;
    throw conflict(ref.resource, ref.name, why);
  }
}

/** The policy becomes a finalizer that the garbage collector serves; the kind's own are added when deletion begins. */
function finalizersFor(
  { strategy }: Resource,
  { metadata }: JsonObject,
  policy: DeleteOptions['propagationPolicy'],
): string[] {
  const had = (metadata.finalizers ?? []) as string[];
  const own = metadata.deletionTimestamp ? [] : (strategy.deletionFinalizers ?? []);
  const now = [...had, ...own.filter((f) => !had.includes(f))];
  if (policy === undefined) return now;
  const wanted = policyFinalizers[policy];
  const others = now.filter((f) => !Object.values(policyFinalizers).includes(f));
  return wanted === undefined ? others : [...others, wanted];
}

/** The object marked as being deleted, `grace` seconds from now. */
function marked(
  { clock }: RestContext,
  { strategy }: Resource,
  { old, grace, finalizers }: { old: JsonObject; grace: number; finalizers: string[] },
): JsonObject {
  const metadata: JsonObject = { ...old.metadata };
  if (finalizers.length > 0) metadata.finalizers = finalizers;
  else delete metadata.finalizers;
  const first = metadata.deletionTimestamp === undefined;
  if (first || grace < (metadata.deletionGracePeriodSeconds ?? 0)) {
    metadata.deletionTimestamp = timestamp(clock.now() + grace * 1000);
    metadata.deletionGracePeriodSeconds = grace;
  }
  if (first && metadata.generation !== undefined) metadata.generation += 1;
  const next: JsonObject = { ...old, metadata };
  if (first) strategy.markDeleted?.(next, timestamp(clock.now()));
  return next;
}

const isEssential = ({ resource, name }: ObjectRef) =>
  resource.collection === '/namespaces' && ['default', 'kube-system', 'kube-public'].includes(name);

/** Throws ApiError: NotFound, Conflict, Forbidden for the namespaces that must be there. */
export function deleteObject(context: RestContext, ref: ObjectRef, options: DeleteOptions = {}): Deletion {
  const { collection, strategy } = ref.resource;
  const old = getStored(context, ref) as KubeObject & JsonObject;
  checkPreconditions(ref, old, options);
  if (isEssential(ref)) throw forbidden(ref.resource, ref.name, 'this namespace may not be deleted');
  const grace = strategy.gracePeriod?.(old, options.gracePeriodSeconds) ?? 0;
  const finalizers = finalizersFor(ref.resource, old, options.propagationPolicy);
  const waits = grace > 0 || finalizers.length > 0 || (old.spec?.finalizers?.length ?? 0) > 0;
  if (!waits && strategy.gracePeriod === undefined) {
    const last = options.dryRun ? old : context.storage.remove(collection, keyFor(ref));
    return { object: last ?? old, gone: true };
  }
  const next = marked(context, ref.resource, { old, grace, finalizers });
  if (options.dryRun) return { object: next as KubeObject, gone: !waits };
  if (!waits) {
    context.storage.remove(collection, keyFor(ref));
    return { object: next as KubeObject, gone: true };
  }
  const unchanged =
    next.metadata.deletionTimestamp === old.metadata.deletionTimestamp &&
    finalizers.length === (old.metadata.finalizers?.length ?? 0);
  if (unchanged) return { object: old, gone: false };
  return { object: context.storage.put(collection, keyFor(ref), next as KubeObject), gone: false };
}
