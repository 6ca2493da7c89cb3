/** Finds the pod that a user means: by name, or by what selects it (`deploy/cart`, `svc/cart`). */
import { resourcePath, resources } from '../../kube/resources.ts';
import type { Pod, Service } from '../../kube/types.ts';
import { TendrilError } from '../../util/errors.ts';
import type { ApiSession } from './session.ts';

interface Selecting {
  spec?: { selector?: { matchLabels?: Record<string, string> } & Record<string, unknown> };
}

/** @throws ApiError NotFound, TendrilError BAD_INPUT when nothing is selected */
export async function findPod(session: ApiSession, word: string, namespace: string): Promise<Pod> {
  const [kind, name] = word.includes('/') ? (word.split('/', 2) as [string, string]) : ['pod', word];
  const resource = (await session.discovery()).byName(kind)[0]!;
  const found = await session.api.send({ method: 'GET', path: resourcePath(resource, { namespace, name }) });
  if (resource.kind === 'Pod') return found as Pod;
  const pods = await podsBySelector(session, selectorOf(found as Selecting), namespace);
  const pod = pods.toSorted((a, b) => Number(isReady(b)) - Number(isReady(a)))[0];
  if (pod === undefined)
    throw new TendrilError('BAD_INPUT', `${word} selects no pod in namespace ${namespace}`);
  return pod;
}

/** Pods of a Service that can be connected to, ready ones. */
export async function readyPodsOf(session: ApiSession, service: Service): Promise<Pod[]> {
  const pods = await podsBySelector(
    session,
    (service.spec?.selector ?? {}) as Record<string, string>,
    service.metadata.namespace!,
  );
  return pods.filter(isReady);
}

function selectorOf({ spec }: Selecting): Record<string, string> {
  return spec?.selector?.matchLabels ?? (spec?.selector as Record<string, string> | undefined) ?? {};
}

async function podsBySelector(
  session: ApiSession,
  labels: Record<string, string>,
  namespace: string,
): Promise<Pod[]> {
  const selector = Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  if (selector === '') return [];
  const path = `${resourcePath(resources.pods, { namespace })}?labelSelector=${encodeURIComponent(selector)}`;
  const { items } = (await session.api.send({ method: 'GET', path })) as { items: Pod[] };
  return items.filter((pod) => pod.metadata.deletionTimestamp === undefined);
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

/**
 * The container that a user means: the named one, or the pod's first.
 * @throws TendrilError BAD_INPUT
 */
export function chooseContainer(pod: Pod, name: string | undefined): string {
  const names = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].map(
    (container) => container.name,
  );
  if (name === undefined)
    return pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'] ?? names[0]!;
  if (names.includes(name)) return name;
  throw new TendrilError(
    'BAD_INPUT',
    `pod ${pod.metadata.name} has no container "${name}"; it has ${names.join(', ')}`,
  );
}
