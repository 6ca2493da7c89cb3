/** In which form a client wants its answer: the objects, a Table of them, or their metadata alone. */
import type { KubeObject } from '../../../kube/meta.ts';
import { deepFreeze } from '../json.ts';
import { protobufMediaType } from '../protobuf/envelope.ts';
import type { Resource } from '../registry/resource.ts';
import { notAcceptable } from '../status.ts';
import { type IncludeObject, partialObject, tableOf } from '../table/table.ts';
import type { ObjectList } from './list.ts';
import type { StreamEvent, WatchStream } from './watch-stream.ts';

export interface Presentation {
  as: 'object' | 'Table' | 'PartialObjectMetadata';
  /** Of meta.k8s.io. */
  version: string;
  include: IncludeObject;
  /** Objects as they are, in protobuf. */
  protobuf?: true;
}

/** What a request says of the form of its answer. */
interface Wish {
  accept: string | undefined;
  query: URLSearchParams;
}

const plain: Presentation = { as: 'object', version: 'v1', include: 'Metadata' };

function parametersOf(clause: string): { type: string; parameters: Record<string, string> } {
  const [type = '', ...rest] = clause.split(';').map((part) => part.trim());
  return { type, parameters: Object.fromEntries(rest.map((p) => p.split('=', 2) as [string, string])) };
}

/** The first clause of an Accept header that can be served. Custom resources are JSON alone. Throws NotAcceptable. */
export function presentationOf(resource: Resource, { accept, query }: Wish): Presentation {
  if (!accept) return plain;
  const include = (query.get('includeObject') ?? 'Metadata') as IncludeObject;
  for (const { type, parameters } of accept.split(',').map(parametersOf)) {
    const { as, g, v = 'v1' } = parameters;
    if (type === protobufMediaType && as === undefined && resource.mergesStrategically)
      return { ...plain, protobuf: true };
    if (!['application/json', 'application/*', '*/*'].includes(type)) continue;
    if (as === undefined) return plain;
    if (g !== 'meta.k8s.io' || (v !== 'v1' && v !== 'v1beta1')) continue;
    if (as === 'Table') return { as, version: v, include };
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') {
      return { as: 'PartialObjectMetadata', version: v, include };
    }
  }
  throw notAcceptable(`only the following media types are accepted: application/json (asked for: ${accept})`);
}

export function presentObject(
  resource: Resource,
  object: KubeObject,
  how: Presentation,
  now: number,
): object {
  if (how.as === 'object') return object;
  if (how.as === 'PartialObjectMetadata') return partialObject(object, how.version);
  const { resourceVersion } = object.metadata;
  return tableOf(resource, [object], { ...how, metadata: { resourceVersion }, now, headers: true });
}

export function presentList(resource: Resource, list: ObjectList, how: Presentation, now: number): object {
  if (how.as === 'object') return list;
  const { metadata } = list;
  if (how.as === 'Table') return tableOf(resource, list.items, { ...how, metadata, now, headers: true });
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: `meta.k8s.io/${how.version}`,
    metadata,
    items: list.items.map((o) => partialObject(o, how.version)),
  };
}

const partials = new WeakMap<KubeObject, Map<string, object>>();

/** The same for all watchers of a version, so that it is encoded once. */
function sharedPartial(object: KubeObject, version: string): object {
  const known = partials.get(object) ?? new Map<string, object>();
  partials.set(object, known);
  const partial = known.get(version) ?? deepFreeze(partialObject(object, version));
  known.set(version, partial);
  return partial;
}

/** Gives the events of a watch the form asked for. Column definitions come with the first one only. */
export function presentStream(
  resource: Resource,
  stream: WatchStream,
  how: Presentation,
  now: () => number,
): WatchStream {
  if (how.as === 'object') return stream;
  let headers = true;
  stream.presentAs((event) => {
    if (event.type === 'ERROR' || (event.type === 'BOOKMARK' && how.as === 'Table')) return event;
    const object = event.object as KubeObject;
    if (how.as === 'PartialObjectMetadata')
      return { type: event.type, object: sharedPartial(object, how.version) } as StreamEvent;
    const metadata = { resourceVersion: object.metadata.resourceVersion };
    const table = tableOf(resource, [object], { ...how, metadata, now: now(), headers });
    headers = false;
    return { type: event.type, object: table } as unknown as StreamEvent;
  });
  return stream;
}
