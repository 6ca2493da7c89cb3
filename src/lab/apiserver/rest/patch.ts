/** PATCH: the three kinds of patches, each giving the wish of an update. */

import { mergePatch } from '../../../kube/merge-patch.ts';
import type { KubeObject } from '../../../kube/meta.ts';
import { cloneJson, isJsonObject, type JsonObject } from '../json.ts';
import { jsonPatch } from '../patch/json-patch.ts';
import { strategicMergePatch } from '../patch/strategic-merge-patch.ts';
import type { Resource } from '../registry/resource.ts';
import { loadDefinitions } from '../schema/definitions.ts';
import { checkFields } from '../schema/field-check.ts';
import { badRequest, unsupportedMediaType } from '../status.ts';

/** From the present object to the patched one, a private draft. */
export type Patch = (object: JsonObject) => JsonObject;

const accepted =
  'application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml';

/** The patch that a request asks for. Throws BadRequest and UnsupportedMediaType. */
export async function readPatch(
  contentType: string | undefined,
  body: unknown,
  definition: string,
): Promise<Patch> {
  const type = (contentType ?? '').split(';')[0]!.trim();
  switch (type) {
    case 'application/json-patch+json':
      return (object) => jsonPatch(object, body);
    case 'application/merge-patch+json':
      return (object) => cloneJson(mergePatch(object, requireObject(body)));
    case 'application/strategic-merge-patch+json': {
      const definitions = await loadDefinitions();
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
export async function checkedPatch(resource: Resource, patch: Patch, mode: string): Promise<CheckedPatch> {
  const definitions = await loadDefinitions();
  const warnings: string[] = [];
  const faced = (old: KubeObject) =>
    (resource.conversion ? resource.conversion.fromStored(cloneJson(old)) : old) as JsonObject;
  const apply = (old: KubeObject) => {
    const { object, unknown, typeErrors } = checkFields(patch(faced(old)), resource.definition, definitions);
    if (typeErrors.length > 0) throw badRequest(typeErrors[0]!);
    const complaints = unknown.map((path) => `unknown field "${path}"`);
    if (mode === 'Strict' && complaints.length > 0)
      throw badRequest(`strict decoding error: ${complaints.join(', ')}`);
    if (mode === 'Warn') warnings.push(...complaints);
    return object;
  };
  return { apply, warnings };
}
