/** A FakeClient behind HTTP, so that the HTTP client and whatever uses one can be tested without a cluster. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubeObject } from '../meta.ts';
import { apiVersionOf, type ResourceType, resources } from '../resources.ts';
import { ApiError } from './api-error.ts';
import type { KubeClient, PatchType } from './client.ts';

export interface FakeServer {
  url: string;
  server: Server;
  close(): Promise<void>;
}

interface Route {
  type: ResourceType;
  namespace: string | undefined;
  name: string | undefined;
  subresource: string | undefined;
}

/** Serves `client` on a free port of 127.0.0.1. */
export async function startFakeServer(client: KubeClient): Promise<FakeServer> {
  const server = createServer((request, response) => {
    serve(client, request, response).catch((error: unknown) => fail(response, error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function serve(client: KubeClient, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url!, 'http://fake');
  const query: Record<string, string> = Object.fromEntries(url.searchParams);
  const route = routeOf(url.pathname);
  const body = await readJson(request);
  if (route === undefined) return answer(response, await client.request(request.method!, url.pathname, body));
  if (query.watch === 'true') return stream(client, route, { query, response });
  answer(
    response,
    await crud(client, route, { method: request.method!, query, body, headers: request.headers }),
  );
}

interface Call {
  method: string;
  query: Record<string, string>;
  body: unknown;
  headers: IncomingMessage['headers'];
}

async function crud(
  client: KubeClient,
  route: Route,
  { method, query, body, headers }: Call,
): Promise<unknown> {
  const { type, namespace, name, subresource } = route;
  if (method === 'POST') {
    const object = body as KubeObject;
    return client.create(type, { ...object, metadata: { namespace, ...object.metadata } });
  }
  if (method === 'PUT') return client.update(type, body as KubeObject, subresource as 'status' | undefined);
  if (name === undefined) {
    const list = await client.list(type, { ...query, namespace, limit: Number(query.limit ?? 0) });
    const { resourceVersion, continue: next } = list;
    const bare = list.items.map(({ kind: _, apiVersion: __, ...rest }) => rest);
    return { kind: `${type.kind}List`, items: bare, metadata: { resourceVersion, continue: next } };
  }
  if (method === 'GET') return client.get(type, { namespace, name });
  if (method === 'PATCH') {
    const patch = { type: headers['content-type'] as PatchType, body, subresource };
    return client.patch(type, { namespace, name }, patch);
  }
  await client.delete(type, { namespace, name }, body as object);
  return { kind: 'Status', status: 'Success' };
}

async function stream(
  client: KubeClient,
  { type, namespace }: Route,
  { query, response }: { query: Record<string, string>; response: ServerResponse },
): Promise<void> {
  const stop = new AbortController();
  response.on('close', () => stop.abort());
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  const line = (type: string, object: unknown) => response.write(`${JSON.stringify({ type, object })}\n`);
  try {
    for await (const event of client.watch(type, { ...query, namespace, signal: stop.signal })) {
      if (event.type !== 'BOOKMARK') line(event.type, event.object);
      else line('BOOKMARK', { metadata: { resourceVersion: event.resourceVersion } });
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    line('ERROR', error.status);
  }
  response.end();
}

function routeOf(path: string): Route | undefined {
  const m =
    /^\/(?:api|apis\/([^/]+))\/([^/]+)(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+)(?:\/([^/]+))?)?$/.exec(
      path,
    );
  if (m === null) return undefined;
  const [, group = '', version, namespace, plural, name, subresource] = m;
  const apiVersion = group === '' ? version : `${group}/${version}`;
  const all: ResourceType[] = Object.values(resources);
  const type = all.find((t) => t.plural === plural && apiVersionOf(t) === apiVersion);
  if (type === undefined || (subresource !== undefined && subresource !== 'status')) return undefined;
  return { type, namespace, name, subresource };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString());
}

function answer(response: ServerResponse, body: unknown, code = 200): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function fail(response: ServerResponse, error: unknown): void {
  if (error instanceof ApiError) answer(response, error.status, error.status.code);
  else response.destroy();
}
