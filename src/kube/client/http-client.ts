/** The KubeClient over HTTPS, for every API server that speaks Kubernetes' API. */
import type { IncomingMessage } from 'node:http';
import { TendrilError } from '../../util/errors.ts';
import type { KubeObject } from '../meta.ts';
import { apiVersionOf, type ResourceType, resourcePath } from '../resources.ts';
import { decodeAnswer, notUnderstood } from './answer.ts';
import { ApiError, type Status } from './api-error.ts';
import type { KubeClient, KubeList, ListOptions, WatchEvent, WatchOptions } from './client.ts';
import { jsonLines } from './json-lines.ts';
import type { ApiEndpoint } from './kubeconfig.ts';
import {
  createTransport,
  type Transport,
  type TransportOptions,
  type TransportRequest,
} from './transport.ts';

export interface HttpClient extends KubeClient {
  /** Closes all connections; watches end with API_UNREACHABLE. */
  close(): void;
}

export interface HttpClientOptions extends TransportOptions {
  /** How long the server may take to begin to answer, and may pause in what is no watch; 30 s unless given. */
  requestTimeoutMs?: number;
  /** When the server is asked to end a watch; unless given, 5 to 10 minutes, so that they spread over its replicas. */
  watchSeconds?: number;
}

/** A client for the API server of a kubeconfig (see loadKubeconfig). Connects when first used. */
export function createHttpClient(endpoint: ApiEndpoint, clientOptions: HttpClientOptions = {}): HttpClient {
  return clientOf(createTransport(endpoint, clientOptions), clientOptions);
}

/** The same by a transport that there is. */
export function clientOf(
  transport: Transport,
  clientOptions: Omit<HttpClientOptions, keyof TransportOptions> = {},
): HttpClient {
  const timeoutMs = clientOptions.requestTimeoutMs ?? 30_000;
  /** For what is answered by an object. */
  const send = async (method: string, path: string, rest: Partial<TransportRequest> = {}) => {
    const answer = await transport.send({ method, path, timeoutMs, ...rest });
    if (typeof answer === 'object' && answer !== null) return answer;
    throw notUnderstood(`${method} ${path}`, { what: `no object: ${String(answer).trim().slice(0, 500)}` });
  };

  return {
    get: async (type, key) => (await send('GET', resourcePath(type, key))) as never,
    list: async (type, options = {}) => {
      const path = resourcePath(type, { namespace: options.namespace }) + query(options);
      let bytes = 0;
      const onLength = (length: number) => {
        bytes = length;
      };
      const answer = await send('GET', path, { signal: options.signal, onLength });
      return { ...listOf(type, path, answer), bytes };
    },
    watch: (type, options = {}) => {
      const seconds = clientOptions.watchSeconds ?? 300 + Math.floor(Math.random() * 300);
      return watch({ transport, seconds, timeoutMs }, type, options);
    },
    create: async (type, object) => {
      const path = resourcePath(type, { namespace: object.metadata.namespace });
      return (await send('POST', path, { body: typed(type, object) })) as never;
    },
    update: async (type, object, subresource) => {
      const { namespace, name } = object.metadata;
      const path = resourcePath(type, { namespace, name, subresource });
      return (await send('PUT', path, { body: typed(type, object) })) as never;
    },
    patch: async (type, key, patch) => {
      const path = resourcePath(type, { ...key, subresource: patch.subresource });
      return (await send('PATCH', path, { body: patch.body, contentType: patch.type })) as never;
    },
    delete: async (type, key, options = {}) => {
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...options };
      await send('DELETE', resourcePath(type, key), { body });
    },
    request: (method, path, body) => transport.send({ method, path, body, timeoutMs }),
    close: () => transport.close(),
  };
}

function typed(type: ResourceType, object: object): object {
  return { ...object, apiVersion: apiVersionOf(type), kind: type.kind };
}

function query(
  options: ListOptions & { timeoutSeconds?: number; watch?: boolean; allowWatchBookmarks?: boolean },
): string {
  const { namespace: _, signal: __, ...rest } = options;
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(rest)) {
    if (value !== undefined && value !== '') params.set(key, String(value));
  }
  return params.size === 0 ? '' : `?${params}`;
}

interface WireList<T> {
  items?: T[] | null;
  metadata?: { resourceVersion?: string; continue?: string };
}

/** Items in a list carry no type on the wire; readers of a store want it there. */
function listOf<T extends KubeObject>(type: ResourceType<T>, path: string, answer: object): KubeList<T> {
  const { items, metadata } = answer as WireList<T>;
  if (metadata === undefined) throw notUnderstood(`GET ${path}`, { what: `no list of ${type.plural}` });
  const apiVersion = apiVersionOf(type);
  for (const item of items ?? []) {
    item.apiVersion = apiVersion;
    item.kind = type.kind;
  }
  return {
    items: items ?? [],
    resourceVersion: metadata.resourceVersion ?? '',
    continue: metadata.continue || undefined,
  };
}

interface WireEvent {
  type: string;
  object: KubeObject;
}

interface WatchTransport {
  transport: Transport;
  /** When the server ends the watch. */
  seconds: number;
  timeoutMs: number;
}

async function* watch<T extends KubeObject>(
  { transport, seconds, timeoutMs }: WatchTransport,
  type: ResourceType<T>,
  options: WatchOptions,
): AsyncGenerator<WatchEvent<T>> {
  const { signal, allowBookmarks = true, ...scope } = options;
  if (signal?.aborted) return;
  const params = { ...scope, watch: true, allowWatchBookmarks: allowBookmarks, timeoutSeconds: seconds };
  const path = resourcePath(type, { namespace: options.namespace }) + query(params);
  let response: IncomingMessage | undefined;
  let limit: NodeJS.Timeout | undefined;
  try {
    response = await transport.open({ method: 'GET', path, signal, timeoutMs });
    limit = setTimeout(overdue, seconds * 1000 + timeoutMs, response, seconds);
    const decoder = (line: string) => decodeAnswer(`GET ${path}`, line);
    for await (const event of jsonLines(response, decoder)) yield decode<T>(event as WireEvent);
  } catch (error) {
    if (signal?.aborted) return;
    if (error instanceof TendrilError) throw error;
    throw new TendrilError('API_UNREACHABLE', `the watch of ${type.plural} broke off`, { cause: error });
  } finally {
    clearTimeout(limit);
    response?.destroy();
  }
}

/** A watch may be quiet for all its time; one that outlives it has a server that no longer minds it. */
function overdue(response: IncomingMessage, seconds: number): void {
  response.destroy(new Error(`the server did not end it after ${seconds} s`));
}

function decode<T extends KubeObject>(event: WireEvent): WatchEvent<T> {
  if (event.type === 'ERROR') throw new ApiError(event.object as unknown as Status);
  if (event.type === 'BOOKMARK')
    return { type: 'BOOKMARK', resourceVersion: event.object.metadata.resourceVersion };
  return event as WatchEvent<T>;
}
