/** GET pods/NAME/log: finds the container and hands over to the kubelet that has it. */
import type { Readable } from 'node:stream';
import { isError } from '../../../util/errors.ts';
import type { JsonObject } from '../json.ts';
import { badRequest, internalError, invalid } from '../status.ts';
import { type FieldError, fieldForbidden, invalidValue } from '../validation/field-error.ts';
import { firstBytes } from './limited-stream.ts';
import { integerIn } from './query.ts';
import { getStored, type ObjectRef, type RestContext } from './rest-context.ts';

export interface PodLogOptions {
  container: string;
  follow: boolean;
  previous: boolean;
  tailLines?: number;
  /** Only what was written then or later, in ms since 1970. */
  since?: number;
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
    const ephemeral = names(pod.spec.ephemeralContainers);
    if ([...containers, ...initContainers, ...ephemeral].includes(asked)) return asked;
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
    ...(pod.status?.ephemeralContainerStatuses ?? []),
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

interface LogLimits {
  tailLines?: number;
  limitBytes?: number;
  since?: number;
}

/**
 * From when on lines are wanted, in ms since 1970. A time is taken to the second, as the API's own type has it.
 * @throws ApiError BadRequest
 */
export function logSince(query: URLSearchParams, now: number): number | undefined {
  const seconds = integerIn(query, 'sinceSeconds');
  if (seconds !== undefined) return Math.max(0, now - seconds * 1000);
  const time = query.get('sinceTime');
  if (!time) return undefined;
  const ms = rfc3339.test(time) ? Date.parse(time) : Number.NaN;
  if (Number.isNaN(ms)) throw badRequest(`parsing time "${time}" as "2006-01-02T15:04:05Z07:00": cannot parse "${time}" as "2006"`); // biome-ignore format: one message
  return Math.max(0, Math.floor(ms / 1000) * 1000);
}

const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

/** Throws ApiError BadRequest for what is no number, Invalid for one out of range, as ValidatePodLogOptions has it. */
function limitsOf(query: URLSearchParams, name: string, now: number): LogLimits {
  const tailLines = integerIn(query, 'tailLines');
  const limitBytes = integerIn(query, 'limitBytes');
  const sinceSeconds = integerIn(query, 'sinceSeconds');
  const since = logSince(query, now);
  const errors: FieldError[] = [];
  if (tailLines !== undefined && tailLines < 0)
    errors.push(invalidValue('tailLines', tailLines, 'must be greater than or equal to 0'));
  if (limitBytes !== undefined && limitBytes < 1)
    errors.push(invalidValue('limitBytes', limitBytes, 'must be greater than 0'));
  if (sinceSeconds !== undefined && query.has('sinceTime'))
    errors.push(fieldForbidden('', 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
  else if (sinceSeconds !== undefined && sinceSeconds < 1)
    errors.push(invalidValue('sinceSeconds', sinceSeconds, 'must be greater than 0'));
  if (errors.length > 0) throw invalid({ group: '', plural: 'pods', kind: 'PodLogOptions' }, name, errors);
  return { tailLines, limitBytes, since };
}

export async function readPodLogs(
  context: RestContext,
  ref: ObjectRef,
  query: URLSearchParams,
): Promise<Readable | string> {
  const pod = getStored(context, ref) as JsonObject;
  const { tailLines, limitBytes, since } = limitsOf(query, ref.name, context.clock.now());
  const container = containerOf(pod, query.get('container'), ref.name);
  if (!pod.spec.nodeName) return '';
  const previous = query.get('previous') === 'true';
  const waiting = notRunningYet(pod, container);
  const ranBefore = ((pod.status?.containerStatuses ?? []) as JsonObject[]).some(
    (s) => s.name === container && s.restartCount > 0,
  );
  if (waiting && !previous && !ranBefore) throw badRequest(waiting);
  if (context.podLogs === undefined) throw internalError('no kubelet supplies logs');
  const log = await fromKubelet(context.podLogs, ref, {
    container,
    previous,
    follow: query.get('follow') === 'true',
    timestamps: query.get('timestamps') === 'true',
    tailLines,
    since,
  });
  return limitBytes === undefined ? log : firstBytes(log, limitBytes);
}
