/** GET with watch=true: the changes of a collection as they happen. */
import { ApiError } from '../../../kube/client/api-error.ts';
import type { KubeObject } from '../../../kube/meta.ts';
import { describeError } from '../../../util/errors.ts';
import { deepFreeze } from '../json.ts';
import { apiVersionOf, type Resource } from '../registry/resource.ts';
import { badRequest, internalError } from '../status.ts';
import type { StorageEvent } from '../storage/storage.ts';
import { facing, prepareFaces } from './faces.ts';
import { refuseFuture } from './list.ts';
import { flagIn } from './options.ts';
import { integerIn } from './query.ts';
import type { RestContext } from './rest-context.ts';
import { type Selection, selectionOf } from './selection.ts';
import { type Bookmark, type StreamEvent, WatchStream } from './watch-stream.ts';

const bookmarkEveryMs = 30_000;

/** Objects that leave a selection are deleted as far as its watchers can see, with the change's revision. */
const departed = new WeakMap<StorageEvent, KubeObject>();

function departedObject(event: StorageEvent): KubeObject {
  let object = departed.get(event);
  if (object === undefined) {
    const previous = event.previous!;
    object = deepFreeze({
      ...previous,
      metadata: { ...previous.metadata, resourceVersion: String(event.revision) },
    });
    departed.set(event, object);
  }
  return object;
}

/** Mostly the event itself, which all share. */
function seenThrough(selects: Selection, event: StorageEvent): StreamEvent | undefined {
  const was = event.previous !== undefined && selects(event.previous);
  const is = event.type !== 'DELETED' && selects(event.object);
  if (is) return was === (event.type === 'MODIFIED') ? event : { type: 'ADDED', object: event.object };
  if (!was) return undefined;
  return event.type === 'DELETED' ? event : { type: 'DELETED', object: departedObject(event) };
}

function bookmark(resource: Resource, revision: number, annotations?: Record<string, string>): StreamEvent {
  const metadata = {
    resourceVersion: String(revision),
    creationTimestamp: null,
    ...(annotations ? { annotations } : {}),
  };
  const object: Bookmark = { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata };
  return { type: 'BOOKMARK', object };
}

/** Where the watch starts: after a revision, or with all that is there. */
function startOf(context: RestContext, query: URLSearchParams): { after?: number; endMark: boolean } {
  const text = query.get('resourceVersion') ?? '';
  if (text !== '' && !/^\d+$/.test(text))
    throw badRequest(`Invalid value: "${text}": resourceVersion must be a number`);
  refuseFuture(context, text);
  const endMark = flagIn(query, 'sendInitialEvents');
  const isNew = text === '' || text === '0';
  if (endMark || (isNew && !query.has('sendInitialEvents'))) return { endMark };
  return { after: isNew ? context.storage.revision : Number(text), endMark: false };
}

/** Ends with the signal, the request's timeoutSeconds, or its reader. Throws ApiError Expired (410), Timeout (504), BadRequest. */
export function watchObjects(
  context: RestContext,
  { resource, namespace }: { resource: Resource; namespace?: string },
  query: URLSearchParams,
  signal?: AbortSignal,
): WatchStream {
  const { storage, clock } = context;
  const stream = new WatchStream();
  const inSelection = selectionOf(resource, query);
  const selects: Selection =
    namespace === undefined ? inSelection : (o) => o.metadata.namespace === namespace && inSelection(o);
  const timeout = integerIn(query, 'timeoutSeconds') ?? 0;
  const { after, endMark } = startOf(context, query);
  const faced = (event: StreamEvent) =>
    resource.conversion && !resource.conversion.webhook && event.type !== 'BOOKMARK' && event.type !== 'ERROR'
      ? { ...event, object: facing(resource, event.object) }
      : event;
  // What a resumed watch has missed is of the beginning, as a list is: no reader could have taken it yet.
  const bookmarks = flagIn(query, 'allowWatchBookmarks');
  let push = (event: StreamEvent) => stream.push(faced(event));
  if (after === undefined) {
    for (const object of storage.list(resource.collection, { namespace })) {
      if (inSelection(object)) push({ type: 'ADDED', object });
    }
    if (endMark && bookmarks)
      push(bookmark(resource, storage.revision, { 'k8s.io/initial-events-end': 'true' }));
  }
  stream.onClose(
    storage.watch(resource.collection, after ?? storage.revision, (change) => {
      const event = seenThrough(selects, change);
      if (event !== undefined) push(event);
    }),
  );
  push = (event) => stream.pushChange(faced(event));
  if (timeout > 0) stream.onClose(clock.after(timeout * 1000, () => stream.close()));
  if (bookmarks) {
    repeat(context, stream, () => push(bookmark(resource, storage.revision)));
  }
  closeOnAbort(stream, signal);
  closeOnAbort(stream, resource.retired);
  return stream;
}

/** The same for objects that a webhook converts, in their order. One that it does not convert ends them. */
export function convertedStream(resource: Resource, source: WatchStream): WatchStream {
  const stream = new WatchStream();
  stream.onClose(() => source.close());
  void convertInto(stream, resource, source);
  return stream;
}

async function convertInto(stream: WatchStream, resource: Resource, source: WatchStream): Promise<void> {
  try {
    for await (const event of source) {
      const isObject = event.type !== 'BOOKMARK' && event.type !== 'ERROR';
      if (isObject) await prepareFaces(resource, [event.object]);
      stream.pushChange(isObject ? { ...event, object: facing(resource, event.object) } : event);
    }
  } catch (error) {
    const { status } = error instanceof ApiError ? error : internalError(describeError(error));
    stream.push({ type: 'ERROR', object: status });
  } finally {
    stream.close();
  }
}

function repeat(context: RestContext, stream: WatchStream, action: () => void): void {
  let cancel = () => {};
  const next = () => {
    cancel = context.clock.after(bookmarkEveryMs, () => {
      action();
      next();
    });
  };
  next();
  stream.onClose(() => cancel());
}

function closeOnAbort(stream: WatchStream, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  if (signal.aborted) stream.close();
  const close = () => stream.close();
  signal.addEventListener('abort', close, { once: true });
  stream.onClose(() => signal.removeEventListener('abort', close));
}
