/**
 * What a kubelet answers to the API server (pkg/kubelet/server): its pods' logs and streams, under the kubelet's own
 * paths and the kubelet's own names of what a client wants. Everything else a lab's kubelet has nothing to say to.
 */
import type { Readable } from 'node:stream';
import { systemClock } from '../../../util/clock.ts';
import { describeError, isError } from '../../../util/errors.ts';
import type { ApiHandler, ApiRequest, ApiResponse, UserInfo } from '../../apiserver/api-request.ts';
import { firstBytes } from '../../apiserver/rest/limited-stream.ts';
import { logSince, type PodLogs } from '../../apiserver/rest/pod-logs.ts';
import { answerPodStream, type PodStreamKind } from '../../apiserver/rest/pod-streams.ts';
import type { ContainerRef, PodStreams } from '../../apiserver/streams/pod-streams.ts';

export interface KubeletAnswers {
  logs: PodLogs;
  streams: PodStreams;
  /** Whether the user may: of `proxy`, a subresource of the node. Rejects where nobody can say. */
  mayProxy(user: UserInfo, verb: string): Promise<boolean>;
}

/** kubelet's default. */
export const kubeletPort = 10250;

const kinds: Record<string, PodStreamKind> = {
  exec: 'exec',
  attach: 'attach',
  portForward: 'portforward',
};

/** Names of the kubelet's query (k8s.io/api/core/v1 ExecStdinParam and others), and of the API's for the same. */
const apiNames: Record<string, string> = { input: 'stdin', output: 'stdout', error: 'stderr', port: 'ports' };

/** Which requests ask for another protocol. */
export const isStreamPath = (url: string): boolean => /^\/(exec|attach|portForward)\//.test(url);

export function kubeletHandler(answers: KubeletAnswers): ApiHandler {
  return async (request) => {
    try {
      return await answer(answers, request);
    } catch (error) {
      return plain(isError(error, 'BAD_INPUT') ? 400 : 500, describeError(error));
    }
  };
}

const plain = (status: number, raw: string | Readable): ApiResponse => ({
  status,
  contentType: 'text/plain',
  raw,
});

async function answer(answers: KubeletAnswers, request: ApiRequest): Promise<ApiResponse> {
  if (request.path === '/healthz') return plain(200, 'ok');
  const [, what = '', namespace, name, ...rest] = request.path.split('/').map(decodeURIComponent);
  if (namespace === undefined || name === undefined) return plain(404, '404 page not found');
  const user = request.user!();
  const verb = verbOf(request.method);
  if (!(await answers.mayProxy(user, verb)))
    return plain(
      403,
      `Forbidden (user=${user.username}, verb=${verb}, resource=nodes, subresource(s)=[proxy])`,
    );
  // With the pod's uid before it, or without.
  const container = rest.at(-1) ?? '';
  const query = request.query ?? new URLSearchParams();
  if (what === 'containerLogs') return await log(answers, { namespace, name, container }, query);
  const kind = kinds[what];
  if (kind === undefined) return plain(404, '404 page not found');
  if (request.upgrade !== true) return plain(400, 'Upgrade request required');
  const call = { ref: { namespace, name }, container, query: asApi(query), streams: answers.streams };
  return answerPodStream(call, kind);
}

/** As the kubelet asks for permission (pkg/kubelet/server/auth.go). */
function verbOf(method: string): string {
  const verbs = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };
  return Object.hasOwn(verbs, method) ? verbs[method as keyof typeof verbs] : 'get';
}

function asApi(query: URLSearchParams): URLSearchParams {
  const entries = [...query].map(([key, value]): [string, string] => [apiNames[key] ?? key, value]);
  return new URLSearchParams(entries);
}

async function log(
  answers: KubeletAnswers,
  { namespace, name, container }: ContainerRef,
  query: URLSearchParams,
): Promise<ApiResponse> {
  const number = (key: string) => (query.has(key) ? Number(query.get(key)) : undefined);
  const is = (key: string) => query.get(key) === 'true';
  const text = await answers.logs(namespace, name, {
    container,
    follow: is('follow'),
    previous: is('previous'),
    timestamps: is('timestamps'),
    tailLines: number('tailLines'),
    since: logSince(query, systemClock.now()),
  });
  const limit = number('limitBytes');
  return plain(200, limit === undefined ? text : firstBytes(text, limit));
}
