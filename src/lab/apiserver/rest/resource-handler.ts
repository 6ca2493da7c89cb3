/** Verbs on resources: which function a method on a path means. */
import type { ApiError } from '../../../kube/client/api-error.ts';
import type { ApiRequest, ApiResponse } from '../api-request.ts';
import { requirePermission } from '../auth/permission.ts';
import { requestToken } from '../auth/token-request.ts';
import type { JsonObject } from '../json.ts';
import type { Resource } from '../registry/resource.ts';
import { badRequest, invalid, methodNotAllowed, notImplemented, pathNotFound } from '../status.ts';
import { applyObject, isApply } from './apply.ts';
import { fieldValidationOf, readObject } from './body.ts';
import { answer, type Call, deleteOptionsOf, dryRunOf, refOf, warningsOf, writeOptionsOf } from './call.ts';
import { createObject } from './create.ts';
import { type Deletion, deleteObject } from './delete.ts';
import { listObjects, refuseFuture } from './list.ts';
import { checkedPatch, readPatch } from './patch.ts';
import { readPodLogs } from './pod-logs.ts';
import { openPodStream, type PodStreamKind } from './pod-streams.ts';
import { presentationOf, presentList, presentStream } from './presentation.ts';
import type { Target } from './request-path.ts';
import { getStored, keyFor, type RestContext } from './rest-context.ts';
import { scale } from './scale.ts';
import { bindPod, finalizeNamespace } from './subresources.ts';
import { type UpdateOptions, updateObject } from './update.ts';
import { watchObjects } from './watch.ts';

function get(call: Call): ApiResponse {
  refuseFuture(call.context, call.query.get('resourceVersion') ?? '');
  return answer(call, getStored(call.context, refOf(call.target)));
}

function list(call: Call): ApiResponse {
  const how = presentationOf(call.request.accept, call.query);
  const objects = listObjects(call.context, call.target, call.query);
  return { status: 200, body: presentList(call.target.resource, objects, how, call.context.clock.now()) };
}

function watch(call: Call): ApiResponse {
  const { resource, namespace, name } = call.target;
  const how = presentationOf(call.request.accept, call.query);
  const query = new URLSearchParams(call.query);
  if (name !== undefined) query.set('fieldSelector', `metadata.name=${name}`);
  const stream = watchObjects(call.context, { resource, namespace }, query, call.request.signal);
  return { status: 200, events: presentStream(resource, stream, how, () => call.context.clock.now()) };
}

async function create(call: Call): Promise<ApiResponse> {
  const { resource, namespace } = call.target;
  const options = writeOptionsOf(call);
  const { object, warnings } = await readObject(resource, call.request.body, {
    query: call.query,
    trusted: call.request.trusted === true,
  });
  if (resource.namespaced && namespace === undefined && !object.metadata?.namespace) {
    throw badRequest('an empty namespace may not be set during creation');
  }
  const created = createObject(call.context, { resource, namespace }, object, options);
  const kept = resource.keptOnly === undefined ? [] : [resource.keptOnly];
  return answer(call, created, 201, [...warnings, ...warningsOf(call, created), ...kept]);
}

async function update(call: Call, subresource?: 'status'): Promise<ApiResponse> {
  const { resource } = call.target;
  const options: UpdateOptions = { ...writeOptionsOf(call), subresource };
  const { object, warnings } = await readObject(resource, call.request.body, {
    query: call.query,
    trusted: call.request.trusted === true,
  });
  if (resource.updatesNeedVersion && !object.metadata?.resourceVersion) throw versionMissing(call.target);
  const stored = updateObject(call.context, refOf(call.target), () => object, options);
  return answer(call, stored, 200, [...warnings, ...warningsOf(call, stored)]);
}

function versionMissing({ resource, name = '' }: Target): ApiError {
  const field = 'metadata.resourceVersion';
  const message = 'Invalid value: 0: must be specified for an update';
  return invalid(resource, name, [{ field, reason: 'FieldValueInvalid', message }]);
}

async function apply(call: Call, subresource?: 'status'): Promise<ApiResponse> {
  const { context, request, query, target } = call;
  const { object, created } = await applyObject(context, refOf(target), {
    body: request.body,
    managerName: query.get('fieldManager') ?? undefined,
    force: ['true', '1'].includes(query.get('force') ?? ''),
    subresource,
    options: dryRunOf(query),
  });
  return answer(call, object, created ? 201 : 200, warningsOf(call, object));
}

async function patch(call: Call, subresource?: 'status'): Promise<ApiResponse> {
  if (isApply(call.request.contentType)) return apply(call, subresource);
  const { resource } = call.target;
  const options: UpdateOptions = { ...writeOptionsOf(call), subresource };
  const { contentType, body, trusted } = call.request;
  const change = await readPatch(contentType, body, resource);
  if (trusted) {
    return answer(
      call,
      updateObject(call.context, refOf(call.target), (old) => change(old), options),
    );
  }
  const checked = await checkedPatch(resource, change, fieldValidationOf(call.query));
  const stored = updateObject(call.context, refOf(call.target), checked.apply, options);
  return answer(call, stored, 200, [...checked.warnings, ...warningsOf(call, stored)]);
}

