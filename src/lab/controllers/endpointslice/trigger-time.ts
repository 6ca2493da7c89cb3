/**
 * When what changed a Service's endpoints happened: readers measure from it how long the change took to reach them.
 * Source: kubernetes staging/src/k8s.io/endpointslice/util/trigger_time_tracker.go.
 */
import { keyOf } from '../../../kube/meta.ts';
import type { Pod, Service } from '../../../kube/types.ts';
import { conditionOf } from '../pods/pod-state.ts';

export const triggerTimeAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';

interface Seen {
  service: string;
  /** By the pod's name. */
  pods: Map<string, string>;
}

export class TriggerTimes {
  readonly #seen = new Map<string, Seen>();

  /**
   * For a sync of the Service with these pods: the earliest of the times that changed since the one before. A pod's time
   * is that of its Ready condition's last transition. Undefined where none changed, as when a pod is deleted.
   */
  next(service: Service, pods: readonly Pod[]): string | undefined {
    const key = keyOf(service);
    const before = this.#seen.get(key);
    const created = service.metadata.creationTimestamp ?? '';
    const now: Seen = { service: created, pods: new Map() };
    const changed: string[] = isLater(created, before?.service) ? [created] : [];
    for (const pod of pods) {
      const time = conditionOf(pod, 'Ready')?.lastTransitionTime ?? undefined;
      if (time === undefined) continue;
      now.pods.set(pod.metadata.name, time);
      if (isLater(time, before?.pods.get(pod.metadata.name))) changed.push(time);
    }
    this.#seen.set(key, now);
    // A Service that was not known has changed when it was made, however old its pods are.
    if (before === undefined) return created === '' ? undefined : created;
    return changed.sort((a, b) => Date.parse(a) - Date.parse(b))[0];
  }

  /** The Service is gone. */
  forget(key: string): void {
    this.#seen.delete(key);
  }
}

function isLater(time: string, than: string | undefined): boolean {
  return than === undefined ? time !== '' : Date.parse(time) > Date.parse(than);
}

/** Annotations with the time, or without the one of an earlier change. */
export function withTriggerTime(
  annotations: Record<string, string> | undefined,
  time: string | undefined,
): Record<string, string> | undefined {
  const { [triggerTimeAnnotation]: _, ...others } = annotations ?? {};
  const all = time === undefined ? others : { ...others, [triggerTimeAnnotation]: time };
  return Object.keys(all).length > 0 ? all : undefined;
}
