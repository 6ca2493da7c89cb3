/** The objects that a binding gives to its policy (admission/plugin/policy/generic: CollectParams). */

import type { KubeObject } from '../../../../kube/meta.ts';
import { compileSelector } from '../../../../kube/selectors.ts';
import type { JsonObject } from '../../json.ts';
import type { Resource } from '../../registry/resource.ts';
import { facing, prepareFaces } from '../../rest/faces.ts';
import type { AdmissionParts } from '../admission-context.ts';

const kindText = ({ apiVersion, kind }: JsonObject) => `&ParamKind{APIVersion:${apiVersion},Kind:${kind},}`;

/** Throws an Error where the kind is not known. */
export function paramResource(
  { resources }: AdmissionParts,
  paramKind: JsonObject | undefined,
): Resource | undefined {
  if (paramKind === undefined) return undefined;
  const { apiVersion, kind } = paramKind;
  const found = resources.findKind(apiVersion, kind);
  const [version = '', group = ''] = String(apiVersion).split('/').toReversed();
  if (found === undefined)
    throw new Error(`failed to find resource referenced by paramKind: '${group}/${version}, Kind=${kind}'`);
  return found;
}

/** Each is evaluated by itself; null where there is none to be had. Throws an Error for a binding that is wrong. */
export async function collectParams(
  parts: AdmissionParts,
  { policy, binding, namespace }: { policy: JsonObject; binding: JsonObject; namespace: string },
): Promise<(JsonObject | null)[]> {
  const { paramKind } = policy.spec;
  const { paramRef } = binding.spec;
  if (paramKind === undefined || paramRef === undefined) return [null];
  const resource = parts.resources.findKind(paramKind.apiVersion, paramKind.kind);
  if (resource === undefined) throw new Error(`paramKind kind \`${kindText(paramKind)}\` not known`);
  const found = foundParams(parts, resource, { paramRef, namespace });
  if (found.length === 0 && paramRef.parameterNotFoundAction === 'Deny')
    throw new Error('no params found for policy binding with `Deny` parameterNotFoundAction');
  await prepareFaces(resource, found);
  return found.map((param) => facing(resource, param));
}

function foundParams(
  { storage }: AdmissionParts,
  resource: Resource,
  { paramRef, namespace: requested }: { paramRef: JsonObject; namespace: string },
): KubeObject[] {
  const { name, selector, namespace: told } = paramRef;
  if (told && !resource.namespaced)
    throw new Error('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
  const namespace = resource.namespaced ? told || requested : undefined;
  if (namespace === '')
    throw new Error('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources');
  if (name) {
    const key = namespace === undefined ? name : `${namespace}/${name}`;
    const param = storage.get(resource.collection, key);
    return param === undefined ? [] : [param];
  }
  const selects = compileSelector(selector);
  return storage.list(resource.collection, { namespace }).filter(({ metadata }) => selects(metadata.labels));
}
