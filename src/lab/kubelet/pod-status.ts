/** A pod's whole status, as its node reports it: pure, from the object and the record. */
import type { Pod } from '../../kube/types.ts';
import { containerStatus, time } from './container-status.ts';
import { podConditions } from './pod-conditions.ts';
import { podPhase } from './pod-phase.ts';
import type { PodRecord } from './pod-record.ts';
import { qosClass } from './qos-class.ts';

export type PodStatus = NonNullable<Pod['status']>;

export interface StatusInput {
  pod: Pod;
  record: PodRecord;
  /** The node's addresses, primary first. */
  hostIps: readonly string[];
  now: number;
  /** What was last reported for this pod. */
  previous?: PodStatus;
}

export function podStatus({
  pod,
  record,
  hostIps,
  now,
  previous = pod.status ?? {},
}: StatusInput): PodStatus {
  const phase = podPhase(pod, record);
  const of = (init: boolean) =>
    record.containers.filter((c) => (c.kind === 'main') !== init).map((c) => containerStatus(c, record));
  const inits = of(true);
  return {
    phase,
    ...(record.verdict ? { reason: record.verdict.reason, message: record.verdict.message } : {}),
    ...(pod.metadata.generation !== undefined ? { observedGeneration: pod.metadata.generation } : {}),
    conditions: podConditions(pod, record, { phase, now: time(now), previous: previous.conditions ?? [] }),
    hostIP: hostIps[0],
    hostIPs: hostIps.map((ip) => ({ ip })),
    ...(record.ips.length > 0 ? { podIP: record.ips[0], podIPs: record.ips.map((ip) => ({ ip })) } : {}),
    startTime: pod.status?.startTime ?? time(record.startTime),
    qosClass: pod.status?.qosClass ?? qosClass(pod),
    containerStatuses: of(false),
    ...(inits.length > 0 ? { initContainerStatuses: inits } : {}),
  };
}
