/**
 * The versions of a StatefulSet's or DaemonSet's template, kept as ControllerRevisions: what `kubectl rollout undo`
 * goes back to, and what pods below a partition are made from. Source: kubernetes pkg/controller/history.
 */
import { isAlreadyExists } from '../../../kube/client/api-error.ts';
import type { KubeClient } from '../../../kube/client/client.ts';
import type { Informers } from '../../../kube/client/informers.ts';
import type { Store } from '../../../kube/client/store.ts';
import { type KubeObject, keyOf, type NewObject } from '../../../kube/meta.ts';
import { resources } from '../../../kube/resources.ts';
import type { ControllerRevision, PodTemplateSpec } from '../../../kube/types.ts';
import { ownerUids } from '../pods/pod-family.ts';
import { controllerReference, templateHash } from '../pods/pod-template.ts';
import { unlessGone } from '../runtime/controller.ts';

/** On pods and revisions: which revision they are of. */
export const revisionLabel = 'controller-revision-hash';

export type Versioned = KubeObject & {
  spec?: { template: PodTemplateSpec; revisionHistoryLimit?: number };
};

const type = resources.controllerRevisions;

export function revisionStore(informers: Informers): Store<ControllerRevision> {
  const revisions = informers.store(type);
  revisions.addIndex('owner', ownerUids);
  return revisions;
}

/** The name of the revision of the workload's template now. */
export function revisionName(workload: Versioned): string {
  return `${workload.metadata.name}-${templateHash(workload.spec!.template, revisionLabel)}`;
}

/** The template that a revision holds. */
export function templateOf(revision: ControllerRevision | undefined): PodTemplateSpec | undefined {
  const data = revision?.data as { spec?: { template?: PodTemplateSpec } } | undefined;
  return data?.spec?.template;
}

export interface RevisionPlan {
  create: NewObject<ControllerRevision> | undefined;
  /** A former revision that is the newest again, and its number. */
  renumber: { revision: ControllerRevision; number: number } | undefined;
  remove: ControllerRevision[];
}

/** `inUse`: names of revisions that pods or a status still refer to. */
export function planRevisions(
  workload: Versioned,
  {
    revisions,
    inUse,
    owner,
  }: {
    revisions: readonly ControllerRevision[];
    inUse: ReadonlySet<string>;
    owner: { apiVersion: string; kind: string };
  },
): RevisionPlan {
  const name = revisionName(workload);
  const current = revisions.find((revision) => revision.metadata.name === name);
  const newest = Math.max(0, ...revisions.map(({ revision }) => revision));
  const idle = revisions.filter(({ metadata }) => metadata.name !== name && !inUse.has(metadata.name));
  const surplus = Math.max(0, idle.length - (workload.spec?.revisionHistoryLimit ?? 10));
  return {
    create: current === undefined ? newRevision(workload, { name, number: newest + 1, owner }) : undefined,
    renumber:
      current !== undefined && current.revision < newest
        ? { revision: current, number: newest + 1 }
        : undefined,
    remove: [...idle].sort((a, b) => a.revision - b.revision).slice(0, surplus),
  };
}

function newRevision(
  workload: Versioned,
  { name, number, owner }: { name: string; number: number; owner: { apiVersion: string; kind: string } },
): NewObject<ControllerRevision> {
  const { namespace } = workload.metadata;
  const template = workload.spec!.template;
  return {
    metadata: {
      name,
      namespace,
      labels: { ...template.metadata?.labels, [revisionLabel]: templateHash(template, revisionLabel) },
      ownerReferences: [controllerReference(workload, owner)],
    },
    // kubectl applies this as a strategic merge patch to undo a rollout; "replace" keeps nothing of the newer template.
    data: { spec: { template: { ...template, $patch: 'replace' } } } as ControllerRevision['data'],
    revision: number,
  };
}

export async function applyRevisions(client: KubeClient, plan: RevisionPlan): Promise<void> {
  if (plan.create !== undefined) {
    await client.create(type, plan.create).catch((error: unknown) => {
      if (!isAlreadyExists(error)) throw error;
    });
  }
  if (plan.renumber !== undefined) {
    const { revision, number } = plan.renumber;
    const patch = { type: 'application/merge-patch+json' as const, body: { revision: number } };
    await unlessGone(client.patch(type, revision.metadata, patch));
  }
  await Promise.all(plan.remove.map((revision) => unlessGone(client.delete(type, revision.metadata))));
}

/** Calls `changed` with the key of the workload that a changed revision belongs to. */
export function watchRevisions(
  revisions: Store<ControllerRevision>,
  kind: string,
  changed: (key: string) => void,
): void {
  revisions.onChange(({ old, new: now }) => {
    const { namespace, ownerReferences } = (now ?? old)!.metadata;
    const owner = ownerReferences?.find((reference) => reference.controller && reference.kind === kind);
    if (owner !== undefined) changed(keyOf({ metadata: { namespace, name: owner.name } }));
  });
}
