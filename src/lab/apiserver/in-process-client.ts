/** The API for parts of the same process: the handler itself, without a connection and without JSON text. */
import { ApiError, type Status } from '../../kube/client/api-error.ts';
import { throwIfCancelled } from '../../kube/client/cancellation.ts';
import type {
  DeleteOptions,
  KubeClient,
  KubeList,
  ListOptions,
  ObjectKey,
  PatchType,
  WatchEvent,
  WatchOptions,
} from '../../kube/client/client.ts';
import type { KubeObject, NewObject } from '../../kube/meta.ts';
import { type ResourceType, resourcePath } from '../../kube/resources.ts';
import type { ApiHandler, ApiRequest, ApiResponse } from './api-request.ts';
import type { ObjectList } from './rest/list.ts';
import type { StreamEvent } from './rest/watch-stream.ts';

function queryOf(options: Record<string, unknown>): URLSearchParams {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(options)) if (value !== undefined) query.set(key, String(value));
  return query;
}

function bodyOf(response: ApiResponse): unknown {
  if ('events' in response || 'open' in response) throw new TypeError('the answer is a stream');
  const body = 'body' in response ? response.body : response.raw;
  if (response.status >= 400) throw new ApiError(body as Status);
  return body;
}

export class InProcessClient implements KubeClient {
  readonly #handle: ApiHandler;

  constructor(handle: ApiHandler) {
    this.#handle = handle;
  }

  async #send(request: Omit<ApiRequest, 'trusted'>): Promise<unknown> {
    return bodyOf(await this.#handle({ ...request, trusted: true }));
  }

  async get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<T> {
    return (await this.#send({ method: 'GET', path: resourcePath(type, key) })) as T;
  }

  async list<T extends KubeObject>(type: ResourceType<T>, options: ListOptions = {}): Promise<KubeList<T>> {
    const { namespace, signal, ...rest } = options;
    throwIfCancelled(`the list of ${type.plural}`, signal);
    const list = await this.#send({
      method: 'GET',
      path: resourcePath(type, { namespace }),
      query: queryOf({ ...rest }),
    });
    const { items, metadata } = list as ObjectList;
    return { items: items as T[], resourceVersion: metadata.resourceVersion, continue: metadata.continue };
  }

  async *watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchOptions = {},
  ): AsyncIterable<WatchEvent<T>> {
    const { namespace, signal, allowBookmarks = true, ...rest } = options;
    const query = queryOf({ ...rest, watch: true, allowWatchBookmarks: allowBookmarks });
    const path = resourcePath(type, { namespace });
    const response = await this.#handle({ method: 'GET', path, query, signal, trusted: true });
    if (!('events' in response)) {
      bodyOf(response);
      return;
    }
    for await (const event of response.events) yield clientEvent<T>(event);
  }

  async create<T extends KubeObject>(type: ResourceType<T>, object: NewObject<T>): Promise<T> {
    const { namespace } = object.metadata;
    const path = resourcePath(type, { namespace: type.namespaced ? (namespace ?? 'default') : undefined });
    return (await this.#send({ method: 'POST', path, body: object })) as T;
  }

  async update<T extends KubeObject>(type: ResourceType<T>, object: T, subresource?: 'status'): Promise<T> {
    const { namespace, name } = object.metadata;
    const path = resourcePath(type, { namespace, name, subresource });
    return (await this.#send({ method: 'PUT', path, body: object })) as T;
  }

  async patch<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patch: { type: PatchType; body: unknown; subresource?: string },
  ): Promise<T> {
    const path = resourcePath(type, { ...key, subresource: patch.subresource });
    return (await this.#send({ method: 'PATCH', path, contentType: patch.type, body: patch.body })) as T;
  }

  async delete(type: ResourceType, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    await this.#send({ method: 'DELETE', path: resourcePath(type, key), body: { ...options } });
  }

  async request(method: string, path: string, body?: unknown): Promise<unknown> {
    const url = new URL(path, 'http://in-process');
    return this.#send({ method, path: url.pathname, query: url.searchParams, body });
  }
}

function clientEvent<T>(event: StreamEvent): WatchEvent<T> {
  if (event.type === 'ERROR') throw new ApiError(event.object as Status);
  if (event.type === 'BOOKMARK')
    return { type: 'BOOKMARK', resourceVersion: event.object.metadata.resourceVersion };
  return { type: event.type, object: event.object as T };
}
