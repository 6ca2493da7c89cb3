/** A request as dynamic admission is asked about it, by its path, query and user. */

import type { GroupVersionKind, Operation } from '../admission/attributes.ts';
import type { Admission } from '../admission/dynamic-admission.ts';
import type { UserInfo } from '../api-request.ts';
import { anonymous } from '../auth/permission.ts';
import type { JsonObject } from '../json.ts';
import { type Call, dryRunOf } from './call.ts';

/** The program's own parts: in a cluster they have names of their own. */
const ownParts: UserInfo = {
  username: 'system:apiserver',
  groups: ['system:masters', 'system:authenticated'],
};

const optionKinds: Record<Operation, string | undefined> = {
  CREATE: 'CreateOptions',
  UPDATE: 'UpdateOptions',
  DELETE: 'DeleteOptions',
  CONNECT: undefined,
};

function optionsOf({ query }: Call, operation: Operation, more: JsonObject): JsonObject | null {
  const kind = optionKinds[operation];
  if (kind === undefined) return null;
  const told = ['fieldManager', 'fieldValidation'].flatMap((key) => {
    const value = query.get(key);
    return value ? [[key, value]] : [];
  });
  const dryRun = query.getAll('dryRun');
  return {
    ...more,
    kind,
    apiVersion: 'meta.k8s.io/v1',
    ...(dryRun.length > 0 && { dryRun }),
    ...Object.fromEntries(told),
  };
}

export interface AdmissionOf {
  operation: Operation;
  /** Of the object, where that is not the resource's own. */
  kind?: GroupVersionKind;
  /** Where the path does not say it. */
  name?: string | undefined;
  namespace?: string | undefined;
  /** Beside what the query says. */
  options?: JsonObject;
}

/** Undefined where nothing that is configured is about it. */
export function admissionOf(call: Call, of: AdmissionOf): Admission | undefined {
  const { context, request, target, query, warnings } = call;
  if (context.dynamicAdmission.isIdle) return undefined;
  const { resource, subresource } = target;
  const name = target.name ?? of.name ?? '';
  const isNamespace = resource.collection === '/namespaces';
  const options = optionsOf(call, of.operation, of.options ?? {});
  return context.dynamicAdmission.of(
    {
      operation: of.operation,
      resource,
      subresource,
      kind: of.kind,
      namespace: isNamespace ? name : (target.namespace ?? of.namespace ?? ''),
      name,
      options,
      dryRun: dryRunOf(query).dryRun || options?.dryRun?.length > 0,
      user: request.trusted ? ownParts : (request.user?.() ?? anonymous),
      signal: request.signal,
    },
    warnings,
  );
}

/** Asks about what is not stored as it is sent: the object as it may be. Throws ApiError. */
export async function admitted<T extends JsonObject | null>(
  call: Call,
  object: T,
  of: AdmissionOf,
): Promise<T> {
  return (await admissionOf(call, of)?.admit(object, null)) ?? object;
}
