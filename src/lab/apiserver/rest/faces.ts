/**
 * How stored objects look from a resource: the same, in another form, or as a webhook converts them. What takes a webhook
 * is prepared before it is looked at; each object is converted once, for all who look at it.
 */
import type { KubeObject } from '../../../kube/meta.ts';
import { deepFreeze, type JsonObject } from '../json.ts';
import { apiVersionOf, type Resource } from '../registry/resource.ts';
import { internalError } from '../status.ts';
import { getStored, type ObjectRef, type RestContext } from './rest-context.ts';

const faces = new WeakMap<Resource, WeakMap<KubeObject, KubeObject>>();

function facesOf(resource: Resource): WeakMap<KubeObject, KubeObject> {
  let known = faces.get(resource);
  if (known === undefined) {
    known = new WeakMap();
    faces.set(resource, known);
  }
  return known;
}

/** Whether only a webhook knows how the object looks from here. */
const isForeign = (resource: Resource, object: KubeObject) =>
  resource.conversion?.webhook !== undefined && object.apiVersion !== apiVersionOf(resource);

/** The resource's own face of a stored object. Throws ApiError for one that had to be prepared and is not. */
export function facing(resource: Resource, object: KubeObject): KubeObject {
  if (resource.conversion === undefined) return object;
  const known = facesOf(resource);
  let face = known.get(object);
  if (face === undefined) {
    if (isForeign(resource, object))
      throw internalError(`${resource.plural} "${object.metadata.name}" is not converted`);
    face = deepFreeze(resource.conversion.fromStored(object)) as KubeObject;
    known.set(object, face);
  }
  return face;
}

/** Has all that need it converted, by one call. Throws ApiError. */
export async function prepareFaces(resource: Resource, objects: readonly KubeObject[]): Promise<void> {
  const { conversion } = resource;
  if (conversion?.webhook === undefined) return;
  const known = facesOf(resource);
  const foreign = objects.filter((object) => isForeign(resource, object) && !known.has(object));
  if (foreign.length === 0) return;
  const converted = await conversion.webhook.convert(foreign, apiVersionOf(resource));
  for (const [i, object] of foreign.entries())
    known.set(object, deepFreeze(conversion.fromStored(converted[i]!)) as KubeObject);
}

/** Prepares the object that is there, whatever happens to it meanwhile. Throws ApiError NotFound. */
export async function preparePresent(context: RestContext, ref: ObjectRef): Promise<KubeObject> {
  for (;;) {
    const stored = getStored(context, ref);
    await prepareFaces(ref.resource, [stored]);
    if (getStored(context, ref) === stored) return stored;
  }
}

/** The form in which an object of the resource is stored. Throws ApiError. */
export async function storedForm(resource: Resource, object: JsonObject): Promise<JsonObject> {
  const { conversion } = resource;
  if (conversion === undefined) return object;
  const { webhook } = conversion;
  const to = conversion.toStored(object).apiVersion as string;
  if (webhook === undefined || to === object.apiVersion) return conversion.toStored(object);
  return (await webhook.convert([object as KubeObject], to))[0]!;
}
