/** Whose processes a container sees beside its own. */
import type { Pod } from '../../kube/types.ts';
import { TendrilError } from '../../util/errors.ts';
import { pauseId } from './pause.ts';
import { type ContainerRecord, isAlive, type PodRecord } from './pod-record.ts';

/**
 * The process whose PID namespace the container joins: the pod's where its containers share one, that of the target for an
 * ephemeral container that has one. @throws TendrilError BAD_INPUT where the target does not run
 */
export function sharedPidNamespace(
  pod: Pod,
  record: PodRecord,
  { spec, kind }: ContainerRecord,
): string | undefined {
  if (pod.spec?.shareProcessNamespace) return pauseId(pod);
  const { targetContainerName: target } = spec as { targetContainerName?: string };
  if (kind !== 'ephemeral' || !target) return undefined;
  const found = record.containers.find(({ name }) => name === target);
  if (found?.id !== undefined && isAlive(found)) return found.id;
  throw new TendrilError('BAD_INPUT', `unable to find target container ${target}`);
}
