/**
 * The pods of a workload: those it controls and, in its namespace, orphans that its selector matches and that it
 * adopts. Shared by ReplicaSet, StatefulSet and DaemonSet.
 */
import type { Informers } from '../../../kube/client/informers.ts';
import type { Store } from '../../../kube/client/store.ts';
import { controllerOf, type KubeObject, keyOf } from '../../../kube/meta.ts';
import { type ResourceType, resources } from '../../../kube/resources.ts';
import { compileSelector, type LabelPredicate, type LabelSelector } from '../../../kube/selectors.ts';
import type { Pod } from '../../../kube/types.ts';
import type { Expectations } from '../runtime/expectations.ts';

export type Workload = KubeObject & { spec?: { selector?: LabelSelector } };

/** The uid of the object's controller, as values of an index. */
export function ownerUids(object: KubeObject): string[] {
  const owner = controllerOf(object);
  return owner === undefined ? [] : [owner.uid];
}

/** The pods of all namespaces, indexed by the uid of their controller, and orphans by namespace. */
export function podsByOwner(informers: Informers): Store<Pod> {
  const pods = informers.store(resources.pods);
  pods.addIndex('owner', ownerUids);
  pods.addIndex('orphan', (pod) => (controllerOf(pod) === undefined ? [pod.metadata.namespace ?? ''] : []));
  return pods;
}

const selectors = new WeakMap<object, LabelPredicate>();

/** The workload's selector, compiled once for each version of the object. */
export function selectorOf(workload: Workload): LabelPredicate {
  let selector = selectors.get(workload);
  if (selector === undefined) {
    selector = compileSelector(workload.spec?.selector);
    selectors.set(workload, selector);
  }
  return selector;
}

export interface Family {
  /** Controlled by the workload and matched by its selector. */
  owned: Pod[];
  /** To be adopted. */
  adopt: Pod[];
  /** Controlled, but matched no longer: to be set free. */
  release: Pod[];
}

export function familyOf(workload: Workload, pods: Store<Pod>): Family {
  const matches = selectorOf(workload);
  const mine = pods.byIndex('owner', workload.metadata.uid);
  const orphans = pods.byIndex('orphan', workload.metadata.namespace ?? '');
  const dying = workload.metadata.deletionTimestamp !== undefined;
  return {
    owned: mine.filter((pod) => matches(pod.metadata.labels)),
    adopt: dying
      ? []
      : orphans.filter((pod) => !pod.metadata.deletionTimestamp && matches(pod.metadata.labels)),
    release: mine.filter((pod) => !matches(pod.metadata.labels)),
  };
}

export interface FamilyWatch<T extends Workload> {
  pods: Store<Pod>;
  workloads: Store<T>;
  type: ResourceType<T>;
  expectations?: Expectations;
  /** Called with the key of every workload that a change concerns. */
  changed: (key: string) => void;
}

/** Tells which workload a change of a pod or of a workload concerns, and keeps expectations up to date. */
export function watchFamilies<T extends Workload>(watch: FamilyWatch<T>): void {
  const { pods, workloads, type, expectations, changed } = watch;
  workloads.addIndex('namespace', (workload) => [workload.metadata.namespace ?? '']);
  workloads.onChange(({ old, new: now }) => {
    if (now === undefined) expectations?.forget(keyOf(old!));
    changed(keyOf((now ?? old)!));
  });
  const ownerKey = (pod: Pod | undefined) => {
    const owner = pod === undefined ? undefined : controllerOf(pod);
    if (owner?.kind !== type.kind) return undefined;
    return keyOf({ metadata: { namespace: pod?.metadata.namespace, name: owner.name } });
  };
  pods.onChange(({ old, new: now }) => {
    const pod = (now ?? old)!;
    const keys = new Set([ownerKey(now), ownerKey(old)]);
    for (const key of keys) {
      if (key === undefined) continue;
      if (old === undefined) expectations?.creationSeen(key);
      if (now === undefined || now.metadata.deletionTimestamp)
        expectations?.deletionSeen(key, pod.metadata.uid);
      changed(key);
    }
    if (now === undefined || controllerOf(now) !== undefined) return;
    for (const workload of workloads.byIndex('namespace', now.metadata.namespace ?? '')) {
      if (selectorOf(workload)(now.metadata.labels)) changed(keyOf(workload));
    }
  });
}
