/** Rolls Deployments out by making, growing and shrinking their ReplicaSets. */
import { isAlreadyExists } from '../../../kube/client/api-error.ts';
import { controllerOf, keyOf, type NewObject } from '../../../kube/meta.ts';
import { apiVersionOf, resources } from '../../../kube/resources.ts';
import { compileSelector } from '../../../kube/selectors.ts';
import type { Deployment, PodTemplateSpec, ReplicaSet } from '../../../kube/types.ts';
import { ownerUids, podsByOwner } from '../pods/pod-family.ts';
import { isFinished } from '../pods/pod-state.ts';
import { controllerReference, templateHash } from '../pods/pod-template.ts';
import {
  type Controller,
  type ControllerContext,
  keyedController,
  unlessGone,
} from '../runtime/controller.ts';
import { writeStatus } from '../runtime/status-writer.ts';
import { type DeploymentPlan, planDeployment, type ReplicaSetUpdate } from './plan.ts';
import { hashLabel, revisionAnnotation } from './revision.ts';
import { sizeOf } from './rollout.ts';

const type = resources.deployments;
const reference = { apiVersion: apiVersionOf(type), kind: type.kind };
const component = 'deployment-controller';
const mergePatch = 'application/merge-patch+json';

export function deploymentController(context: ControllerContext): Controller {
  const { informers, clock } = context;
  const deployments = informers.store(type);
  const replicaSets = informers.store(resources.replicaSets);
  const pods = podsByOwner(informers);
  deployments.addIndex('namespace', (deployment) => [deployment.metadata.namespace ?? '']);
  replicaSets.addIndex('owner', ownerUids);
  replicaSets.addIndex('orphan', (rs) =>
    controllerOf(rs) === undefined ? [rs.metadata.namespace ?? ''] : [],
  );

  const { controller, queue } = keyedController(context, {
    name: component,
    async sync(key, queue) {
      const deployment = deployments.get(key);
      if (deployment === undefined) return;
      await adoptOrphans(
        context,
        deployment,
        replicaSets.byIndex('orphan', deployment.metadata.namespace ?? ''),
      );
      const plan = planDeployment({
        deployment,
        replicaSets: replicaSets.byIndex('owner', deployment.metadata.uid),
        hasPods: (replicaSet) =>
          pods.byIndex('owner', replicaSet.metadata.uid).some((pod) => !isFinished(pod)),
        now: clock.now(),
      });
      if (plan.recheckMs !== undefined && plan.recheckMs > 0) queue.addAfter(key, plan.recheckMs);
      await apply(context, deployment, plan);
    },
  });

  const ownerKey = (replicaSet: ReplicaSet | undefined) => {
    const owner = replicaSet === undefined ? undefined : controllerOf(replicaSet);
    return owner?.kind === type.kind
      ? keyOf({ metadata: { namespace: replicaSet!.metadata.namespace, name: owner.name } })
      : undefined;
  };
  deployments.onChange(({ old, new: now }) => queue.add(keyOf((now ?? old)!)));
  replicaSets.onChange(({ old, new: now }) => {
    for (const key of new Set([ownerKey(old), ownerKey(now)])) if (key !== undefined) queue.add(key);
    if (now === undefined || controllerOf(now) !== undefined) return;
    for (const deployment of deployments.byIndex('namespace', now.metadata.namespace ?? ''))
      queue.add(keyOf(deployment));
  });
  // Recreate waits for the last pod of the old ReplicaSets.
  pods.onChange(({ old, new: now }) => {
    const owner = now === undefined && old !== undefined ? controllerOf(old) : undefined;
    if (owner?.kind !== 'ReplicaSet') return;
    const key = keyOf({ metadata: { namespace: old!.metadata.namespace, name: owner.name } });
    const deployment = ownerKey(replicaSets.get(key));
    if (deployment !== undefined) queue.add(deployment);
  });
  return controller;
}

async function apply(
  context: ControllerContext,
  deployment: Deployment,
  plan: DeploymentPlan,
): Promise<void> {
  const { client } = context;
  let { status } = plan;
  if (plan.create !== undefined && !(await createReplicaSet(context, deployment, plan.create))) {
    status = { ...status, collisionCount: (deployment.status?.collisionCount ?? 0) + 1 };
  }
  await Promise.all(plan.update.map((update) => updateReplicaSet(context, deployment, update)));
  await Promise.all(
    plan.remove.map((replicaSet) => unlessGone(client.delete(resources.replicaSets, replicaSet.metadata))),
  );
  if (plan.revision !== undefined) {
    const body = { metadata: { annotations: { [revisionAnnotation]: plan.revision } } };
    await unlessGone(client.patch(type, deployment.metadata, { type: mergePatch, body }));
  }
  await writeStatus(client, type, { object: deployment, status });
}

/** False where the name is taken by a ReplicaSet of another template. */
async function createReplicaSet(
  { client, events }: ControllerContext,
  deployment: Deployment,
  replicaSet: NewObject<ReplicaSet>,
): Promise<boolean> {
  try {
    const created = await client.create(resources.replicaSets, replicaSet);
    const message = `Scaled up replica set ${created.metadata.name} from 0 to ${replicaSet.spec?.replicas ?? 1}`;
    events.record(deployment, { type: 'Normal', reason: 'ScalingReplicaSet', message, component });
    return true;
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const { namespace, name } = replicaSet.metadata as ReplicaSet['metadata'];
    const existing = await client.get(resources.replicaSets, { namespace, name });
    const ours = controllerOf(existing)?.uid === deployment.metadata.uid;
    // Ours already: the store has not seen it yet, and its arrival leads to another sync.
    const hash = (template: PodTemplateSpec | undefined) => templateHash(template ?? {}, hashLabel);
    return ours && hash(existing.spec?.template) === hash(deployment.spec?.template);
  }
}

async function updateReplicaSet(
  { client, events }: ControllerContext,
  deployment: Deployment,
  { replicaSet, replicas, annotations }: ReplicaSetUpdate,
): Promise<void> {
  const { name, uid } = replicaSet.metadata;
  const body = { metadata: { uid, annotations }, spec: { replicas } };
  await unlessGone(client.patch(resources.replicaSets, replicaSet.metadata, { type: mergePatch, body }));
  const before = sizeOf(replicaSet);
  if (replicas === before) return;
  const message = `Scaled ${replicas > before ? 'up' : 'down'} replica set ${name} from ${before} to ${replicas}`;
  events.record(deployment, { type: 'Normal', reason: 'ScalingReplicaSet', message, component });
}

async function adoptOrphans(
  { client }: ControllerContext,
  deployment: Deployment,
  orphans: readonly ReplicaSet[],
): Promise<void> {
  if (orphans.length === 0 || deployment.metadata.deletionTimestamp) return;
  const matches = compileSelector(deployment.spec?.selector);
  for (const { metadata } of orphans.filter(
    (orphan) => matches(orphan.metadata.labels) && !orphan.metadata.deletionTimestamp,
  )) {
    const ownerReferences = [...(metadata.ownerReferences ?? []), controllerReference(deployment, reference)];
    const body = { metadata: { uid: metadata.uid, ownerReferences } };
    await unlessGone(client.patch(resources.replicaSets, metadata, { type: mergePatch, body }));
  }
}
