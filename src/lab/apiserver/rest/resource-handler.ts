/** Verbs on resources: which function a method on a path means. */
import { ApiError } from '../../../kube/client/api-error.ts';
import type { KubeObject } from '../../../kube/meta.ts';
import type { ApiRequest, ApiResponse } from '../api-request.ts';
import { requirePermission } from '../auth/permission.ts';
import { requestToken } from '../auth/token-request.ts';
import { cloneJson, isJsonObject, type JsonObject } from '../json.ts';
import type { Resource } from '../registry/resource.ts';
import { badRequest, invalid, methodNotAllowed, notImplemented, pathNotFound } from '../status.ts';
import { createAdmitted, deleteAdmitted, updateAdmitted } from './admitted-writes.ts';
import { applyObject, isApply } from './apply.ts';
import { fieldValidationOf, readObject } from './body.ts';
import {
  answer,
  type Call,
  deleteOptionsOf,
  dryRunOf,
  guardOf,
  refOf,
  warningsOf,
  writeOptionsOf,
} from './call.ts';
import { admissionOf, admitted } from './call-admission.ts';
import type { Deletion } from './delete.ts';
import { evictPod } from './eviction.ts';
import { prepareFaces } from './faces.ts';
import { listObjects, refuseFuture } from './list.ts';
import { checkListOptions, checkWriteOptions, flagIn } from './options.ts';
import { checkedPatch, readPatch } from './patch.ts';
import { readPodLogs } from './pod-logs.ts';
import { openPodStream, type PodStreamKind, streamOptions } from './pod-streams.ts';
import { presentationOf, presentList, presentStream } from './presentation.ts';
import type { Target } from './request-path.ts';
import { getStored, keyFor, type RestContext } from './rest-context.ts';
import { scale } from './scale.ts';
import { bindPod, finalizeNamespace } from './subresources.ts';
import type { UpdateOptions } from './update.ts';
import { convertedStream, watchObjects } from './watch.ts';

function get(call: Call): Promise<ApiResponse> {
  refuseFuture(call.context, call.query.get('resourceVersion') ?? '');
  return answer(call, getStored(call.context, refOf(call.target)));
}

async function list(call: Call): Promise<ApiResponse> {
  const how = presentationOf(call.target.resource, { accept: call.request.accept, query: call.query });
  const objects = await listObjects(call.context, call.target, call.query);
  return { status: 200, body: presentList(call.target.resource, objects, how, call.context.clock.now()) };
}

async function watch(call: Call): Promise<ApiResponse> {
  const { resource, namespace, name } = call.target;
  const how = presentationOf(resource, { accept: call.request.accept, query: call.query });
  const query = new URLSearchParams(call.query);
  if (name !== undefined) query.set('fieldSelector', `metadata.name=${name}`);
  const { storage, clock } = call.context;
  const converts = resource.conversion?.webhook !== undefined;
  if (converts) await prepareFaces(resource, storage.list(resource.collection, { namespace }));
  const stream = watchObjects(call.context, { resource, namespace }, query, call.request.signal);
  const events = converts ? convertedStream(resource, stream) : stream;
  const presented = presentStream(resource, events, how, () => clock.now());
  return { status: 200, events: presented, ...(how.protobuf && { protobuf: true }) };
}

async function create(call: Call): Promise<ApiResponse> {
  const { resource, namespace } = call.target;
  const options = writeOptionsOf(call);
  const { object, warnings } = await readObject(resource, call.request, call.query);
  const admission = admissionOf(call, { operation: 'CREATE', ...ofMetadata(object) });
  const created = await createAdmitted(call.context, { resource, namespace }, object, {
    ...options,
    admission,
  });
  const kept = resource.keptOnly === undefined ? [] : [resource.keptOnly];
  return answer(call, created, 201, [...warnings, ...warningsOf(call, created), ...kept]);
}

const ofMetadata = ({ metadata }: JsonObject) => ({ name: metadata?.name, namespace: metadata?.namespace });

async function update(call: Call, subresource?: string): Promise<ApiResponse> {
  const { resource } = call.target;
  const options: UpdateOptions = { ...writeOptionsOf(call), subresource };
  const { object, warnings } = await readObject(resource, call.request, call.query);
  // As of a body that is another's: whoever may write the one must not write the other by leaving out its name.
  if (!call.request.trusted && !object.metadata?.name)
    throw badRequest(
      `the name of the object (${call.target.name} based on URL) was undeterminable: name must be provided`,
    );
  if (resource.updatesNeedVersion && !object.metadata?.resourceVersion) throw versionMissing(call.target);
  const admission = admissionOf(call, { operation: 'UPDATE' });
  const wishOf = () => (admission === undefined ? object : cloneJson(object));
  const stored = await updateAdmitted(call.context, refOf(call.target), wishOf, { ...options, admission });
  return answer(call, stored, 200, [...warnings, ...warningsOf(call, stored)]);
}

