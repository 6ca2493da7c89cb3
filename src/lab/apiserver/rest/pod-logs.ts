/** GET pods/NAME/log: finds the container and hands over to the kubelet that has it. */
import type { Readable } from 'node:stream';
import { isError } from '../../../util/errors.ts';
import type { JsonObject } from '../json.ts';
import { badRequest, internalError } from '../status.ts';
import { getStored, type ObjectRef, type RestContext } from './rest-context.ts';

export interface PodLogOptions {
  container: string;
  follow: boolean;
  previous: boolean;
  tailLines?: number;
  sinceSeconds?: number;
  limitBytes?: number;
  timestamps: boolean;
}

/** Supplied by the kubelets. The stream is text; with `follow` it goes on until the container ends or it is destroyed. */
export type PodLogs = (
  namespace: string,
  name: string,
  options: PodLogOptions,
) => Readable | Promise<Readable>;

function containerOf(pod: JsonObject, asked: string | null, name: string): string {
  const names = (list: JsonObject[] | undefined) => (list ?? []).map((c) => c.name as string);
  const containers = names(pod.spec.containers);
  const initContainers = names(pod.spec.initContainers);
  if (asked) {
    if ([...containers, ...initContainers].includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  if (containers.length === 1) return containers[0]!;
  const init =
    initContainers.length > 0 ? ` or one of the init containers: [${initContainers.join(' ')}]` : '';
  throw badRequest(
    `a container name must be specified for pod ${name}, choose one of: [${containers.join(' ')}]${init}`,
  );
}

function notRunningYet(pod: JsonObject, container: string): string | undefined {
  const statuses = [
    ...(pod.status?.containerStatuses ?? []),
    ...(pod.status?.initContainerStatuses ?? []),
  ] as JsonObject[];
  const waiting = statuses.find((s) => s.name === container)?.state?.waiting;
  return (
    waiting &&
    `container "${container}" in pod "${pod.metadata.name}" is waiting to start: ${waiting.reason ?? 'ContainerCreating'}`
  );
}

/** What the kubelet cannot give is the client's mistake, not the server's. */
async function fromKubelet(podLogs: PodLogs, ref: ObjectRef, options: PodLogOptions): Promise<Readable> {
  try {
    return await podLogs(ref.namespace!, ref.name, options);
  } catch (error) {
    if (isError(error, 'BAD_INPUT')) throw badRequest((error as Error).message);
    throw error;
  }
}

const numberOf = (query: URLSearchParams, key: string) =>
  query.has(key) ? Number(query.get(key)) : undefined;

export async function readPodLogs(
  context: RestContext,
  ref: ObjectRef,
  query: URLSearchParams,
): Promise<Readable | string> {
  const pod = getStored(context, ref) as JsonObject;
  const container = containerOf(pod, query.get('container'), ref.name);
  if (!pod.spec.nodeName) return '';
  const previous = query.get('previous') === 'true';
  const waiting = notRunningYet(pod, container);
  const ranBefore = ((pod.status?.containerStatuses ?? []) as JsonObject[]).some(
    (s) => s.name === container && s.restartCount > 0,
  );
  if (waiting && !previous && !ranBefore) throw badRequest(waiting);
  if (context.podLogs === undefined) throw internalError('no kubelet supplies logs');
  return fromKubelet(context.podLogs, ref, {
    container,
    previous,
    follow: query.get('follow') === 'true',
    timestamps: query.get('timestamps') === 'true',
    tailLines: numberOf(query, 'tailLines'),
    sinceSeconds: numberOf(query, 'sinceSeconds'),
    limitBytes: numberOf(query, 'limitBytes'),
  });
}
