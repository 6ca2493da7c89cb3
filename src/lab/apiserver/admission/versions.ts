/** The states of an object under another face of its resource. */
import type { KubeObject } from '../../../kube/meta.ts';
import type { JsonObject } from '../json.ts';
import { apiVersionOf, type Resource } from '../registry/resource.ts';
import type { Attributes, ObjectStates } from './attributes.ts';

async function seenAs(object: JsonObject | null, from: Resource, to: Resource): Promise<JsonObject | null> {
  if (object === null || from === to) return object;
  const { webhook } = from.conversion ?? {};
  const stored = webhook
    ? (await webhook.convert([object as KubeObject], apiVersionOf(to)))[0]!
    : (from.conversion?.toStored(object) ?? object);
  return to.conversion?.fromStored(stored) ?? stored;
}

/** Kinds that a subresource has of its own are the same under every face. */
export async function versioned(attributes: Attributes, to: Resource): Promise<ObjectStates> {
  const { kind, resource, object, oldObject } = attributes;
  if (kind !== undefined) return { object, oldObject };
  return {
    object: await seenAs(object, resource, to),
    oldObject: await seenAs(oldObject, resource, to),
  };
}

/** Back from the face that a webhook wanted. */
export async function unversioned(
  object: JsonObject,
  { kind, resource }: Attributes,
  from: Resource,
): Promise<JsonObject> {
  return kind === undefined ? (await seenAs(object, from, resource))! : object;
}
