/** A request for a resource: what it asks for besides the object, and the form of its answer. */
import type { KubeObject } from '../../../kube/meta.ts';
import type { ApiRequest, ApiResponse } from '../api-request.ts';
import { escalationGuard, type WriteGuard } from '../auth/escalation.ts';
import { anonymous } from '../auth/permission.ts';
import { isJsonObject } from '../json.ts';
import type { Manager } from '../managedfields/managers.ts';
import { apiVersionOf } from '../registry/resource.ts';
import { badRequest } from '../status.ts';
import type { WriteOptions } from './create.ts';
import type { DeleteOptions } from './delete.ts';
import { facing, prepareFaces } from './faces.ts';
import { presentationOf, presentObject } from './presentation.ts';
import type { Target } from './request-path.ts';
import type { ObjectRef, RestContext } from './rest-context.ts';

/** One request with its path and query read. */
export interface Call {
  context: RestContext;
  request: ApiRequest;
  query: URLSearchParams;
  target: Target;
  /** What the client is told of beside the answer, whatever that is. */
  warnings: string[];
}

/** Of a target that has a name. */
export function refOf({ resource, namespace, name }: Target): ObjectRef {
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

export function writeOptionsOf(call: Call): WriteOptions {
  return { ...dryRunOf(call.query), manager: managerOf(call), guard: guardOf(call) };
}

/** The program's own parts grant what they like. */
export function guardOf({ context, request, target }: Call): WriteGuard | undefined {
  if (request.trusted) return undefined;
  const { authorizer } = context;
  const { resource, namespace, name } = target;
  return escalationGuard(resource, { user: request.user?.() ?? anonymous, authorizer, namespace, name });
}

/** Throws BadRequest. */
export function dryRunOf(query: URLSearchParams): { dryRun: boolean } {
  const dryRun = query.getAll('dryRun');
  if (dryRun.some((v) => v !== 'All'))
    throw badRequest(`Invalid value: ${JSON.stringify(dryRun)}: dryRun: supported values: "All"`);
  return { dryRun: dryRun.length > 0 };
}

/** From DeleteOptions and, where they are silent, the query. Throws BadRequest. */
export function deleteOptionsOf(told: unknown, query: URLSearchParams): DeleteOptions {
  const body = isJsonObject(told) ? told : {};
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

/** The object, in the form that the client asked for. */
export async function answer(
  call: Call,
  object: KubeObject,
  status = 200,
  warnings: string[] = [],
): Promise<ApiResponse> {
  const { resource } = call.target;
  await prepareFaces(resource, [object]);
  const how = presentationOf(resource, { accept: call.request.accept, query: call.query });
  const body = presentObject(resource, facing(resource, object), how, call.context.clock.now());
  return { status, body, warnings };
}

/** The program's own parts want no advice. */
export function warningsOf({ request, target }: Call, object: KubeObject): string[] {
  return request.trusted ? [] : (target.resource.strategy.warnings?.(object) ?? []);
}
