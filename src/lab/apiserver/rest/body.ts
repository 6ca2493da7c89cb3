/** Request bodies: of the right kind, with the right types, unknown fields refused, warned of or dropped. */
import type { ApiRequest } from '../api-request.ts';
import { cloneJson, isJsonObject, type JsonObject } from '../json.ts';
import { apiVersionOf, type Resource } from '../registry/resource.ts';
import type { Decode, FieldCheck } from '../schema/field-check.ts';
import { badRequest } from '../status.ts';

export interface CheckedBody {
  /** A private draft. */
  object: JsonObject;
  warnings: string[];
}

const modes = ['Strict', 'Warn', 'Ignore'];

/** Warn where the client does not say, as Kubernetes does since 1.27. */
export function fieldValidationOf(query: URLSearchParams): string {
  const mode = query.get('fieldValidation') || 'Warn';
  if (modes.includes(mode)) return mode;
  throw badRequest(
    `fieldValidation: Unsupported value: "${mode}": supported values: "Ignore", "Strict", "Warn"`,
  );
}

export interface BodyKind {
  kind: string;
  version: string;
  mode: string;
  /** As ApiRequest has them. */
  duplicates?: readonly string[] | undefined;
}

/** What checks a body of a kind; it throws BadRequest for wrong types, and in Strict mode for unknown fields. */
export function bodyCheck(decode: Decode, kind: BodyKind): (body: JsonObject) => CheckedBody {
  return (body) => checked(decode(body), kind);
}

function checked(
  { object, unknown, typeErrors }: FieldCheck,
  { kind, version, mode, duplicates = [] }: BodyKind,
): CheckedBody {
  const refused = `${kind} in version "${version}" cannot be handled as a ${kind}:`;
  if (typeErrors.length > 0) throw badRequest(`${refused} ${typeErrors[0]}`);
  const complaints = [...unknown.map((path) => `unknown field "${path}"`), ...duplicates];
  if (mode === 'Strict' && complaints.length > 0) {
    throw badRequest(`${refused} strict decoding error: ${complaints.join(', ')}`);
  }
  return { object, warnings: mode === 'Warn' ? complaints : [] };
}

/** The body of a POST or PUT as a private draft of the resource. */
export async function readObject(
  resource: Resource,
  { body, duplicates, trusted }: Pick<ApiRequest, 'body' | 'duplicates' | 'trusted'>,
  query: URLSearchParams,
): Promise<CheckedBody> {
  if (!isJsonObject(body))
    throw badRequest('the object provided is unrecognized (must be of type JSON object)');
  const { kind = resource.kind, apiVersion = apiVersionOf(resource) } = body;
  if (kind !== resource.kind || apiVersion !== apiVersionOf(resource)) {
    throw badRequest(
      `${kind} in version "${apiVersion}" cannot be handled as a ${resource.kind}: no kind "${kind}" is registered for the path of ${resource.plural} in ${apiVersionOf(resource)}`,
    );
  }
  if (trusted) return { object: cloneJson(body), warnings: [] };
  const mode = fieldValidationOf(query);
  const { version } = resource;
  return bodyCheck(await resource.decoder(), { kind: resource.kind, version, mode, duplicates })(body);
}
