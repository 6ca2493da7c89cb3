/** Workloads as `kubectl get` shows them. */
import { formatSelector } from '../../../kube/selectors.ts';
import type { JsonObject } from '../json.ts';
import {
  ageColumn,
  type Column,
  column,
  humanDuration,
  integer,
  mapText,
  nameColumn,
  orNone,
  since,
  wide,
} from './column.ts';

const selectorOf = (spec: JsonObject) => orNone(spec?.selector && formatSelector(spec.selector));

/** Of the pods that a spec makes: `specOf` finds it in an object. */
function containerColumns(specOf: (o: JsonObject) => JsonObject): Column[] {
  const each = (o: JsonObject, field: 'name' | 'image') =>
    ((specOf(o)?.template?.spec?.containers ?? []) as JsonObject[]).map((c) => c[field]).join(',');
  return [wide('Containers', (o) => each(o, 'name')), wide('Images', (o) => each(o, 'image'))];
}

const templateColumns = containerColumns(({ spec }) => spec);
const selectorColumn = wide('Selector', ({ spec }) => selectorOf(spec));

/** Of the scale subresource. */
export const scaleColumns: readonly Column[] = [
  nameColumn,
  integer('Desired', ({ spec }) => spec.replicas ?? 0),
  integer('Available', ({ status }) => status.replicas ?? 0),
  ageColumn,
];

export const deploymentColumns: readonly Column[] = [
  nameColumn,
  column('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`),
  integer('Up-to-date', ({ status }) => status?.updatedReplicas ?? 0),
  integer('Available', ({ status }) => status?.availableReplicas ?? 0),
  ageColumn,
  ...templateColumns,
  selectorColumn,
];

export const replicaSetColumns: readonly Column[] = [
  nameColumn,
  integer('Desired', ({ spec }) => spec?.replicas ?? 0),
  integer('Current', ({ status }) => status?.replicas ?? 0),
  integer('Ready', ({ status }) => status?.readyReplicas ?? 0),
  ageColumn,
  ...templateColumns,
  selectorColumn,
];

export const statefulSetColumns: readonly Column[] = [
  nameColumn,
  column('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`),
  ageColumn,
  ...templateColumns,
];

export const daemonSetColumns: readonly Column[] = [
  nameColumn,
  integer('Desired', ({ status }) => status?.desiredNumberScheduled ?? 0),
  integer('Current', ({ status }) => status?.currentNumberScheduled ?? 0),
  integer('Ready', ({ status }) => status?.numberReady ?? 0),
  integer('Up-to-date', ({ status }) => status?.updatedNumberScheduled ?? 0),
  integer('Available', ({ status }) => status?.numberAvailable ?? 0),
  column('Node Selector', ({ spec }) => mapText(spec?.template?.spec?.nodeSelector)),
  ageColumn,
  ...templateColumns,
  selectorColumn,
];

export const controllerRevisionColumns: readonly Column[] = [
  nameColumn,
  column('Controller', ({ metadata }) => {
    const owner = (metadata.ownerReferences ?? []).find((o: JsonObject) => o.controller);
    if (!owner) return '<none>';
    const group = String(owner.apiVersion).split('/')[0];
    return `${String(owner.kind).toLowerCase()}.${group}/${owner.name}`;
  }),
  integer('Revision', (o) => o.revision ?? 0),
  ageColumn,
];

/** As printers.go has it. */
function jobStatus({ status, metadata }: JsonObject): string {
  const holds = (type: string) =>
    status?.conditions?.some((c: JsonObject) => c.type === type && c.status === 'True') === true;
  for (const type of ['Complete', 'Failed']) if (holds(type)) return type;
  if (metadata.deletionTimestamp) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(holds) ?? 'Running';
}

function jobCompletions({ spec, status }: JsonObject): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  return spec?.parallelism > 1 ? `${succeeded}/1 of ${spec.parallelism}` : `${succeeded}/1`;
}

function jobDuration({ status }: JsonObject, now: number): string {
  if (!status?.startTime) return '';
  const end = status.completionTime ? Date.parse(status.completionTime) : now;
  return humanDuration(end - Date.parse(status.startTime));
}

export const jobColumns: readonly Column[] = [
  nameColumn,
  column('Status', jobStatus),
  column('Completions', jobCompletions),
  column('Duration', jobDuration),
  ageColumn,
  ...templateColumns,
  selectorColumn,
];

const jobSpecOf = ({ spec }: JsonObject): JsonObject => spec?.jobTemplate?.spec;

export const cronJobColumns: readonly Column[] = [
  nameColumn,
  column('Schedule', ({ spec }) => spec?.schedule ?? ''),
  column('Timezone', ({ spec }) => orNone(spec?.timeZone)),
  { ...column('Suspend', ({ spec }) => (spec?.suspend ? 'True' : 'False')), type: 'boolean' },
  integer('Active', ({ status }) => status?.active?.length ?? 0),
  column('Last Schedule', ({ status }, now) =>
    status?.lastScheduleTime ? since(status.lastScheduleTime, now) : '<none>',
  ),
  ageColumn,
  ...containerColumns(jobSpecOf),
  wide('Selector', (o) => selectorOf(jobSpecOf(o))),
];
