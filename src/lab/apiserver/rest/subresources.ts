/** Subresources with a shape of their own: scale, binding, eviction, finalize, token. */
import type { KubeObject } from '../../../kube/meta.ts';
import { formatSelector } from '../../../kube/selectors.ts';
import { cloneJson, isJsonObject, type JsonObject } from '../json.ts';
import type { Resource } from '../registry/resource.ts';
import { badRequest, conflict, internalError, invalid } from '../status.ts';
import { invalidValue, required } from '../validation/field-error.ts';
import { updateAdmitted } from './admitted-writes.ts';
import type { WriteOptions } from './create.ts';
import { facing, prepareFaces, preparePresent } from './faces.ts';
import { getStored, keyFor, type ObjectRef, type RestContext, timestamp } from './rest-context.ts';
import { checkPreconditions } from './update.ts';

export interface Scale {
  kind: 'Scale';
  apiVersion: 'autoscaling/v1';
  metadata: JsonObject;
  spec: { replicas?: number };
  status: { replicas: number; selector?: string };
}

function at(object: JsonObject, path: string): unknown {
  return path.split('.').reduce<unknown>((o, key) => (isJsonObject(o) ? o[key] : undefined), object);
}

function selectorText(selector: unknown): string | undefined {
  return isJsonObject(selector) ? formatSelector(selector) : (selector as string | undefined);
}

/** Throws InternalError where a custom resource does not say how many it wants. */
export function scaleOf({ scale, conversion }: Resource, object: KubeObject): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const { replicas, statusReplicas, selector } = scale!;
  if (conversion !== undefined && at(object, replicas) === undefined)
    throw internalError(`the spec replicas field ".${replicas}" does not exist`);
  const text = selector === undefined ? undefined : selectorText(at(object, selector));
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: at(object, replicas) as number | undefined },
    status: {
      replicas: (at(object, statusReplicas) as number | undefined) ?? 0,
      ...(text ? { selector: text } : {}),
    },
  };
}

/** The object with so many at the field's path. */
export function withReplicas(object: KubeObject, path: string, replicas: number): JsonObject {
  const draft = cloneJson(object) as KubeObject & JsonObject;
  const keys = path.split('.');
  const last = keys.pop()!;
  let parent: JsonObject = draft;
  for (const key of keys) {
    parent[key] ??= {};
    parent = parent[key];
  }
  parent[last] = replicas;
  return draft;
}

/** Writes the scale that `wishOf` makes of the present one. */
export async function updateScale(
  context: RestContext,
  ref: ObjectRef,
  wishOf: (scale: Scale) => JsonObject,
  options: WriteOptions,
): Promise<Scale> {
  const { resource } = ref;
  const old = facing(resource, await preparePresent(context, ref));
  const wish = wishOf(scaleOf(resource, old));
  checkPreconditions(ref, wish, old);
  const replicas = wish.spec?.replicas ?? 0;
  if (resource.conversion !== undefined && replicas < 0) {
    const why = 'should be a non-negative integer';
    throw invalid(resource, ref.name, [invalidValue(`.${resource.scale!.replicas}`, replicas, why)]);
  }
  if (!Number.isInteger(replicas) || replicas < 0) {
    throw invalid({ group: 'autoscaling', plural: 'scales', kind: 'Scale' }, ref.name, [
      invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0'),
    ]);
  }
  const scaled = (now: KubeObject) => withReplicas(now, resource.scale!.replicas, replicas);
  const stored = await updateAdmitted(context, ref, scaled, { ...options, admission: undefined });
  await prepareFaces(resource, [stored]);
  return scaleOf(resource, facing(resource, stored));
}

/** POST pods/NAME/binding: what a scheduler decides. */
export function bindPod(
  context: RestContext,
  ref: ObjectRef,
  binding: JsonObject,
  options: WriteOptions,
): void {
  const pod = getStored(context, ref) as KubeObject & JsonObject;
  const { uid, resourceVersion } = (binding.metadata ?? {}) as JsonObject;
  // Of the pod that the scheduler saw, not of one of the same name.
  checkPreconditions(ref, { metadata: { uid, resourceVersion } }, pod);
  const node = binding.target?.name;
  if (!node)
    throw invalid({ group: '', plural: 'bindings', kind: 'Binding' }, ref.name, [required('target.name')]);
  if (binding.target.kind && binding.target.kind !== 'Node') throw badRequest('a pod is bound to a Node');
  const what = { ...ref.resource, plural: 'pods/binding' };
  if (pod.metadata.deletionTimestamp)
    throw conflict(what, ref.name, `pod ${ref.name} is being deleted, cannot be assigned to a host`);
  if (pod.spec.nodeName)
    throw conflict(what, ref.name, `pod ${ref.name} is already assigned to node "${pod.spec.nodeName}"`);
  if (options.dryRun) return;
  const others = ((pod.status?.conditions ?? []) as JsonObject[]).filter((c) => c.type !== 'PodScheduled');
  const scheduled = {
    type: 'PodScheduled',
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: timestamp(context.clock.now()),
  };
  const bound = {
    ...pod,
    metadata: { ...pod.metadata, annotations: mergedAnnotations(pod, binding) },
    spec: { ...pod.spec, nodeName: node },
    status: { ...pod.status, conditions: [...others, scheduled] },
  } as KubeObject & JsonObject;
  if (bound.metadata.annotations === undefined) delete bound.metadata.annotations;
  context.storage.put(ref.resource.collection, keyFor(ref), bound);
}

function mergedAnnotations(pod: KubeObject, binding: JsonObject): Record<string, string> | undefined {
  const added = binding.metadata?.annotations as Record<string, string> | undefined;
  return added === undefined ? pod.metadata.annotations : { ...pod.metadata.annotations, ...added };
}

/** PUT namespaces/NAME/finalize: takes finalizers of spec away; the last one lets the namespace go. */
export function finalizeNamespace(
  context: RestContext,
  ref: ObjectRef,
  wish: JsonObject,
  options: WriteOptions = {},
): KubeObject {
  const old = getStored(context, ref) as KubeObject & JsonObject;
  checkPreconditions(ref, wish, old);
  const spec: JsonObject = { ...old.spec };
  if (wish.spec?.finalizers?.length) spec.finalizers = wish.spec.finalizers;
  else delete spec.finalizers;
  const next = { ...old, spec } as KubeObject & JsonObject;
  if (options.dryRun) return next;
  const stored = context.storage.put(ref.resource.collection, keyFor(ref), next);
  const done = next.metadata.deletionTimestamp && !spec.finalizers && !next.metadata.finalizers?.length;
  return done ? (context.storage.remove(ref.resource.collection, keyFor(ref)) ?? stored) : stored;
}
