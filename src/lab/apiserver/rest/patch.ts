/** PATCH: the three kinds of patches, each giving the wish of an update. */

import { mergePatch } from '../../../kube/merge-patch.ts';
import type { KubeObject } from '../../../kube/meta.ts';
import { cloneJson, isJsonObject, type JsonObject } from '../json.ts';
import { jsonPatch } from '../patch/json-patch.ts';
import { strategicMergePatch } from '../patch/strategic-merge-patch.ts';
import type { Resource } from '../registry/resource.ts';
import { badRequest, invalid, unsupportedMediaType } from '../status.ts';
import { invalidValue } from '../validation/field-error.ts';

/** From the present object to the patched one, a private draft. */
export type Patch = (object: JsonObject) => JsonObject;

const strategicType = 'application/strategic-merge-patch+json';

function acceptedTypes({ mergesStrategically }: Patched): string {
  const types = ['application/json-patch+json', 'application/merge-patch+json'];
  if (mergesStrategically) types.push(strategicType);
  return [...types, 'application/apply-patch+yaml'].join(', ');
}

/** What a patch is made for: a resource, or what else has a definition. */
export type Patched = Pick<Resource, 'definition' | 'definitions' | 'mergesStrategically'>;

/** The patch that a request asks for. Throws BadRequest and UnsupportedMediaType. */
export async function readPatch(
  contentType: string | undefined,
  body: unknown,
  patched: Patched,
): Promise<Patch> {
  const given = (contentType ?? '').split(';')[0]!.trim();
  const type = given === strategicType && !patched.mergesStrategically ? '' : given;
  const accepted = acceptedTypes(patched);
  switch (type) {
    case 'application/json-patch+json':
      return (object) => jsonPatch(object, body);
    case 'application/merge-patch+json':
      return (object) => cloneJson(mergePatch(object, requireObject(body)));
    case strategicType: {
      const { definition } = patched;
      const definitions = await patched.definitions();
      return (object) => strategicMergePatch(object, requireObject(body), { definition, definitions });
    }
    default:
      throw unsupportedMediaType(
        `the body of the request was in an unknown format - accepted media types include: ${accepted}`,
      );
  }
}

function requireObject(body: unknown): JsonObject {
  if (isJsonObject(body)) return body;
  throw badRequest('the patch must be a JSON object');
}

export interface CheckedPatch {
  apply: (old: KubeObject) => JsonObject;
  warnings: string[];
}

/** The patch with its outcome checked against the schema, as POST checks a body. */
export async function checkedPatch(
  resource: Resource,
  patch: Patch,
  { mode, duplicates = [] }: { mode: string; duplicates?: readonly string[] | undefined },
): Promise<CheckedPatch> {
  const decode = await resource.decoder();
  const warnings: string[] = [];
  const apply = (old: KubeObject) => {
    const { object, unknown, typeErrors } = decode(patch(old));
    if (typeErrors.length > 0) throw badRequest(typeErrors[0]!);
    const complaints = [...duplicates, ...unknown.map((path) => `unknown field "${path}"`)];
    if (mode === 'Strict' && complaints.length > 0)
      throw invalid({ group: '', plural: '', kind: '' }, '', [
        invalidValue('patch', JSON.stringify(object), `strict decoding error: ${complaints.join(', ')}`),
      ]);
    if (mode === 'Warn') warnings.push(...complaints);
    return object;
  };
  return { apply, warnings };
}
