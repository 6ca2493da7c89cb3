/** The subresource `scale`: how many replicas a workload is to have. */
import type { KubeObject } from '../../../kube/meta.ts';
import type { ApiResponse } from '../api-request.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { apiVersionOf } from '../registry/resource.ts';
import { loadDefinitions } from '../schema/definitions.ts';
import { definitionDecoder } from '../schema/field-check.ts';
import { badRequest } from '../status.ts';
import { scaleColumns } from '../table/workload-columns.ts';
import { applyObject, isApply } from './apply.ts';
import { bodyCheck, fieldValidationOf } from './body.ts';
import { type Call, dryRunOf, refOf, writeOptionsOf } from './call.ts';
import { admissionOf } from './call-admission.ts';
import type { WriteOptions } from './create.ts';
import { facing, preparePresent } from './faces.ts';
import { flagIn } from './options.ts';
import { readPatch } from './patch.ts';
import { presentationOf, presentObject } from './presentation.ts';
import { type Scale, scaleOf, updateScale, withReplicas } from './subresources.ts';

const scaleDefinition = 'io.k8s.api.autoscaling.v1.Scale';
const scaleDecoder = definitionDecoder(scaleDefinition);

async function writeScale(call: Call): Promise<Scale> {
  const { request, target, query } = call;
  const options = writeOptionsOf(call);
  const how = { kind: 'Scale', version: 'v1', mode: fieldValidationOf(query) };
  const check = bodyCheck(await scaleDecoder(), how);
  const checkScale = (wish: unknown) => {
    const { kind = 'Scale', apiVersion = 'autoscaling/v1' } = isJsonObject(wish) ? wish : {};
    if (!isJsonObject(wish) || kind !== 'Scale' || apiVersion !== 'autoscaling/v1')
      throw badRequest('the object provided is unrecognized: a Scale of autoscaling/v1 is expected');
    return check(wish).object;
  };
  if (isApply(request.contentType)) return applyScale(call, checkScale(request.body));
  const write = (wishOf: (old: Scale) => JsonObject) => writeAdmitted(call, wishOf, options);
  if (request.method === 'PUT') return write(() => checkScale(request.body));
  const patched = {
    definition: scaleDefinition,
    definitions: loadDefinitions,
    mergesStrategically: target.resource.mergesStrategically,
  };
  const change = await readPatch(request.contentType, request.body, patched);
  return write((old) => checkScale(change(old as unknown as JsonObject)));
}

const scaleKind = { group: 'autoscaling', version: 'v1', kind: 'Scale' };

/** Admission is asked about the Scale; what it makes of that is what the workload is updated by. */
async function writeAdmitted(
  call: Call,
  wishOf: (old: Scale) => JsonObject,
  options: WriteOptions,
): Promise<Scale> {
  const { context, target } = call;
  const ref = refOf(target);
  const admission = admissionOf(call, { operation: 'UPDATE', kind: scaleKind });
  if (admission === undefined) return updateScale(context, ref, wishOf, options);
  const old = scaleOf(target.resource, facing(target.resource, await preparePresent(context, ref)));
  const wish = wishOf(old);
  const metadata = { ...old.metadata, ...wish.metadata };
  const { spec } = await admission.admit({ ...old, ...wish, metadata } as JsonObject, old as object);
  return updateScale(context, ref, () => ({ ...wish, spec }), options);
}

/** A server-side apply of the workload's one field (scale_handler.go in apimachinery's managedfields). */
async function applyScale(call: Call, { metadata, spec }: JsonObject): Promise<Scale> {
  const { context, query, target } = call;
  const { resource } = target;
  const ref = refOf(target);
  const old = scaleOf(resource, facing(resource, await preparePresent(context, ref)));
  const admission = admissionOf(call, { operation: 'UPDATE', kind: scaleKind });
  const wish = { ...old, metadata: { ...old.metadata, ...metadata }, spec: { ...old.spec, ...spec } };
  const admitted = (await admission?.admit(wish as JsonObject, old as object)) ?? wish;
  const workload = { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: metadata ?? {} };
  const replicas = spec?.replicas === undefined ? undefined : admitted.spec.replicas;
  const { object } = await applyObject(context, ref, {
    body:
      replicas === undefined
        ? workload
        : withReplicas(workload as JsonObject as KubeObject, resource.scale!.replicas, replicas),
    ...{ managerName: query.get('fieldManager') ?? undefined, force: flagIn(query, 'force') },
    ...{ subresource: 'scale', options: dryRunOf(query), admissionOf: () => undefined },
  });
  return scaleOf(resource, facing(resource, object));
}

/** GET, PUT and PATCH: a Scale of autoscaling/v1, whatever the workload. */
export async function scale(call: Call): Promise<ApiResponse> {
  const { context, request, target, query } = call;
  const how = presentationOf(target.resource, { accept: request.accept, query });
  const present = async () => facing(target.resource, await preparePresent(context, refOf(target)));
  const found = request.method === 'GET' ? scaleOf(target.resource, await present()) : await writeScale(call);
  const printed = { ...target.resource, columns: scaleColumns };
  const body = presentObject(printed, found as unknown as KubeObject, how, context.clock.now());
  return { status: 200, body };
}
