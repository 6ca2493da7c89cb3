/** Pods as `kubectl get` shows them (pkg/printers/internalversion, printPod). */
import type { JsonObject } from '../json.ts';
import { ageColumn, type Column, column, humanDuration, nameColumn, orNone, wide } from './column.ts';

const restartable = (container: JsonObject) => container.restartPolicy === 'Always';

function terminatedText({ reason, signal, exitCode }: JsonObject, prefix = ''): string {
  if (reason) return `${prefix}${reason}`;
  return signal ? `${prefix}Signal:${signal}` : `${prefix}ExitCode:${exitCode}`;
}

/** The first init container that is not done decides; undefined when all are. */
function initStatus(pod: JsonObject): string | undefined {
  const specs = (pod.spec?.initContainers ?? []) as JsonObject[];
  for (const [i, status] of ((pod.status?.initContainerStatuses ?? []) as JsonObject[]).entries()) {
    const { terminated, waiting } = status.state ?? {};
    if (terminated?.exitCode === 0) continue;
    const spec = specs.find((s) => s.name === status.name);
    if (spec && restartable(spec) && status.started) continue;
    if (terminated) return terminatedText(terminated, 'Init:');
    if (waiting?.reason && waiting.reason !== 'PodInitializing') return `Init:${waiting.reason}`;
    return `Init:${i}/${specs.length}`;
  }
  return undefined;
}

const isReady = (pod: JsonObject) =>
  ((pod.status?.conditions ?? []) as JsonObject[]).some((c) => c.type === 'Ready' && c.status === 'True');

/** The last container with something to say, from the end as Kubernetes looks. */
function containersStatus(pod: JsonObject, phase: string): string {
  let reason = phase;
  let running = false;
  for (const status of ((pod.status?.containerStatuses ?? []) as JsonObject[]).toReversed()) {
    const { waiting, terminated } = status.state ?? {};
    if (waiting?.reason) reason = waiting.reason;
    else if (terminated) reason = terminatedText(terminated);
    else if (status.ready && status.state?.running) running = true;
  }
  if (reason === 'Completed' && running) return isReady(pod) ? 'Running' : 'NotReady';
  return reason;
}

/** The STATUS column. */
export function podStatusText(pod: JsonObject): string {
  let reason = pod.status?.reason || pod.status?.phase || 'Unknown';
  const scheduled = ((pod.status?.conditions ?? []) as JsonObject[]).find((c) => c.type === 'PodScheduled');
  if (scheduled?.reason === 'SchedulingGated') reason = 'SchedulingGated';
  reason = initStatus(pod) ?? containersStatus(pod, reason);
  if (!pod.metadata.deletionTimestamp) return reason;
  if (pod.status?.reason === 'NodeLost') return 'Unknown';
  const finished = pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';
  return finished ? reason : 'Terminating';
}

function readyText(pod: JsonObject): string {
  const sidecars = ((pod.spec?.initContainers ?? []) as JsonObject[]).filter(restartable).map((c) => c.name);
  const total = (pod.spec?.containers?.length ?? 0) + sidecars.length;
  const statuses = [
    ...((pod.status?.initContainerStatuses ?? []) as JsonObject[]).filter((s) => sidecars.includes(s.name)),
    ...((pod.status?.containerStatuses ?? []) as JsonObject[]),
  ];
  return `${statuses.filter((s) => s.ready).length}/${total}`;
}

function restartsText(pod: JsonObject, now: number): string {
  const of =
    initStatus(pod) === undefined ? pod.status?.containerStatuses : pod.status?.initContainerStatuses;
  const statuses = (of ?? []) as JsonObject[];
  const count = statuses.reduce((sum, s) => sum + (s.restartCount ?? 0), 0);
  const times = statuses
    .map((s) => s.lastState?.terminated?.finishedAt)
    .filter(Boolean)
    .map((t) => Date.parse(t));
  return count > 0 && times.length > 0
    ? `${count} (${humanDuration(now - Math.max(...times))} ago)`
    : String(count);
}

function readinessGatesText(pod: JsonObject): string {
  const gates = (pod.spec?.readinessGates ?? []) as JsonObject[];
  if (gates.length === 0) return '<none>';
  const conditions = (pod.status?.conditions ?? []) as JsonObject[];
  const met = gates.filter((g) => conditions.some((c) => c.type === g.conditionType && c.status === 'True'));
  return `${met.length}/${gates.length}`;
}

export const podColumns: readonly Column[] = [
  nameColumn,
  column('Ready', readyText, 'The aggregate readiness state of this pod for accepting traffic.'),
  column('Status', podStatusText, 'The aggregate status of the containers in this pod.'),
  column(
    'Restarts',
    restartsText,
    'The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.',
  ),
  ageColumn,
  wide('IP', (pod) => orNone(pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP)),
  wide('Node', (pod) => orNone(pod.spec?.nodeName)),
  wide('Nominated Node', (pod) => orNone(pod.status?.nominatedNodeName)),
  wide('Readiness Gates', readinessGatesText),
];
