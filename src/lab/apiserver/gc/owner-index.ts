/** Who is owned by whom, kept from the storage's changes. */
import { type KubeObject, keyOf, type OwnerReference } from '../../../kube/meta.ts';
import type { RestContext } from '../rest/rest-context.ts';
import type { StorageEvent } from '../storage/storage.ts';

/** `collection` and key in one text: `apps/deployments default/web`. */
export const itemOf = (collection: string, object: KubeObject): string => `${collection} ${keyOf(object)}`;

export interface OwnerChange {
  collection: string;
  event: StorageEvent;
}

export class OwnerIndex {
  readonly #byOwner = new Map<string, Set<string>>();

  /** `onChange` is told every change of every collection, after the index has followed it. */
  constructor({ storage, resources }: RestContext, onChange: (change: OwnerChange) => void) {
    resources.followCollections(({ collection }) => {
      for (const object of storage.list(collection))
        for (const { uid } of ownersOf(object)) this.#add(uid, itemOf(collection, object));
      return storage.watch(collection, storage.revision, (event) => {
        this.#follow(collection, event);
        onChange({ collection, event });
      });
    });
  }

  /** Items that name this uid as an owner. */
  dependentsOf(uid: string): readonly string[] {
    return [...(this.#byOwner.get(uid) ?? [])];
  }

  #follow(collection: string, { type, object, previous }: StorageEvent): void {
    const item = itemOf(collection, object);
    const before = previous?.metadata.ownerReferences;
    const after = type === 'DELETED' ? undefined : object.metadata.ownerReferences;
    if (before === after) return;
    for (const { uid } of before ?? []) this.#drop(uid, item);
    for (const { uid } of after ?? []) this.#add(uid, item);
  }

  #add(uid: string, item: string): void {
    const items = this.#byOwner.get(uid) ?? new Set();
    this.#byOwner.set(uid, items.add(item));
  }

  #drop(uid: string, item: string): void {
    const items = this.#byOwner.get(uid);
    items?.delete(item);
    if (items?.size === 0) this.#byOwner.delete(uid);
  }
}

export const ownersOf = (object: KubeObject): readonly OwnerReference[] =>
  object.metadata.ownerReferences ?? [];
