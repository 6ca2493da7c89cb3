/** POST serviceaccounts/NAME/token (registry/core/serviceaccount/storage/token.go). */
import type { KubeObject } from '../../../kube/meta.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { getStored, type ObjectRef, type RestContext, timestamp } from '../rest/rest-context.ts';
import { badRequest, conflict, invalid } from '../status.ts';
import { type FieldError, invalidValue } from '../validation/field-error.ts';
import { type Binding, issuer } from './service-account-tokens.ts';

const subject = { group: 'authentication.k8s.io', plural: 'tokenrequests', kind: 'TokenRequest' };
const defaultSeconds = 3600;
const minimumSeconds = 600;
/** What kubelets ask for: programs that read their token once live on for a year, as in kube-apiserver. */
const kubeletSeconds = 3607;
const extendedSeconds = 365 * 24 * 3600;

/** Throws ApiError: NotFound for the account or what the token is to be bound to, Conflict for another's uid, Invalid. */
export function requestToken(context: RestContext, ref: ObjectRef, body: unknown): JsonObject {
  const account = getStored(context, ref);
  if (!isJsonObject(body)) throw badRequest('a TokenRequest is expected');
  const spec = isJsonObject(body.spec) ? body.spec : {};
  const expirationSeconds = spec.expirationSeconds ?? defaultSeconds;
  const audiences: string[] = spec.audiences?.length > 0 ? spec.audiences : [issuer];
  const errors = checkLifetime(expirationSeconds);
  if (errors.length > 0) throw invalid(subject, '', errors);
  const { binding, pod } = bindingOf(context, ref, spec.boundObjectRef);
  const extended = pod !== undefined && expirationSeconds === kubeletSeconds && audiences.join() === issuer;
  const token = context.tokens.issue({
    namespace: ref.namespace!,
    name: ref.name,
    uid: account.metadata.uid,
    audiences,
    lifetime: extended ? extendedSeconds : expirationSeconds,
    ...(extended && { warnAfter: expirationSeconds }),
    ...(binding && { binding }),
    ...(pod && nodeOf(context, pod)),
  });
  const now = context.clock.now();
  return {
    kind: subject.kind,
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name: ref.name, namespace: ref.namespace, creationTimestamp: timestamp(now) },
    spec: { audiences, expirationSeconds, boundObjectRef: spec.boundObjectRef ?? null },
    status: { token, expirationTimestamp: timestamp(now + expirationSeconds * 1000) },
  };
}

function checkLifetime(seconds: unknown): FieldError[] {
  const field = 'spec.expirationSeconds';
  if (typeof seconds !== 'number' || !Number.isInteger(seconds) || seconds < minimumSeconds)
    return [invalidValue(field, seconds, 'may not specify a duration less than 10 minutes')];
  if (seconds > 2 ** 32)
    return [invalidValue(field, seconds, 'may not specify a duration larger than 2^32 seconds')];
  return [];
}

function bindingOf(
  context: RestContext,
  { namespace, name }: ObjectRef,
  bound: unknown,
): { binding?: Binding; pod?: KubeObject & JsonObject } {
  if (!isJsonObject(bound)) return {};
  const { kind, name: boundName = '', uid } = bound;
  if (kind !== 'Pod' && kind !== 'Secret' && kind !== 'Node')
    throw badRequest(`cannot bind token to object of type ${bound.apiVersion ?? ''}, Kind=${kind}`);
  const resource = context.resources.find('', 'v1', `${kind.toLowerCase()}s`)!;
  const object = getStored(context, {
    resource,
    namespace: kind === 'Node' ? undefined : namespace,
    name: boundName,
  });
  if (uid && uid !== object.metadata.uid)
    throw conflict(
      resource,
      boundName,
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  const binding: Binding = { kind, name: boundName, uid: object.metadata.uid };
  if (kind !== 'Pod') return { binding };
  const pod = object as KubeObject & JsonObject;
  if (pod.spec.serviceAccountName !== name)
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(name)} to pod running with different serviceaccount name.`,
    );
  return { binding, pod };
}

function nodeOf(context: RestContext, pod: JsonObject): { node?: { name: string; uid?: string } } {
  const name = pod.spec.nodeName;
  if (!name) return {};
  const uid = context.storage.get('/nodes', name)?.metadata.uid;
  return { node: { name, ...(uid && { uid }) } };
}
