/** PATCH with an apply configuration (server-side apply): creates what is not there. */
import type { KubeObject } from '../../../kube/meta.ts';
import type { Admission } from '../admission/dynamic-admission.ts';
import { cloneJson, isJsonObject, type JsonObject } from '../json.ts';
import { updateLastApplied } from '../managedfields/last-applied.ts';
import { applyFields, type Manager, readManagers, writeManagers } from '../managedfields/managers.ts';
import { typedValuesOf } from '../managedfields/settle.ts';
import type { TypedValues } from '../managedfields/typed-value.ts';
import { apiVersionOf, type Resource } from '../registry/resource.ts';
import { badRequest, conflict, invalid, notFound, undecodable, untypedPatch } from '../status.ts';
import { required } from '../validation/field-error.ts';
import { createAdmitted, updateAdmitted } from './admitted-writes.ts';
import type { WriteOptions } from './create.ts';
import { keyFor, type ObjectRef, type RestContext, timestamp } from './rest-context.ts';

export interface ApplyRequest {
  body: unknown;
  /** As ApiRequest has them. */
  duplicates?: readonly string[] | undefined;
  /** Undefined where the client does not say, which is refused. */
  managerName: string | undefined;
  force: boolean;
  subresource: string | undefined;
  options: Pick<WriteOptions, 'dryRun' | 'guard'>;
  admissionOf(operation: 'CREATE' | 'UPDATE'): Admission | undefined;
}

const patchOptions = { group: 'meta.k8s.io', plural: 'patchoptions', kind: 'PatchOptions' };

/** Whether a patch is server-side apply's, in YAML or JSON. */
export function isApply(contentType: string | undefined): boolean {
  return (contentType ?? '').split(';')[0]!.trim() === 'application/apply-patch+yaml';
}

/** Throws ApiError: Conflict where a field is another manager's, BadRequest for a body that does not fit. */
export async function applyObject(
  context: RestContext,
  ref: ObjectRef,
  request: ApplyRequest,
): Promise<{ object: KubeObject; created: boolean }> {
  const { resource } = ref;
  const { managerName, subresource, force, options } = request;
  if (!managerName)
    throw invalid(patchOptions, '', [required('fieldManager', 'is required for apply patch')]);
  const applied = await readConfiguration(ref, request);
  const types = typedValuesOf(resource);
  if (types === undefined)
    throw badRequest(`${resource.plural} cannot be applied in ${apiVersionOf(resource)}`);
  refuseUntyped(types, applied, describe(ref, request.body as JsonObject));
  const manager: Manager = {
    name: managerName,
    operation: 'Apply',
    apiVersion: apiVersionOf(resource),
    ...(subresource && { subresource }),
  };
  const wishOf = (live: JsonObject) =>
    outcome(live, applied, {
      ...{ manager, force, types, now: timestamp(context.clock.now()) },
      configuration: request.body as JsonObject,
    });
  const writing = { ...options, applied: true };
  if (context.storage.get(resource.collection, keyFor(ref)) !== undefined)
    return {
      object: await updateAdmitted(context, ref, wishOf, {
        ...{ ...writing, subresource },
        admission: request.admissionOf('UPDATE'),
      }),
      created: false,
    };
  if (subresource !== undefined) throw notFound(resource, ref.name);
  if (applied.metadata.uid)
    throw conflict(
      resource,
      ref.name,
      `uid mismatch: the provided object specified uid ${applied.metadata.uid}, and no existing object was found`,
    );
  const admission = request.admissionOf('CREATE');
  return { object: await createAdmitted(context, ref, wishOf({}), { ...writing, admission }), created: true };
}

/** As the client calls it. */
function describe({ resource, name }: ObjectRef, { metadata }: JsonObject): string {
  const version = resource.group === '' ? `/${resource.version}` : apiVersionOf(resource);
  return `${metadata?.namespace ?? ''}/${name}; ${version}, Kind=${resource.kind}`;
}

/** Of lists that have a key twice or an item without one. */
function refuseUntyped(types: TypedValues, applied: JsonObject, subject: string): void {
  try {
    types.fieldsOf(applied);
  } catch (error) {
    throw untypedPatch(subject, (error as Error).message);
  }
}

interface Applying {
  manager: Manager;
  force: boolean;
  types: TypedValues;
  now: string;
  /** As the client sent it. */
  configuration: JsonObject;
}

function outcome(live: JsonObject, applied: JsonObject, how: Applying): JsonObject {
  const before = readManagers(live.metadata?.managedFields);
  const { object, managers } = applyFields(before, { live, applied, ...how });
  const draft = cloneJson(object);
  draft.metadata.managedFields = writeManagers(managers);
  if (draft.metadata.managedFields === undefined) delete draft.metadata.managedFields;
  if (how.manager.name === 'kubectl') updateLastApplied(draft, how.configuration);
  return draft;
}

/** The part of the body that this path takes. */
async function readConfiguration(
  ref: ObjectRef,
  { body, duplicates = [], subresource }: ApplyRequest,
): Promise<JsonObject> {
  const { resource } = ref;
  if (!isJsonObject(body)) throw badRequest('error decoding YAML: the patch must be an object');
  if (duplicates.length > 0) throw undecodable(`error decoding YAML: ${duplicates.join(', ')}`);
  checkKind(resource, body);
  const metadata = isJsonObject(body.metadata) ? body.metadata : {};
  if (metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  const decode = await resource.decoder();
  const { object, unknown, typeErrors } = decode(body);
  const wrong = typeErrors[0] ?? (unknown[0] && `.${unknown[0]}: field not declared in schema`);
  if (wrong !== undefined) throw untypedPatch(describe(ref, body), wrong);
  object.metadata = { ...object.metadata, name: object.metadata?.name ?? ref.name };
  if (ref.namespace !== undefined) object.metadata.namespace ??= ref.namespace;
  if (subresource !== 'status') {
    if (resource.hasStatus) delete object.status;
    return object;
  }
  const { apiVersion, kind, status } = object;
  return { apiVersion, kind, metadata: object.metadata, ...(status && { status }) };
}

function checkKind(resource: Resource, body: JsonObject): void {
  const { kind, apiVersion } = body;
  if (typeof kind !== 'string' || kind === '')
    throw badRequest("invalid object type: Object 'Kind' is missing");
  if (kind === resource.kind && apiVersion === apiVersionOf(resource)) return;
  const group = typeof apiVersion === 'string' ? apiVersion : '';
  throw badRequest(`invalid object type: ${group.includes('/') ? group : `/${group}`}, Kind=${kind}`);
}
