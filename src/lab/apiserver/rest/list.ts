/** GET of a collection, whole or in pages that all show the same revision. */
import type { KubeObject } from '../../../kube/meta.ts';
import { apiVersionOf, type Resource } from '../registry/resource.ts';
import { badRequest, expired, tooLargeResourceVersion } from '../status.ts';
import { facing, prepareFaces } from './faces.ts';
import { integerIn } from './query.ts';
import { keyFor, type RestContext } from './rest-context.ts';
import { everything, selectionOf } from './selection.ts';

export interface ObjectList {
  kind: string;
  apiVersion: string;
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: KubeObject[];
}

interface PageToken {
  revision: number;
  after: string;
}

function encodeToken(token: PageToken): string {
  return Buffer.from(
    JSON.stringify({ v: 'meta.k8s.io/v1', rv: token.revision, start: token.after }),
  ).toString('base64url');
}

function decodeToken(text: string): PageToken {
  try {
    const { rv, start } = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (Number.isInteger(rv) && typeof start === 'string') return { revision: rv, after: start };
  } catch {
    // Not ours: said below.
  }
  throw badRequest('continue key is not valid: the token is not from this server');
}

/** A page of a server that was started anew since: clients list from the start when told that it has expired. */
function knownPage({ storage }: RestContext, page: PageToken): PageToken {
  if (page.revision <= storage.revision) return page;
  throw expired('The provided continue parameter is too old to display a consistent list result.');
}

function startOf(context: RestContext, query: URLSearchParams): { revision: number; after?: string } {
  const token = query.get('continue');
  const asked = query.get('resourceVersion') ?? '';
  if (token && asked !== '' && asked !== '0')
    throw badRequest('specifying resource version is not allowed when using continue');
  if (token) return knownPage(context, decodeToken(token));
  if (asked !== '' && !/^\d+$/.test(asked)) {
    const text = JSON.stringify(asked);
    throw badRequest(
      `invalid resource version: resourceVersion: Invalid value: ${text}: strconv.ParseUint: parsing ${text}: invalid syntax`,
    );
  }
  refuseFuture(context, asked);
  if (query.get('resourceVersionMatch') === 'Exact') return { revision: Number(asked) };
  return { revision: context.storage.revision };
}

/** Throws ApiError Timeout, at once: what has not come is not waited for. */
export function refuseFuture({ storage }: RestContext, asked: string): void {
  if (Number(asked) > storage.revision) throw tooLargeResourceVersion(asked, storage.revision);
}

/** Throws ApiError. */
export async function listObjects(
  context: RestContext,
  { resource, namespace }: { resource: Resource; namespace?: string },
  query: URLSearchParams,
): Promise<ObjectList> {
  const { revision, after } = startOf(context, query);
  const selects = selectionOf(resource, query);
  const limit = integerIn(query, 'limit') ?? 0;
  integerIn(query, 'timeoutSeconds');
  const all = context.storage.list(resource.collection, { namespace, revision, after });
  const selected = selects === everything ? all : all.filter(selects);
  const metadata: ObjectList['metadata'] = { resourceVersion: String(revision) };
  const page = limit > 0 ? selected.slice(0, limit) : selected;
  if (page.length < selected.length) {
    metadata.continue = encodeToken({ revision, after: keyFor(page.at(-1)!.metadata) });
    if (selects === everything) metadata.remainingItemCount = selected.length - page.length;
  }
  await prepareFaces(resource, page);
  const items = resource.conversion ? page.map((o) => facing(resource, o)) : page;
  return { kind: resource.listKind, apiVersion: apiVersionOf(resource), metadata, items };
}
