/** Pods: what the API server adds to them, what may change later, and their graceful deletion. */
import { tryParseIp } from '../../../../net/ip.ts';
import { cloneJson, equalJson, type JsonObject } from '../../json.ts';
import {
  duplicate,
  type FieldError,
  fieldForbidden,
  invalidValue,
  notSupported,
} from '../../validation/field-error.ts';
import type { AdmissionContext, Strategy } from '../resource.ts';
import { ephemeralContainers } from './ephemeral-containers.ts';
import { admitNewPod } from './pod-admission.ts';
import { setPodDefaults } from './pod-defaults.ts';
import { validatePodSpec } from './pod-validation.ts';

/** BestEffort, Burstable or Guaranteed: kubernetes.io/docs/concepts/workloads/pods/pod-qos. */
function qosClassOf(spec: JsonObject): string {
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])] as JsonObject[];
  const asks = (c: JsonObject) =>
    Object.keys({ ...c.resources?.requests, ...c.resources?.limits }).length > 0;
  if (!containers.some(asks)) return 'BestEffort';
  const guaranteed = containers.every((c) =>
    ['cpu', 'memory'].every((r) => {
      const limit = c.resources?.limits?.[r];
      return limit !== undefined && (c.resources?.requests?.[r] ?? limit) === limit;
    }),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

/** The DefaultTolerationSeconds admission plugin's. */
function addDefaultTolerations(spec: JsonObject): void {
  const tolerations = (spec.tolerations ?? []) as JsonObject[];
  for (const condition of ['not-ready', 'unreachable']) {
    const key = `node.kubernetes.io/${condition}`;
    const tolerated = tolerations.some(
      (t) => (!t.key || t.key === key) && (!t.effect || t.effect === 'NoExecute'),
    );
    if (tolerated) continue;
    tolerations.push({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 });
  }
  spec.tolerations = tolerations;
}

function admitPod(pod: JsonObject, old: JsonObject | undefined, context: AdmissionContext): FieldError[] {
  if (old !== undefined) return [];
  addDefaultTolerations(pod.spec);
  admitNewPod(pod, context);
  return [];
}

function prepareForCreate(pod: JsonObject): void {
  pod.status = { phase: 'Pending', qosClass: qosClassOf(pod.spec) };
  if (pod.spec.schedulingGates?.length) {
    const message = 'Scheduling is blocked due to non-empty scheduling gates';
    pod.status.conditions = [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated', message }];
  }
}

/** The spec without what an update may change. */
function fixedPart(spec: JsonObject, like: JsonObject): JsonObject {
  const fixed = cloneJson(spec);
  for (const list of ['containers', 'initContainers']) {
    (fixed[list] ?? []).forEach((container: JsonObject, i: number) => {
      const image = like[list]?.[i]?.image;
      if (image !== undefined) container.image = image;
    });
  }
  fixed.activeDeadlineSeconds = like.activeDeadlineSeconds;
  if (like.terminationGracePeriodSeconds < 0 && fixed.terminationGracePeriodSeconds === 1)
    fixed.terminationGracePeriodSeconds = like.terminationGracePeriodSeconds;
  fixed.schedulingGates = like.schedulingGates;
  const known = (like.tolerations ?? []) as JsonObject[];
  const kept = ((fixed.tolerations ?? []) as JsonObject[]).filter((t) => known.some((k) => equalJson(k, t)));
  if (fixed.tolerations !== undefined) fixed.tolerations = kept;
  return fixed;
}

const updatable =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

function changedPaths(next: unknown, old: unknown, path = 'spec'): string[] {
  if (equalJson(next, old)) return [];
  const bothObjects = [next, old].every((v) => typeof v === 'object' && v !== null);
  if (!bothObjects || Array.isArray(next) !== Array.isArray(old)) return [path];
  const keys = new Set([...Object.keys(next as object), ...Object.keys(old as object)]);
  return [...keys].flatMap((key) => {
    const at = Array.isArray(next) ? `${path}[${key}]` : `${path}.${key}`;
    return changedPaths((next as JsonObject)[key], (old as JsonObject)[key], at);
  });
}

/** It may be set, and come nearer. */
function validateDeadline(next: number | undefined, old: number | undefined): FieldError[] {
  const field = 'spec.activeDeadlineSeconds';
  if (next === undefined)
    return old === undefined
      ? []
      : [invalidValue(field, null, 'must not update from a positive integer to nil value')];
  if (next < 0 || next > 0x7fff_ffff)
    return [invalidValue(field, next, 'must be between 0 and 2147483647, inclusive')];
  if (old === undefined || next <= old) return [];
  return [invalidValue(field, next, 'must be less than or equal to previous value')];
}

/** As ValidatePodStatusUpdate: addresses that are none, or are there twice. */
function validateStatus({ status = {} }: JsonObject): FieldError[] {
  return ((status.podIPs ?? []) as JsonObject[]).flatMap(({ ip }, i) => {
    const field = `status.podIPs[${i}]`;
    if (tryParseIp(ip ?? '') === undefined)
      return [invalidValue(field, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')];
    return status.podIPs.slice(0, i).some((other: JsonObject) => other.ip === ip)
      ? [duplicate(field, ip)]
      : [];
  });
}

function validateUpdate(next: JsonObject, old: JsonObject): FieldError[] {
  const deadline = validateDeadline(next.spec.activeDeadlineSeconds, old.spec.activeDeadlineSeconds);
  if (deadline.length > 0) return deadline;
  const changed = changedPaths(fixedPart(next.spec, old.spec), old.spec);
  return changed.length === 0 ? [] : [fieldForbidden('spec', `${updatable}\nchanged: ${changed.join(', ')}`)];
}

function validate(pod: JsonObject, old?: JsonObject): FieldError[] {
  const phases = ['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'];
  const phase = pod.status?.phase;
  const wrongPhase = phase !== undefined && !phases.includes(phase);
  return [
    ...validatePodSpec(pod.spec, 'spec'),
    ...(old === undefined && pod.spec.ephemeralContainers?.length
      ? [fieldForbidden('spec.ephemeralContainers', 'cannot be set on create')]
      : []),
    ...(wrongPhase ? [notSupported('status.phase', phase, phases)] : []),
  ];
}

/** A pod that no kubelet has, or that has finished, goes at once; the rest when their kubelet says so. */
function gracePeriod(pod: JsonObject, asked: number | undefined): number {
  if (!pod.spec?.nodeName) return 0;
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return 0;
  const seconds = asked ?? pod.spec.terminationGracePeriodSeconds ?? 30;
  return seconds < 0 ? 1 : seconds;
}

export const podStrategy: Strategy = {
  setDefaults: setPodDefaults,
  prepareForCreate,
  admit: admitPod,
  validate,
  validateUpdate,
  validateStatus,
  gracePeriod,
  parts: { ephemeralcontainers: ephemeralContainers },
};