function deletionAnswer(call: Call, { object, gone }: Deletion): ApiResponse {
  const { resource } = call.target;
  if (!gone || ['pods', 'services'].includes(resource.plural)) return answer(call, object);
  const { name, uid } = object.metadata;
  const details = {
    name,
    ...(resource.group === '' ? {} : { group: resource.group }),
    kind: resource.plural,
    uid,
  };
  return {
    status: 200,
    body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details },
  };
}

function remove(call: Call): ApiResponse {
  const options = deleteOptionsOf(call.request.body, call.query);
  return deletionAnswer(call, deleteObject(call.context, refOf(call.target), options));
}

function removeCollection(call: Call): ApiResponse {
  const { resource, namespace } = call.target;
  const options = deleteOptionsOf(call.request.body, call.query);
  const objects = listObjects(call.context, { resource, namespace }, call.query);
  for (const { metadata } of objects.items) {
    if (call.context.storage.get(resource.collection, keyFor(metadata)) === undefined) continue;
    deleteObject(call.context, { resource, namespace: metadata.namespace, name: metadata.name }, options);
  }
  return { status: 200, body: objects };
}

const success = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };

function bind(call: Call): ApiResponse {
  bindPod(call.context, refOf(call.target), (call.request.body ?? {}) as JsonObject, dryRunOf(call.query));
  return { status: 201, body: { ...success, code: 201 } };
}

function evict(call: Call): ApiResponse {
  const eviction = (call.request.body ?? {}) as JsonObject;
  deleteObject(call.context, refOf(call.target), deleteOptionsOf(eviction.deleteOptions, call.query));
  return { status: 201, body: { ...success, code: 201 } };
}

async function finalize(call: Call): Promise<ApiResponse> {
  const { context, request, query, target } = call;
  const trusted = request.trusted === true;
  const { object, warnings } = await readObject(target.resource, request.body, { query, trusted });
  const left = finalizeNamespace(context, refOf(target), object, dryRunOf(query));
  return answer(call, left, 200, warnings);
}

function token({ context, request, target, query }: Call): ApiResponse {
  dryRunOf(query);
  return { status: 201, body: requestToken(context, refOf(target), request.body) };
}

async function logs(call: Call): Promise<ApiResponse> {
  const raw = await readPodLogs(call.context, refOf(call.target), call.query);
  return { status: 200, contentType: 'text/plain', raw };
}

const stream: Verb = ({ context, request, query, target }) => {
  // A WebSocket asks by GET, which whoever may only look may do too (feature AuthorizePodWebsocketUpgradeCreatePermission).
  if (!request.trusted) requirePermission(context, { ...request, method: 'POST' });
  const subresource = target.subresource as PodStreamKind;
  return openPodStream(context, refOf(target), { subresource, query, upgrade: request.upgrade === true });
};

type Verb = (call: Call) => ApiResponse | Promise<ApiResponse>;

const onCollection: Record<string, Verb> = { GET: list, POST: create, DELETE: removeCollection };
const onObject: Record<string, Verb> = {
  GET: get,
  PUT: (c) => update(c),
  PATCH: (c) => patch(c),
  DELETE: remove,
};
const onStatus: Record<string, Verb> = {
  GET: get,
  PUT: (c) => update(c, 'status'),
  PATCH: (c) => patch(c, 'status'),
};
const onScale: Record<string, Verb> = { GET: scale, PUT: scale, PATCH: scale };
const notServed = ['proxy', 'ephemeralcontainers', 'resize'];

function verbsFor({ resource, name, subresource }: Target): Record<string, Verb> | undefined {
  if (name === undefined) return onCollection;
  if (subresource === undefined) return onObject;
  if (subresource === 'status') return resource.hasStatus ? onStatus : undefined;
  if (subresource === 'scale') return resource.scale ? onScale : undefined;
  const special: Record<string, Record<string, Verb>> = {
    'serviceaccounts/token': { POST: token },
    'pods/binding': { POST: bind },
    'pods/eviction': { POST: evict },
    'pods/log': { GET: logs },
    'pods/exec': { GET: stream, POST: stream },
    'pods/attach': { GET: stream, POST: stream },
    'pods/portforward': { GET: stream, POST: stream },
    'namespaces/finalize': { PUT: finalize },
  };
  return special[`${resource.plural}/${subresource}`];
}

function withDeprecation({ deprecation }: Resource, response: ApiResponse): ApiResponse {
  if (deprecation === undefined || !('body' in response)) return response;
  return { ...response, warnings: [deprecation, ...(response.warnings ?? [])] };
}

/** Answers a request for a resource. Throws ApiError. */
export async function handleResource(
  context: RestContext,
  request: ApiRequest,
  target: Target,
): Promise<ApiResponse> {
  const query = request.query ?? new URLSearchParams();
  const call: Call = { context, request, query, target };
  const { resource, subresource } = target;
  if (subresource !== undefined && notServed.includes(subresource.split('/')[0]!)) {
    throw notImplemented(`${resource.plural}/${subresource} is not implemented by this server`);
  }
  if (resource.refusal !== undefined) throw notImplemented(resource.refusal);
  const wantsWatch = target.watch || ['true', '1'].includes(query.get('watch') ?? '');
  if (request.method === 'GET' && wantsWatch && subresource === undefined) return watch(call);
  await resource.strategy.load?.();
  const verbs = verbsFor(target);
  if (verbs === undefined) throw pathNotFound();
  const verb = verbs[request.method];
  if (verb === undefined) throw methodNotAllowed(resource, request.method.toLowerCase());
  return withDeprecation(resource, await verb(call));
}
