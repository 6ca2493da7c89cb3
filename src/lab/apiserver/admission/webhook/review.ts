/** AdmissionReview: what a webhook is told, and what its answer has to be (admission/plugin/webhook/request). */
import { randomUUID } from 'node:crypto';
import { ApiError, type Status } from '../../../../kube/client/api-error.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import type { Resource } from '../../registry/resource.ts';
import type { AdmissionRequest, ObjectStates } from '../attributes.ts';
import { reviewRequest } from '../review-request.ts';

const group = 'admission.k8s.io';

export interface Review {
  uid: string;
  version: string;
  body: JsonObject;
}

/** An answer that was right in form. */
export interface Answer {
  allowed: boolean;
  /** A JSON patch, as text. */
  patch?: string;
  patchType: string;
  result?: JsonObject;
  warnings: string[];
}

/** Undefined where the webhook takes no version that this server knows. */
export function createReview(
  request: AdmissionRequest,
  { resource, states, versions }: { resource: Resource; states: ObjectStates; versions: readonly string[] },
): Review | undefined {
  const version = versions.find((v) => v === 'v1' || v === 'v1beta1');
  if (version === undefined) return undefined;
  const uid = randomUUID();
  const { dryRun, options, ...rest } = reviewRequest(request, resource);
  const { object, oldObject } = states;
  return {
    uid,
    version,
    body: {
      kind: 'AdmissionReview',
      apiVersion: `${group}/${version}`,
      request: { uid, ...rest, object, oldObject, dryRun, options },
    },
  };
}

function gvkText({ apiVersion = '', kind = '' }: JsonObject): string {
  const text = apiVersion.includes('/') || apiVersion === '' ? apiVersion || '/' : `/${apiVersion}`;
  return `${text}, Kind=${kind}`;
}

function patchProblem({ patch, patchType }: JsonObject, mutating: boolean): string | undefined {
  const given = Boolean(patch);
  const typed = patchType !== undefined && patchType !== null;
  if (!mutating) {
    if (given) return 'validating webhook may not return response.patch';
    return typed ? 'validating webhook may not return response.patchType' : undefined;
  }
  if (given && !typed) return 'webhook returned response.patch but not response.patchType';
  if (!given && typed) return 'webhook returned response.patchType but not response.patch';
  return typed && patchType === '' ? 'webhook returned invalid response.patchType of ""' : undefined;
}

/** @throws Error with what is wrong */
export function readAnswer(answer: unknown, { uid, version }: Review, mutating: boolean): Answer {
  const review = isJsonObject(answer) ? answer : {};
  const { response } = review;
  if (!isJsonObject(response)) throw new Error('webhook response was absent');
  const strict = version === 'v1';
  const { allowed, patch, patchType, status, warnings } = response;
  if (strict && response.uid !== uid)
    throw new Error(
      `expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`,
    );
  const expected = { apiVersion: `${group}/${version}`, kind: 'AdmissionReview' };
  if (strict && gvkText(review) !== gvkText(expected))
    throw new Error(`expected webhook response of ${gvkText(expected)}, got ${gvkText(review)}`);
  const problem = strict ? patchProblem(response, mutating) : undefined;
  if (problem !== undefined) throw new Error(problem);
  return {
    allowed: allowed === true,
    ...(mutating && patch ? { patch: Buffer.from(String(patch), 'base64').toString() } : {}),
    patchType: strict ? String(patchType ?? '') : 'JSONPatch',
    ...(isJsonObject(status) && { result: status }),
    warnings: Array.isArray(warnings) ? warnings.map(String) : [],
  };
}

/** What the client is told where a webhook refused (admission/plugin/webhook/errors). */
export function denial(name: string, result: JsonObject = {}): ApiError {
  const deniedBy = `admission webhook ${JSON.stringify(name)} denied the request`;
  const why = result.message || result.reason;
  const code = Number.isInteger(result.code) && result.code >= 400 ? (result.code as number) : 400;
  return new ApiError({
    ...(result as Partial<Status>),
    apiVersion: 'v1',
    kind: 'Status',
    metadata: {},
    status: 'Failure',
    message: why ? `${deniedBy}: ${why}` : `${deniedBy} without explanation`,
    reason: result.reason ?? '',
    code,
  });
}
