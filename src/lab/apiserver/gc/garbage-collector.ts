/**
 * Deletes what has lost its owners, and carries out foreground and orphaning deletion
 * (kubernetes.io/docs/concepts/architecture/garbage-collection).
 */
import type { KubeObject, OwnerReference } from '../../../kube/meta.ts';
import type { Logger } from '../../../util/logger.ts';
import { cloneJson, type JsonObject } from '../json.ts';
import { deleteObject } from '../rest/delete.ts';
import { keyFor, type ObjectRef, type RestContext } from '../rest/rest-context.ts';
import { updateObject } from '../rest/update.ts';
import { itemOf, type OwnerChange, OwnerIndex, ownersOf } from './owner-index.ts';
import { WorkQueue } from './work-queue.ts';

const foreground = 'foregroundDeletion';
const orphan = 'orphan';

const hasFinalizer = (object: KubeObject, finalizer: string) =>
  object.metadata.finalizers?.includes(finalizer) === true;

export class GarbageCollector {
  readonly #context: RestContext;
  readonly #index: OwnerIndex;
  readonly #queue: WorkQueue;

  constructor(context: RestContext, logger: Logger) {
    this.#context = context;
    this.#queue = new WorkQueue(
      (item) => this.#examine(item),
      (error) => logger.error('garbage collection failed', { error }),
    );
    this.#index = new OwnerIndex(context, (change) => this.#onChange(change));
  }

  stop(): void {
    this.#queue.stop();
  }

  #onChange({ collection, event }: OwnerChange): void {
    const { type, object, previous } = event;
    const owners = ownersOf(object);
    if (type === 'DELETED') {
      for (const item of this.#index.dependentsOf(object.metadata.uid)) this.#queue.add(item);
      for (const owner of owners) this.#enqueueOwner(owner, object);
      return;
    }
    const newOwners =
      owners.length > 0 && previous?.metadata.ownerReferences !== object.metadata.ownerReferences;
    if (newOwners || object.metadata.deletionTimestamp) this.#queue.add(itemOf(collection, object));
    // It may block its owners no longer.
    if (newOwners) for (const owner of owners) this.#enqueueOwner(owner, object);
  }

  /** An owner may be waiting for the last of what it owns. */
  #enqueueOwner(owner: OwnerReference, dependent: KubeObject): void {
    const found = this.#find(owner, dependent);
    if (found?.object?.metadata.deletionTimestamp)
      this.#queue.add(itemOf(found.ref.resource.collection, found.object));
  }

  /** Undefined when the owner's kind is not served: then nothing can be said about it. */
  #find(
    owner: OwnerReference,
    dependent: KubeObject,
  ): { ref: ObjectRef; object: KubeObject | undefined } | undefined {
    const resource = this.#context.resources.findKind(owner.apiVersion, owner.kind);
    if (resource === undefined) return undefined;
    const namespace = resource.namespaced ? dependent.metadata.namespace : undefined;
    const ref = { resource, namespace, name: owner.name };
    const object = this.#context.storage.get(resource.collection, keyFor(ref));
    return { ref, object: object?.metadata.uid === owner.uid ? object : undefined };
  }

  #examine(item: string): void {
    const ref = this.#refOf(item);
    const object = this.#dependent(item);
    if (ref === undefined || object === undefined) return;
    if (object.metadata.deletionTimestamp) this.#finish(ref, object);
    else if (ownersOf(object).length > 0) this.#checkOwners(ref, object);
  }

  #checkOwners(ref: ObjectRef, object: KubeObject): void {
    const owners = ownersOf(object).map((owner) => ({ owner, found: this.#find(owner, object) }));
    const gone = owners.filter(({ found }) => found !== undefined && found.object === undefined);
    const waiting = owners.filter(({ found }) => found?.object && hasFinalizer(found.object, foreground));
    if (gone.length === owners.length) this.#delete(ref, object, policyOf(object));
    else if (gone.length + waiting.length === owners.length) {
      if (this.#ownsWhatGoes(object)) this.#unblockOwners(ref);
      this.#delete(ref, object, 'Foreground');
    } else if (gone.length > 0) this.#dropOwners(ref, new Set(gone.map(({ owner }) => owner.uid)));
  }

  /** A circle of owners: what it owns is waiting, perhaps for itself. */
  #ownsWhatGoes(object: KubeObject): boolean {
    return this.#index.dependentsOf(object.metadata.uid).some((item) => {
      const dependent = this.#dependent(item);
      return dependent?.metadata.deletionTimestamp !== undefined && hasFinalizer(dependent, foreground);
    });
  }

  /** As Kubernetes breaks circles. */
  #unblockOwners(ref: ObjectRef): void {
    updateObject(this.#context, ref, (old) => {
      const draft = cloneJson(old) as KubeObject & JsonObject;
      for (const owner of draft.metadata.ownerReferences ?? []) delete owner.blockOwnerDeletion;
      return draft;
    });
  }

  #dependent(item: string): KubeObject | undefined {
    const [collection = '', key = ''] = item.split(' ');
    return this.#context.storage.get(collection, key);
  }

  #delete(
    ref: ObjectRef,
    object: KubeObject,
    propagationPolicy: 'Background' | 'Foreground' | 'Orphan',
  ): void {
    const hasDependents = this.#index.dependentsOf(object.metadata.uid).length > 0;
    const policy = propagationPolicy === 'Foreground' && !hasDependents ? 'Background' : propagationPolicy;
    deleteObject(this.#context, ref, {
      propagationPolicy: policy,
      preconditions: { uid: object.metadata.uid },
    });
  }

  #dropOwners(ref: ObjectRef, uids: ReadonlySet<string>): void {
    updateObject(this.#context, ref, (old) => {
      const draft = cloneJson(old) as KubeObject & JsonObject;
      const left = ownersOf(draft).filter((owner) => !uids.has(owner.uid));
      if (left.length > 0) draft.metadata.ownerReferences = left;
      else delete draft.metadata.ownerReferences;
      return draft;
    });
  }

  /** An object being deleted that waits for this collector. */
  #finish(ref: ObjectRef, object: KubeObject): void {
    const dependents = this.#index.dependentsOf(object.metadata.uid);
    if (hasFinalizer(object, orphan)) {
      for (const item of dependents) this.#dropOwners(this.#refOf(item)!, new Set([object.metadata.uid]));
      this.#dropFinalizer(ref, orphan);
    } else if (hasFinalizer(object, foreground)) {
      // One that is going already tells when it has gone.
      for (const item of dependents)
        if (!this.#dependent(item)?.metadata.deletionTimestamp) this.#queue.add(item);
      if (!dependents.some((item) => this.#blocks(item, object.metadata.uid)))
        this.#dropFinalizer(ref, foreground);
    }
  }

  #blocks(item: string, uid: string): boolean {
    const dependent = this.#dependent(item);
    if (dependent === undefined || dependent.metadata.uid === uid) return false;
    return ownersOf(dependent).some((o) => o.uid === uid && o.blockOwnerDeletion);
  }

  /** Undefined when the item's kind is gone. */
  #refOf(item: string): ObjectRef | undefined {
    const [collection = '', key = ''] = item.split(' ');
    const resource = this.#context.resources.storedIn(collection);
    const [namespace, name] = key.includes('/') ? (key.split('/') as [string, string]) : [undefined, key];
    return resource && { resource, namespace, name };
  }

  #dropFinalizer(ref: ObjectRef, finalizer: string): void {
    updateObject(this.#context, ref, (old) => {
      const draft = cloneJson(old) as KubeObject & JsonObject;
      const left = (draft.metadata.finalizers ?? []).filter((f) => f !== finalizer);
      if (left.length > 0) draft.metadata.finalizers = left;
      else delete draft.metadata.finalizers;
      return draft;
    });
  }
}

function policyOf(object: KubeObject): 'Background' | 'Foreground' | 'Orphan' {
  if (hasFinalizer(object, orphan)) return 'Orphan';
  return hasFinalizer(object, foreground) ? 'Foreground' : 'Background';
}
