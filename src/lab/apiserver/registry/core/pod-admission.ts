/** What Priority and ServiceAccount admission make of new pods (plugin/pkg/admission/priority, …/serviceaccount). */
import type { JsonObject } from '../../json.ts';
import { forbidden } from '../../status.ts';
import type { AdmissionContext } from '../resource.ts';

const pods = { group: '', plural: 'pods', kind: 'Pod' };
const priorityClasses = 'scheduling.k8s.io/priorityclasses';

function refused({ metadata }: JsonObject, why: string): Error {
  return forbidden(pods, metadata.name || metadata.generateName || 'Unknown', why);
}

interface PriorityClass {
  name: string;
  value: number;
  preemptionPolicy: string;
}

/** Kubernetes' own, which nobody has to make. */
const builtIn: Record<string, number> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
};

const asClass = ({ metadata, value, preemptionPolicy }: JsonObject): PriorityClass => ({
  name: metadata.name,
  value,
  preemptionPolicy: preemptionPolicy ?? 'PreemptLowerPriority',
});

/** Of several defaults the least; of none, no class. */
function defaultClass({ list }: AdmissionContext): PriorityClass {
  const defaults = (list(priorityClasses) as JsonObject[]).filter((c) => c.globalDefault).map(asClass);
  const [least] = defaults.sort((a, b) => a.value - b.value);
  return least ?? { name: '', value: 0, preemptionPolicy: 'PreemptLowerPriority' };
}

function classOf(pod: JsonObject, context: AdmissionContext): PriorityClass {
  const name: string = pod.spec.priorityClassName ?? '';
  if (name === '') return defaultClass(context);
  const found = context.get(priorityClasses, name) as JsonObject | undefined;
  if (found !== undefined) return asClass(found);
  const value = Object.hasOwn(builtIn, name) ? builtIn[name]! : undefined;
  if (value === undefined) throw refused(pod, `no PriorityClass with name ${name} was found`);
  return { name, value, preemptionPolicy: 'PreemptLowerPriority' };
}

/** Throws Forbidden. */
function setPriority(pod: JsonObject, context: AdmissionContext): void {
  const { spec } = pod;
  const { name, value, preemptionPolicy } = classOf(pod, context);
  const computed = 'must not be provided in pod spec; priority admission controller computed';
  if (spec.priority !== undefined && spec.priority !== value)
    throw refused(
      pod,
      `the integer value of priority (${spec.priority}) ${computed} ${value} from the given PriorityClass name`,
    );
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== preemptionPolicy)
    throw refused(
      pod,
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) ${computed} ${preemptionPolicy} from the given PriorityClass name`,
    );
  if (name !== '') spec.priorityClassName = name;
  spec.priority = value;
  spec.preemptionPolicy = preemptionPolicy;
}

/**
 * The account has to be there, but for that which every namespace gets: a pod may come before it. Pull secrets are the
 * account's where the pod has none. Throws Forbidden.
 */
function setServiceAccount(pod: JsonObject, { get }: AdmissionContext): void {
  const { spec, metadata } = pod;
  spec.serviceAccountName ||= 'default';
  spec.serviceAccount = spec.serviceAccountName;
  const name: string = spec.serviceAccountName;
  const account = get('/serviceaccounts', `${metadata.namespace}/${name}`) as JsonObject | undefined;
  if (account === undefined && name !== 'default')
    throw refused(
      pod,
      `error looking up service account ${metadata.namespace}/${name}: serviceaccount "${name}" not found`,
    );
  const { imagePullSecrets = [] } = account ?? {};
  if (!spec.imagePullSecrets?.length && imagePullSecrets.length > 0) spec.imagePullSecrets = imagePullSecrets;
}

/** Of a new pod, in place. Throws Forbidden. */
export function admitNewPod(pod: JsonObject, context: AdmissionContext): void {
  setServiceAccount(pod, context);
  setPriority(pod, context);
}