function versionMissing({ resource, name = '' }: Target): ApiError {
  const field = 'metadata.resourceVersion';
  const message = 'Invalid value: 0: must be specified for an update';
  // The store, which knows no kinds, says so.
  return invalid({ ...resource, kind: resource.plural }, name, [
    { field, reason: 'FieldValueInvalid', message },
  ]);
}

async function apply(call: Call, subresource?: string): Promise<ApiResponse> {
  const { context, request, query, target } = call;
  const { object, created } = await applyObject(context, refOf(target), {
    body: request.body,
    duplicates: request.duplicates,
    managerName: query.get('fieldManager') ?? undefined,
    force: flagIn(query, 'force'),
    subresource,
    options: { ...dryRunOf(query), guard: guardOf(call) },
    admissionOf: (operation) => admissionOf(call, { operation }),
  });
  return answer(call, object, created ? 201 : 200, warningsOf(call, object));
}

async function patch(call: Call, subresource?: string): Promise<ApiResponse> {
  if (isApply(call.request.contentType)) return apply(call, subresource);
  const { resource } = call.target;
  const options: UpdateOptions = { ...writeOptionsOf(call), subresource };
  const { contentType, body, duplicates, trusted } = call.request;
  const change = await readPatch(contentType, body, resource);
  const admission = admissionOf(call, { operation: 'UPDATE' });
  const write = (wishOf: (old: KubeObject) => JsonObject) =>
    updateAdmitted(call.context, refOf(call.target), wishOf, { ...options, admission });
  if (trusted) return answer(call, await write((old) => change(old)));
  const checked = await checkedPatch(resource, change, { mode: fieldValidationOf(call.query), duplicates });
  const stored = await write(checked.apply);
  return answer(call, stored, 200, [...new Set(checked.warnings), ...warningsOf(call, stored)]);
}

/** Kinds whose last state is what a deletion is answered by (ReturnDeletedObject in pkg/registry). */
const returnsDeleted = new Set([
  '/pods',
  '/services',
  '/serviceaccounts',
  '/namespaces',
  '/persistentvolumeclaims',
]);

function deletionAnswer(call: Call, { object, gone }: Deletion): ApiResponse | Promise<ApiResponse> {
  const { resource } = call.target;
  if (!gone || returnsDeleted.has(resource.collection)) return answer(call, object);
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

function admissionOfDeletion(call: Call) {
  const { body } = call.request;
  return admissionOf(call, { operation: 'DELETE', options: isJsonObject(body) ? body : {} });
}

async function remove(call: Call): Promise<ApiResponse> {
  const options = deleteOptionsOf(call.request.body, call.query);
  const admission = admissionOfDeletion(call);
  return deletionAnswer(
    call,
    await deleteAdmitted(call.context, refOf(call.target), { ...options, admission }),
  );
}

async function removeCollection(call: Call): Promise<ApiResponse> {
  const { resource, namespace } = call.target;
  const options = deleteOptionsOf(call.request.body, call.query);
  const admission = admissionOfDeletion(call);
  const objects = await listObjects(call.context, { resource, namespace }, call.query);
  for (const { metadata } of objects.items) {
    if (call.context.storage.get(resource.collection, keyFor(metadata)) === undefined) continue;
    const ref = { resource, namespace: metadata.namespace, name: metadata.name };
    await deleteAdmitted(call.context, ref, { ...options, admission });
  }
  return { status: 200, body: objects };
}

const success = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };

const kinds = {
  binding: { group: '', version: 'v1', kind: 'Binding' },
  eviction: { group: 'policy', version: 'v1', kind: 'Eviction' },
  tokenRequest: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' },
};

const bodyOf = ({ request }: Call) => (request.body ?? {}) as JsonObject;

async function bind(call: Call): Promise<ApiResponse> {
  const binding = await admitted(call, bodyOf(call), { operation: 'CREATE', kind: kinds.binding });
  bindPod(call.context, refOf(call.target), binding, dryRunOf(call.query));
  return { status: 201, body: { ...success, code: 201 } };
}

async function evict(call: Call): Promise<ApiResponse> {
  const { context, query, target } = call;
  const eviction = await admitted(call, bodyOf(call), { operation: 'CREATE', kind: kinds.eviction });
  const refusal = evictPod(context, refOf(target), eviction, deleteOptionsOf(eviction.deleteOptions, query));
  return { status: 201, body: refusal ?? { ...success, code: 201 } };
}

