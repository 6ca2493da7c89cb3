/** Keeps one pod of every DaemonSet on every node that it is for. */
import { deepEqual } from '../../../kube/deep-equal.ts';
import { keyOf, type NewObject } from '../../../kube/meta.ts';
import { resources } from '../../../kube/resources.ts';
import type { DaemonSet, Node, Pod } from '../../../kube/types.ts';
import { createPodControl } from '../pods/pod-control.ts';
import { familyOf, podsByOwner, watchFamilies } from '../pods/pod-family.ts';
import { controllerReference, podOf, templateHash } from '../pods/pod-template.ts';
import {
  applyRevisions,
  planRevisions,
  revisionLabel,
  revisionStore,
  watchRevisions,
} from '../revisions/revision-history.ts';
import { type Controller, type ControllerContext, keyedController } from '../runtime/controller.ts';
import { Expectations } from '../runtime/expectations.ts';
import { writeStatus } from '../runtime/status-writer.ts';
import { daemonSpec, specForNode } from './placement.ts';
import { planDaemonSet } from './plan.ts';

const type = resources.daemonSets;
const reference = { apiVersion: 'apps/v1', kind: 'DaemonSet' };
const component = 'daemonset-controller';

export function daemonSetController(context: ControllerContext): Controller {
  const { client, informers, clock } = context;
  const sets = informers.store(type);
  const nodes = informers.store(resources.nodes);
  const pods = podsByOwner(informers);
  const revisions = revisionStore(informers);
  const expectations = new Expectations(clock);
  const podControl = createPodControl(context, { component, type: reference, keyOf, expectations });

  const { controller, queue } = keyedController(context, {
    name: component,
    async sync(key, queue) {
      const set = sets.get(key);
      if (set === undefined) return;
      const family = familyOf(set, pods);
      await podControl.settle(set, family);
      const members = [...family.owned, ...family.adopt];
      const hash = templateHash(set.spec!.template, revisionLabel);
      const inUse = new Set(
        members.map((pod) => `${set.metadata.name}-${pod.metadata.labels?.[revisionLabel]}`),
      );
      const own = revisions.byIndex('owner', set.metadata.uid);
      await applyRevisions(client, planRevisions(set, { revisions: own, inUse, owner: reference }));
      const settled = expectations.satisfied(key);
      const plan = planDaemonSet({
        set,
        nodes: nodes.list(),
        pods: members,
        hash,
        settled,
        now: clock.now(),
      });
      if (plan.recheckMs !== undefined) queue.addAfter(key, plan.recheckMs);
      const results = await Promise.allSettled([
        ...plan.remove.map((pod) => podControl.remove(set, pod)),
        ...plan.create.map((node) => podControl.create(set, newPod(set, { node, hash }))),
      ]);
      await writeStatus(client, type, { object: set, status: plan.status });
      const failed = results.find((result) => result.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
  });

  watchFamilies({ pods, workloads: sets, type, expectations, changed: queue.add });
  watchRevisions(revisions, type.kind, queue.add);
  nodes.onChange(({ old, new: now }) => {
    if (deepEqual(relevant(old), relevant(now))) return;
    for (const set of sets.list()) queue.add(keyOf(set));
  });
  return controller;
}

/** Heartbeats change nothing about where daemons run. */
function relevant(node: Node | undefined): unknown {
  return node && [node.metadata.labels, node.spec?.taints, node.spec?.unschedulable];
}

function newPod(set: DaemonSet, { node, hash }: { node: string; hash: string }): NewObject<Pod> {
  const { namespace, name } = set.metadata;
  const template = set.spec!.template;
  const pod = podOf(template, { namespace, owner: controllerReference(set, reference) });
  const labels = { ...pod.metadata.labels, [revisionLabel]: hash };
  return {
    ...pod,
    metadata: { ...pod.metadata, generateName: `${name}-`, labels },
    spec: specForNode(daemonSpec(template), node),
  };
}
