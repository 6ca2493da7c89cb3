/** A pod's whole status, as its node reports it: pure, from the object and the record. */
import type { Pod } from '../../kube/types.ts';
import { containerStatus, time } from './container-status.ts';
import { podConditions } from './pod-conditions.ts';
import { podPhase } from './pod-phase.ts';
import { type ContainerRecord, isInit, type PodRecord } from './pod-record.ts';
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
  const of = (is: (container: ContainerRecord) => boolean) =>
    record.containers.filter(is).map((c) => containerStatus(c, record));
  const inits = of(isInit);
  const ephemeral = of(({ kind }) => kind === 'ephemeral');
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
    containerStatuses: of(({ kind }) => kind === 'main'),
    ...(inits.length > 0 ? { initContainerStatuses: inits } : {}),
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral } : {}),
  };
}
