/** Keeps the pods of StatefulSets, each with its own name. */
import { isAlreadyExists } from '../../../kube/client/api-error.ts';
import { keyOf } from '../../../kube/meta.ts';
import { resources } from '../../../kube/resources.ts';
import type { ControllerRevision, Pod, StatefulSet } from '../../../kube/types.ts';
import { createPodControl, type PodControl } from '../pods/pod-control.ts';
import { type Family, familyOf, podsByOwner, watchFamilies } from '../pods/pod-family.ts';
import {
  applyRevisions,
  planRevisions,
  revisionLabel,
  revisionName,
  revisionStore,
  templateOf,
  watchRevisions,
} from '../revisions/revision-history.ts';
import { type Controller, type ControllerContext, keyedController } from '../runtime/controller.ts';
import { Expectations } from '../runtime/expectations.ts';
import { writeStatus } from '../runtime/status-writer.ts';
import { newPod, ordinalOf, reference } from './identity.ts';
import { planStatefulSet, type StatefulSetPlan } from './plan.ts';

const type = resources.statefulSets;
const component = 'statefulset-controller';

export function statefulSetController(context: ControllerContext): Controller {
  const { client, informers, clock } = context;
  const sets = informers.store(type);
  const pods = podsByOwner(informers);
  const revisions = revisionStore(informers);
  const expectations = new Expectations(clock);
  const podControl = createPodControl(context, { component, type: reference, keyOf, expectations });

  const { controller, queue } = keyedController(context, {
    name: component,
    async sync(key, queue) {
      const set = sets.get(key);
      if (set === undefined || !expectations.satisfied(key)) return;
      const family = membersOf(set, familyOf(set, pods));
      await podControl.settle(set, family);
      const members = [...family.owned, ...family.adopt];
      const own = revisions.byIndex('owner', set.metadata.uid);
      const inUse = new Set([set.status?.currentRevision ?? '', ...members.map(revisionOf)]);
      await applyRevisions(client, planRevisions(set, { revisions: own, inUse, owner: reference }));
      const plan = planStatefulSet({
        set,
        pods: members,
        updateRevision: revisionName(set),
        now: clock.now(),
      });
      if (plan.recheckMs !== undefined) queue.addAfter(key, plan.recheckMs);
      sayOnce(set);
      await apply(podControl, { set, plan, revisions: own }).finally(() =>
        writeStatus(client, type, { object: set, status: plan.status }),
      );
    },
  });

  const told = new WeakSet<object>();
  const sayOnce = (set: StatefulSet) => {
    if (!set.spec?.volumeClaimTemplates?.length || set.status?.observedGeneration || told.has(set)) return;
    told.add(set);
    const message =
      'volumeClaimTemplates are stood in for by empty directories: there are no persistent volumes here';
    context.events.record(set, { type: 'Warning', reason: 'VolumesStoodIn', message, component });
  };
  watchFamilies({ pods, workloads: sets, type, expectations, changed: queue.add });
  watchRevisions(revisions, type.kind, queue.add);
  return controller;
}

const revisionOf = (pod: Pod) => pod.metadata.labels?.[revisionLabel] ?? '';

/** Only pods with names of the set are its own to adopt. */
function membersOf(set: StatefulSet, family: Family): Family {
  return { ...family, adopt: family.adopt.filter((pod) => ordinalOf(set, pod) !== undefined) };
}

interface ApplyInput {
  set: StatefulSet;
  plan: StatefulSetPlan;
  revisions: readonly ControllerRevision[];
}

async function apply(control: PodControl, { set, plan, revisions }: ApplyInput): Promise<void> {
  const template = (name: string) =>
    templateOf(revisions.find((revision) => revision.metadata.name === name)) ?? set.spec!.template;
  await Promise.all([
    ...plan.remove.map((pod) => control.remove(set, pod)),
    ...plan.create.map(({ ordinal, revision }) =>
      control
        .create(set, newPod(set, ordinal, { revision, template: withoutDirective(template(revision)) }))
        .catch(ignoreExisting),
    ),
  ]);
}

/** A revision's template carries a directive for patches, which is no part of it. */
function withoutDirective<T extends object>(template: T): T {
  const { $patch: _, ...rest } = template as T & { $patch?: string };
  return rest as T;
}

/** A pod of that name is still there, or the store has not shown it yet: its change leads to another sync. */
function ignoreExisting(error: unknown): void {
  if (!isAlreadyExists(error)) throw error;
}
