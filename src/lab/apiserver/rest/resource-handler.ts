/** Verbs on resources: which function a method on a path means, and the answer's form. */
import type { ApiError } from '../../../kube/client/api-error.ts';
import type { KubeObject } from '../../../kube/meta.ts';
import type { ApiRequest, ApiResponse } from '../api-request.ts';
import { requirePermission } from '../auth/permission.ts';
import { requestToken } from '../auth/token-request.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import type { Manager } from '../managedfields/managers.ts';
import { apiVersionOf, type Resource } from '../registry/resource.ts';
import { loadDefinitions } from '../schema/definitions.ts';
import { definitionDecoder } from '../schema/field-check.ts';
import { badRequest, invalid, methodNotAllowed, notImplemented, pathNotFound } from '../status.ts';
import { scaleColumns } from '../table/workload-columns.ts';
import { applyObject, isApply } from './apply.ts';
import { bodyCheck, fieldValidationOf, readObject } from './body.ts';
import { createObject, type WriteOptions } from './create.ts';
import { type DeleteOptions, type Deletion, deleteObject } from './delete.ts';
import { facing, listObjects, refuseFuture } from './list.ts';
import { checkedPatch, readPatch } from './patch.ts';
import { readPodLogs } from './pod-logs.ts';
import { openPodStream, type PodStreamKind } from './pod-streams.ts';
import { presentationOf, presentList, presentObject, presentStream } from './presentation.ts';
import type { Target } from './request-path.ts';
import { getStored, keyFor, type ObjectRef, type RestContext } from './rest-context.ts';
import { bindPod, finalizeNamespace, type Scale, scaleOf, updateScale } from './subresources.ts';
import { type UpdateOptions, updateObject } from './update.ts';
import { watchObjects } from './watch.ts';

/** One request with its path and query read. */
interface Call {
  context: RestContext;
  request: ApiRequest;
  query: URLSearchParams;
  target: Target;
}

function refOf({ resource, namespace, name }: Target): ObjectRef {
  return { resource, namespace, name: name! };
}

/** Undefined for the program's own parts, which manage nothing by name. */
function managerOf({ request, query, target }: Call): Manager | undefined {
  if (request.trusted) return undefined;
  const { resource, subresource } = target;
  // As client-go's user agents are written: the program before the first slash.
  const name = query.get('fieldManager') || request.userAgent?.split('/')[0] || 'unknown';
  const apiVersion = apiVersionOf(resource);
  return { name, operation: 'Update', apiVersion, ...(subresource && { subresource }) };
}

function writeOptionsOf(call: Call): WriteOptions {
  return { ...dryRunOf(call.query), manager: managerOf(call) };
}

function dryRunOf(query: URLSearchParams): { dryRun: boolean } {
  const dryRun = query.getAll('dryRun');
  if (dryRun.some((v) => v !== 'All'))
    throw badRequest(`Invalid value: ${JSON.stringify(dryRun)}: dryRun: supported values: "All"`);
  return { dryRun: dryRun.length > 0 };
}

function answer(call: Call, object: KubeObject, status = 200, warnings: string[] = []): ApiResponse {
  const { resource } = call.target;
  const how = presentationOf(call.request.accept, call.query);
  const body = presentObject(resource, facing(resource, object), how, call.context.clock.now());
  return { status, body, warnings };
}

/** The program's own parts want no advice. */
function warningsOf({ request, target }: Call, object: KubeObject): string[] {
  return request.trusted ? [] : (target.resource.strategy.warnings?.(object) ?? []);
}

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

/** From the body (DeleteOptions) and, where that is silent, the query. */
function deleteOptionsOf({ request, query }: Call): DeleteOptions {
  const body = isJsonObject(request.body) ? request.body : {};
  const seconds = query.get('gracePeriodSeconds');
  const grace = body.gracePeriodSeconds ?? (seconds === null ? undefined : Number(seconds));
  if (grace !== undefined && !Number.isInteger(grace))
    throw badRequest(`gracePeriodSeconds: "${seconds ?? grace}" is not an integer`);
  const orphan =
    body.orphanDependents ??
    (query.has('orphanDependents') ? query.get('orphanDependents') === 'true' : undefined);
  const policy =
    body.propagationPolicy ?? query.get('propagationPolicy') ?? (orphan === true ? 'Orphan' : undefined);
  if (policy !== undefined && !['Orphan', 'Background', 'Foreground'].includes(policy)) {
    throw badRequest(
      `propagationPolicy: Unsupported value: "${policy}": supported values: "Background", "Foreground", "Orphan"`,
    );
  }
  const { dryRun } = dryRunOf(query);
  return {
    dryRun: dryRun || body.dryRun?.length > 0,
    gracePeriodSeconds: grace,
    propagationPolicy: policy,
    preconditions: body.preconditions,
  };
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
  return deletionAnswer(call, deleteObject(call.context, refOf(call.target), deleteOptionsOf(call)));
}

function removeCollection(call: Call): ApiResponse {
  const { resource, namespace } = call.target;
  const options = deleteOptionsOf(call);
  const objects = listObjects(call.context, { resource, namespace }, call.query);
  for (const { metadata } of objects.items) {
    if (call.context.storage.get(resource.collection, keyFor(metadata)) === undefined) continue;
    deleteObject(call.context, { resource, namespace: metadata.namespace, name: metadata.name }, options);
  }
  return { status: 200, body: objects };
}

const scaleDefinition = 'io.k8s.api.autoscaling.v1.Scale';
const scaleDecoder = definitionDecoder(scaleDefinition);

async function writeScale(call: Call): Promise<Scale> {
  const { context, request, target, query } = call;
  const ref = refOf(target);
  const options = writeOptionsOf(call);
  const how = { kind: 'Scale', version: 'v1', mode: fieldValidationOf(query) };
  const check = bodyCheck(await scaleDecoder(), how);
  const checkScale = (wish: unknown) => {
    const { kind = 'Scale', apiVersion = 'autoscaling/v1' } = isJsonObject(wish) ? wish : {};
    if (!isJsonObject(wish) || kind !== 'Scale' || apiVersion !== 'autoscaling/v1')
      throw badRequest('the object provided is unrecognized: a Scale of autoscaling/v1 is expected');
    return check(wish).object;
  };
  if (request.method === 'PUT') return updateScale(context, ref, () => checkScale(request.body), options);
  const patched = {
    definition: scaleDefinition,
    definitions: loadDefinitions,
    mergesStrategically: target.resource.mergesStrategically,
  };
  const change = await readPatch(request.contentType, request.body, patched);
  return updateScale(context, ref, (old) => checkScale(change(old as unknown as JsonObject)), options);
}

async function scale(call: Call): Promise<ApiResponse> {
  const { context, request, target, query } = call;
  const how = presentationOf(request.accept, query);
  const present = () => facing(target.resource, getStored(context, refOf(target)));
  const found = request.method === 'GET' ? scaleOf(target.resource, present()) : await writeScale(call);
  const printed = { ...target.resource, columns: scaleColumns };
  const body = presentObject(printed, found as unknown as KubeObject, how, context.clock.now());
  return { status: 200, body };
}

const success = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };

function bind(call: Call): ApiResponse {
  bindPod(call.context, refOf(call.target), (call.request.body ?? {}) as JsonObject, dryRunOf(call.query));
  return { status: 201, body: { ...success, code: 201 } };
}

function evict(call: Call): ApiResponse {
  const eviction = (call.request.body ?? {}) as JsonObject;
  deleteObject(call.context, refOf(call.target), {
    ...eviction.deleteOptions,
    ...dryRunOf(call.query),
  });
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