async function finalize(call: Call): Promise<ApiResponse> {
  const { context, request, query, target } = call;
  const { object, warnings } = await readObject(target.resource, request, query);
  const admission = admissionOf(call, { operation: 'UPDATE' });
  const wish = (await admission?.admit(object, getStored(context, refOf(target)))) ?? object;
  const left = finalizeNamespace(context, refOf(target), wish, dryRunOf(query));
  return answer(call, left, 200, warnings);
}

async function token(call: Call): Promise<ApiResponse> {
  const { context, target, query } = call;
  dryRunOf(query);
  const wanted = await admitted(call, bodyOf(call), { operation: 'CREATE', kind: kinds.tokenRequest });
  return { status: 201, body: requestToken(context, refOf(target), wanted) };
}

async function logs(call: Call): Promise<ApiResponse> {
  const raw = await readPodLogs(call.context, refOf(call.target), call.query);
  return { status: 200, contentType: 'text/plain', raw };
}

const streamKinds: Record<PodStreamKind, string> = {
  exec: 'PodExecOptions',
  attach: 'PodAttachOptions',
  portforward: 'PodPortForwardOptions',
};

async function stream(call: Call): Promise<ApiResponse> {
  const { context, request, query, target } = call;
  // A WebSocket asks by GET, which whoever may only look may do too (feature AuthorizePodWebsocketUpgradeCreatePermission).
  if (!request.trusted) requirePermission(context, { ...request, method: 'POST' });
  const subresource = target.subresource as PodStreamKind;
  const kind = { group: '', version: 'v1', kind: streamKinds[subresource] };
  await admitted(call, streamOptions(kind.kind, query), { operation: 'CONNECT', kind });
  return openPodStream(context, refOf(target), { subresource, query, upgrade: request.upgrade === true });
}

type Verb = (call: Call) => ApiResponse | Promise<ApiResponse>;

const onCollection: Record<string, Verb> = { GET: list, POST: create, DELETE: removeCollection };
/** Of kinds that are in namespaces: what is in all of these is read alone. */
const onEverything: Record<string, Verb> = { GET: list };
const onNamespaces: Record<string, Verb> = { GET: list, POST: create };
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
const onPart: Record<string, Verb> = {
  GET: get,
  PUT: (c) => update(c, c.target.subresource),
  PATCH: (c) => patch(c, c.target.subresource),
};
const onScale: Record<string, Verb> = { GET: scale, PUT: scale, PATCH: scale };
const notServed = ['proxy', 'resize'];

function verbsOfCollection({ resource, namespace }: Target): Record<string, Verb> {
  if (resource.namespaced && namespace === undefined) return onEverything;
  return resource.collection === '/namespaces' ? onNamespaces : onCollection;
}

function verbsFor(target: Target): Record<string, Verb> | undefined {
  const { resource, name, subresource } = target;
  if (name === undefined) return verbsOfCollection(target);
  if (subresource === undefined) return onObject;
  if (subresource === 'status') return resource.hasStatus ? onStatus : undefined;
  if (resource.strategy.parts?.[subresource]) return onPart;
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

/** Throws ApiError. */
function checkOptions({ request, query, target }: Call, watch: boolean): void {
  checkWriteOptions(request, query);
  const lists = target.name === undefined || target.watch;
  if (request.method === 'GET' && lists) checkListOptions(query, { watch });
}

/** Answers a request for a resource. Throws ApiError. */
export async function handleResource(
  context: RestContext,
  request: ApiRequest,
  target: Target,
): Promise<ApiResponse> {
  const query = request.query ?? new URLSearchParams();
  const call: Call = { context, request, query, target, warnings: [] };
  const { resource, subresource } = target;
  if (subresource !== undefined && notServed.includes(subresource.split('/')[0]!)) {
    throw notImplemented(`${resource.plural}/${subresource} is not implemented by this server`);
  }
  const watches = target.watch || flagIn(query, 'watch');
  if (!request.trusted) checkOptions(call, watches);
  if (request.method === 'GET' && watches && subresource === undefined) return watch(call);
  await resource.strategy.load?.();
  const verbs = verbsFor(target);
  if (verbs === undefined) throw pathNotFound();
  // A method may have the name of something that every object has.
  const verb = Object.hasOwn(verbs, request.method) ? verbs[request.method] : undefined;
  if (verb === undefined) throw methodNotAllowed();
  try {
    return withDeprecation(resource, withWarnings(call, await verb(call)));
  } catch (error) {
    // What was warned of is told also where the request is refused.
    if (!(error instanceof ApiError) || call.warnings.length === 0) throw error;
    return { status: error.status.code, body: error.status, warnings: call.warnings };
  }
}

function withWarnings({ warnings }: Call, response: ApiResponse): ApiResponse {
  if (warnings.length === 0 || !('body' in response)) return response;
  return { ...response, warnings: [...(response.warnings ?? []), ...warnings] };
}
