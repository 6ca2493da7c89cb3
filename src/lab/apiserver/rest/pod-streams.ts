/**
 * exec, attach and portforward of a pod: what kube-apiserver checks, as a Status, and then what the kubelet does, as
 * plain text. What comes of it is opened once the connection is upgraded.
 */
import { isError } from '../../../util/errors.ts';
import type { ApiResponse } from '../api-request.ts';
import type { JsonObject } from '../json.ts';
import { badRequest, internalError } from '../status.ts';
import type { PodRef, PodStreams } from '../streams/pod-streams.ts';
import { parsePort } from '../streams/port-forward.ts';
import type { StreamTarget, WantedStreams } from '../streams/stream-target.ts';
import { getStored, type ObjectRef, type RestContext } from './rest-context.ts';

export type PodStreamKind = 'exec' | 'attach' | 'portforward';

const flags = ['stdin', 'stdout', 'stderr', 'tty'];

/** The query as the object that admission is asked about. */
export function streamOptions(kind: string, query: URLSearchParams): JsonObject {
  const set = flags.filter((flag) => ['true', '1'].includes(query.get(flag) ?? ''));
  const container = query.get('container');
  const command = query.getAll('command');
  const ports = query
    .getAll('ports')
    .flatMap((value) => value.split(','))
    .map(Number);
  return {
    kind,
    apiVersion: 'v1',
    ...Object.fromEntries(set.map((flag) => [flag, true])),
    ...(container && { container }),
    ...(command.length > 0 && { command }),
    ...(ports.length > 0 && { ports }),
  };
}

/** What the kubelet is asked: its pod, and for a command its container and what the query says. */
export interface PodStreamCall {
  ref: PodRef;
  container: string;
  query: URLSearchParams;
  streams: PodStreams;
}

/** Throws ApiError. */
export function openPodStream(
  context: RestContext,
  ref: ObjectRef,
  { subresource, query, upgrade }: { subresource: PodStreamKind; query: URLSearchParams; upgrade: boolean },
): ApiResponse {
  const pod = getStored(context, ref) as JsonObject;
  const container = subresource === 'portforward' ? '' : containerOf(pod, query);
  if (!pod.spec.nodeName) throw badRequest(`pod ${ref.name} does not have a host assigned`);
  if (!upgrade) throw badRequest('Upgrade request required');
  if (context.podStreams === undefined) throw internalError('no kubelet serves streams');
  const at = { namespace: ref.namespace!, name: ref.name };
  return answerPodStream({ ref: at, container, query, streams: context.podStreams }, subresource);
}

/** The kubelet's part: what is opened, or why not, as plain text. */
export function answerPodStream(call: PodStreamCall, subresource: PodStreamKind): ApiResponse {
  try {
    const open = subresource === 'portforward' ? portsTarget(call) : commandTarget(call, subresource);
    return typeof open === 'string' ? plain(400, open) : { status: 101, open };
  } catch (error) {
    if (isError(error, 'BAD_INPUT')) return plain(500, error.message);
    throw error;
  }
}

const plain = (status: number, raw: string): ApiResponse => ({ status, contentType: 'text/plain', raw });

function containerOf(pod: JsonObject, query: URLSearchParams): string {
  const { name } = pod.metadata;
  const names = [
    ...(pod.spec.initContainers ?? []),
    ...pod.spec.containers,
    ...(pod.spec.ephemeralContainers ?? []),
  ].map((c) => c.name as string);
  const asked = query.get('container');
  if (asked) {
    if (names.includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  if (pod.spec.containers.length === 1) return pod.spec.containers[0].name;
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${names.join(' ')}]`);
}

/** As apimachinery's conversion from a query has it: whatever is not no is yes. */
function booleanIn(query: URLSearchParams, key: string): boolean {
  const value = query.get(key);
  return value !== null && value !== '0' && value.toLowerCase() !== 'false';
}

function commandTarget(call: PodStreamCall, kind: 'exec' | 'attach'): StreamTarget | string {
  const { query } = call;
  const wanted = (key: string) => booleanIn(query, key);
  const streams = {
    stdin: wanted('stdin'),
    stdout: wanted('stdout'),
    stderr: wanted('stderr'),
    tty: wanted('tty'),
  };
  if (streams.tty) streams.stderr = false;
  if (!streams.stdin && !streams.stdout && !streams.stderr)
    return 'you must specify at least 1 of stdin, stdout, stderr';
  return kind === 'exec' ? execTarget(call, streams) : attachTarget(call, streams);
}

function execTarget(call: PodStreamCall, streams: WantedStreams): StreamTarget {
  const { ref, container, query, streams: of } = call;
  const argv = query.getAll('command');
  const begin = of.exec({ ...ref, container }, { argv, interactive: streams.stdin, tty: streams.tty });
  return {
    kind: 'command',
    streams,
    begin,
    failure: 'error executing command in container: failed to exec in container',
    describeExit: (code) => `error executing command [${argv.join(' ')}], exit code ${code}`,
  };
}

function attachTarget({ ref, container, streams: of }: PodStreamCall, streams: WantedStreams): StreamTarget {
  const begin = of.attach({ ...ref, container });
  const failure = 'error attaching to container';
  return { kind: 'command', streams, begin, failure, describeExit: String };
}

function portsTarget({ ref, query, streams: of }: PodStreamCall): StreamTarget | string {
  const ports = query.getAll('ports').flatMap((value) => value.split(','));
  const wrong = ports.find((text) => parsePort(text) === undefined);
  if (wrong !== undefined) return `unable to parse ${JSON.stringify(wrong)} as a port`;
  return { kind: 'ports', ports, connect: of.portForward(ref) };
}
