/** What a request is to authorization (apiserver, endpoints/request/requestinfo.go). */
import type { ApiRequest } from '../api-request.ts';
import { flagIn } from '../rest/options.ts';

export interface ResourceAttributes {
  verb: string;
  group: string;
  resource: string;
  subresource?: string;
  namespace?: string;
  name?: string;
}

export interface PathAttributes {
  verb: string;
  path: string;
}

export type Attributes = ResourceAttributes | PathAttributes;

export const isResource = (attributes: Attributes): attributes is ResourceAttributes =>
  'resource' in attributes;

const verbs = new Map([
  ['POST', 'create'],
  ['PUT', 'update'],
  ['PATCH', 'patch'],
  ['DELETE', 'delete'],
]);
/** Of a namespace itself, rather than kinds in it. */
const ofNamespace = new Set(['status', 'finalize']);

/** By method, path and query alone: whether there is such a resource is not asked. */
export function attributesOf({
  method,
  path,
  query,
}: Pick<ApiRequest, 'method' | 'path' | 'query'>): Attributes {
  const [root, ...parts] = path
    .split('/')
    .filter((part) => part !== '')
    .map(decoded);
  const group = root === 'api' ? '' : root === 'apis' ? parts.shift() : undefined;
  if (group === undefined || parts.length < 2) return { verb: method.toLowerCase(), path };
  parts.shift();
  const watched = parts[0] === 'watch' && parts.length > 1;
  if (watched) parts.shift();
  let namespace: string | undefined;
  if (parts[0] === 'namespaces' && parts.length > 1) {
    namespace = parts[1];
    if (parts.length > 2 && !ofNamespace.has(parts[2]!)) parts.splice(0, 2);
  }
  const [resource = '', name = selectedName(query), subresource] = parts;
  const verb = watched ? 'watch' : verbOf(method, parts.length > 1, query);
  return {
    ...{ verb, group, resource },
    ...(subresource && { subresource }),
    ...(namespace && { namespace }),
    ...(name && { name }),
  };
}

function verbOf(method: string, named: boolean, query: URLSearchParams | undefined): string {
  if (method !== 'GET' && method !== 'HEAD')
    return method === 'DELETE' && !named ? 'deletecollection' : (verbs.get(method) ?? method.toLowerCase());
  if (!named && flagIn(query, 'watch')) return 'watch';
  return named ? 'get' : 'list';
}

/** A list or watch of one object is about that object. */
function selectedName(query: URLSearchParams | undefined): string | undefined {
  return /(?:^|,)metadata\.name==?([^,!=]+)/.exec(query?.get('fieldSelector') ?? '')?.[1];
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
