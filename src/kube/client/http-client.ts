/** The KubeClient over HTTPS, for every API server that speaks Kubernetes' API. */
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../util/clock.ts';
import { TendrilError } from '../../util/errors.ts';
import type { KubeObject } from '../meta.ts';
import { apiVersionOf, type ResourceType, resourcePath } from '../resources.ts';
import { ApiError, type Status } from './api-error.ts';
import type { KubeClient, KubeList, ListOptions, WatchEvent, WatchOptions } from './client.ts';
import { jsonLines } from './json-lines.ts';
import type { ApiEndpoint } from './kubeconfig.ts';
import { createTransport, type Transport } from './transport.ts';

export interface HttpClient extends KubeClient {
  /** Closes all connections; watches end with API_UNREACHABLE. */
  close(): void;
}

export interface HttpClientOptions {
  /** For everything but watches; 30 s unless given. */
  requestTimeoutMs?: number;
  clock?: Clock;
}

/** A client for the API server of a kubeconfig (see loadKubeconfig). Connects when first used. */
export function createHttpClient(endpoint: ApiEndpoint, options: HttpClientOptions = {}): HttpClient {
  const transport = createTransport(endpoint, options.clock);
  const timeoutMs = options.requestTimeoutMs ?? 30_000;
  const send = (method: string, path: string, body?: unknown, contentType?: string) =>
    transport.send({ method, path, body, contentType, timeoutMs });

  return {
    get: async (type, key) => (await send('GET', resourcePath(type, key))) as never,
    list: async (type, options = {}) => {
      const path = resourcePath(type, { namespace: options.namespace }) + query(options);
      return listOf(type, await send('GET', path));
    },
    watch: (type, options = {}) => watch(transport, type, options),
    create: async (type, object) => {
      const path = resourcePath(type, { namespace: object.metadata.namespace });
      return (await send('POST', path, typed(type, object))) as never;
    },
    update: async (type, object, subresource) => {
      const { namespace, name } = object.metadata;
      const path = resourcePath(type, { namespace, name, subresource });
      return (await send('PUT', path, typed(type, object))) as never;
    },
    patch: async (type, key, patch) => {
      const path = resourcePath(type, { ...key, subresource: patch.subresource });
      return (await send('PATCH', path, patch.body, patch.type)) as never;
    },
    delete: async (type, key, options = {}) => {
      await send('DELETE', resourcePath(type, key), { apiVersion: 'v1', kind: 'DeleteOptions', ...options });
    },
    request: (method, path, body) => send(method, path, body),
    close: () => transport.close(),
  };
}

function typed(type: ResourceType, object: object): object {
  return { ...object, apiVersion: apiVersionOf(type), kind: type.kind };
}

function query(
  options: ListOptions & { timeoutSeconds?: number; watch?: boolean; allowWatchBookmarks?: boolean },
): string {
  const { namespace: _, ...rest } = options;
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(rest)) {
    if (value !== undefined && value !== '') params.set(key, String(value));
  }
  return params.size === 0 ? '' : `?${params}`;
}

interface WireList<T> {
  items?: T[] | null;
  metadata: { resourceVersion?: string; continue?: string };
}

/** Items in a list carry no type on the wire; readers of a store want it there. */
function listOf<T extends KubeObject>(type: ResourceType<T>, answer: unknown): KubeList<T> {
  const { items, metadata } = answer as WireList<T>;
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

async function* watch<T extends KubeObject>(
  transport: Transport,
  type: ResourceType<T>,
  options: WatchOptions,
): AsyncGenerator<WatchEvent<T>> {
  const { signal, allowBookmarks = true, ...scope } = options;
  if (signal?.aborted) return;
  // The server ends watches between 5 and 10 minutes, so that they spread over its replicas.
  const timeoutSeconds = 300 + Math.floor(Math.random() * 300);
  const params = { ...scope, watch: true, allowWatchBookmarks: allowBookmarks, timeoutSeconds };
  const path = resourcePath(type, { namespace: options.namespace }) + query(params);
  let response: IncomingMessage | undefined;
  try {
    response = await transport.open({ method: 'GET', path, signal });
    for await (const event of jsonLines(response)) yield decode<T>(event as WireEvent);
  } catch (error) {
    if (signal?.aborted) return;
    if (error instanceof TendrilError) throw error;
    throw new TendrilError('API_UNREACHABLE', `the watch of ${type.plural} broke off`, { cause: error });
  } finally {
    response?.destroy();
  }
}

function decode<T extends KubeObject>(event: WireEvent): WatchEvent<T> {
  if (event.type === 'ERROR') throw new ApiError(event.object as unknown as Status);
  if (event.type === 'BOOKMARK')
    return { type: 'BOOKMARK', resourceVersion: event.object.metadata.resourceVersion };
  return event as WatchEvent<T>;
}
