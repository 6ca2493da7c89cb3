/** The changes that controllers make to pods, with the events that tell of them. */
import type { KubeObject, NewObject } from '../../../kube/meta.ts';
import { resources } from '../../../kube/resources.ts';
import type { Pod } from '../../../kube/types.ts';
import { describeError } from '../../../util/errors.ts';
import { type ControllerContext, unlessGone } from '../runtime/controller.ts';
import type { Expectations } from '../runtime/expectations.ts';
import type { Family, Workload } from './pod-family.ts';
import { controllerReference } from './pod-template.ts';

export interface PodControl {
  create(owner: KubeObject, pod: NewObject<Pod>): Promise<void>;
  remove(owner: KubeObject, pod: Pod): Promise<void>;
  /** Adopts orphans and releases strangers. */
  settle(owner: Workload, family: Family): Promise<void>;
}

export interface PodControlOptions {
  component: string;
  type: { apiVersion: string; kind: string };
  keyOf: (owner: KubeObject) => string;
  expectations?: Expectations;
}

const mergePatch = 'application/merge-patch+json';

export function createPodControl(context: ControllerContext, options: PodControlOptions): PodControl {
  const { client, events } = context;
  const { component, type, keyOf, expectations } = options;
  const say = (owner: KubeObject, reason: string, message: string) =>
    events.record(owner, {
      type: reason.startsWith('Failed') ? 'Warning' : 'Normal',
      reason,
      message,
      component,
    });

  const setOwners = (pod: Pod, ownerReferences: object[] | null) =>
    unlessGone(
      client.patch(resources.pods, pod.metadata, {
        type: mergePatch,
        body: { metadata: { uid: pod.metadata.uid, ownerReferences } },
      }),
    );

  return {
    async create(owner, pod) {
      expectations?.expectCreations(keyOf(owner), 1);
      try {
        const created = await client.create(resources.pods, pod);
        say(owner, 'SuccessfulCreate', `Created pod: ${created.metadata.name}`);
      } catch (error) {
        expectations?.creationSeen(keyOf(owner));
        say(owner, 'FailedCreate', `Error creating: ${describeError(error)}`);
        throw error;
      }
    },
    async remove(owner, pod) {
      const { uid, name } = pod.metadata;
      expectations?.expectDeletion(keyOf(owner), uid);
      try {
        await unlessGone(client.delete(resources.pods, pod.metadata, { preconditions: { uid } }));
        say(owner, 'SuccessfulDelete', `Deleted pod: ${name}`);
      } catch (error) {
        expectations?.deletionSeen(keyOf(owner), uid);
        say(owner, 'FailedDelete', `Error deleting: ${describeError(error)}`);
        throw error;
      }
    },
    async settle(owner, { adopt, release }) {
      const { uid } = owner.metadata;
      const others = (pod: Pod) =>
        (pod.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== uid);
      await Promise.all([
        ...adopt.map((pod) => setOwners(pod, [...others(pod), controllerReference(owner, type)])),
        ...release.map((pod) => setOwners(pod, others(pod).length > 0 ? others(pod) : null)),
      ]);
    },
  };
}
