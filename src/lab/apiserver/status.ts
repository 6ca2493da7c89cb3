/** The API server's error answers, in Kubernetes' words (apimachinery, api/errors). */
import { ApiError, type Status } from '../../kube/client/api-error.ts';
import type { FieldError } from './validation/field-error.ts';

/** The resource an error is about. */
export interface ErrorSubject {
  group: string;
  plural: string;
  kind: string;
}

const qualified = (of: ErrorSubject) => (of.group === '' ? of.plural : `${of.plural}.${of.group}`);
const qualifiedKind = (of: ErrorSubject) => (of.group === '' ? of.kind : `${of.kind}.${of.group}`);
const resourceDetails = (of: ErrorSubject, name: string) => ({
  name,
  ...(of.group === '' ? {} : { group: of.group }),
  kind: of.plural,
});

function failure(code: number, reason: string, message: string, details?: Status['details']): ApiError {
  return new ApiError({
    apiVersion: 'v1',
    kind: 'Status',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...(details === undefined ? {} : { details }),
    code,
  });
}

/** Of a webhook that could not convert an object, in its words. */
export const conversionFailed = (message: string) => failure(500, '', message);

export const notFound = (of: ErrorSubject, name: string) =>
  failure(404, 'NotFound', `${qualified(of)} "${name}" not found`, resourceDetails(of, name));

export const pathNotFound = () =>
  failure(404, 'NotFound', 'the server could not find the requested resource', {});

export const alreadyExists = (of: ErrorSubject, name: string) =>
  failure(409, 'AlreadyExists', `${qualified(of)} "${name}" already exists`, resourceDetails(of, name));

export const conflict = (of: ErrorSubject, name: string, why: string) =>
  failure(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(of)} "${name}": ${why}`,
    resourceDetails(of, name),
  );

export const modified = (of: ErrorSubject, name: string) =>
  conflict(
    of,
    name,
    'the object has been modified; please apply your changes to the latest version and try again',
  );

/** Fields that an apply changes and another manages (apimachinery, util/managedfields). */
export function applyConflict(conflicts: readonly { manager: string; path: string }[]): ApiError {
  const [first] = conflicts;
  const byManager = Map.groupBy(conflicts, ({ manager }) => manager);
  const lists = [...byManager].flatMap(([manager, of]) => [
    `conflicts with ${manager}:`,
    ...of.map(({ path }) => `- ${path}`),
  ]);
  const message =
    conflicts.length === 1
      ? `Apply failed with 1 conflict: conflict with ${first!.manager}: ${first!.path}`
      : `Apply failed with ${conflicts.length} conflicts: ${lists.join('\n')}`;
  const causes = conflicts.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${manager}`,
    field: path,
  }));
  return failure(409, 'Conflict', message, { causes });
}

/** An apply configuration that the schema does not describe. */
export const untypedPatch = (object: string, why: string) =>
  failure(500, '', `failed to create typed patch object (${object}): ${why}`);

/** One that has a field twice. */
export const undecodable = (message: string) => failure(500, '', message);

export const tooLargeForStorage = () => failure(500, '', 'etcdserver: request is too large');

export const unauthorized = () => failure(401, 'Unauthorized', 'Unauthorized');

export const badRequest = (message: string) => failure(400, 'BadRequest', message);

export const forbidden = (of: ErrorSubject, name: string, why: string) =>
  failure(403, 'Forbidden', `${qualified(of)} "${name}" is forbidden: ${why}`, resourceDetails(of, name));

/** What authorization refuses. Without a resource it is about a path. */
export const notPermitted = (of: { group: string; plural: string; name: string } | undefined, why: string) =>
  of === undefined
    ? failure(403, 'Forbidden', `forbidden: ${why}`, {})
    : failure(
        403,
        'Forbidden',
        `${qualified({ kind: '', ...of })}${of.name === '' ? '' : ` "${of.name}"`} is forbidden: ${why}`,
        { ...resourceDetails({ kind: '', ...of }, of.name), ...(of.name === '' && { name: undefined }) },
      );

export const methodNotAllowed = () =>
  failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

/** For resources that are on their way out with their definition. */
export const createTerminating = (of: ErrorSubject) =>
  failure(405, 'MethodNotAllowed', 'create not allowed while custom resource definition is terminating', {
    ...(of.group === '' ? {} : { group: of.group }),
    kind: of.plural,
  });

export const unsupportedMediaType = (message: string) => failure(415, 'UnsupportedMediaType', message);

export const notAcceptable = (message: string) => failure(406, 'NotAcceptable', message);

export const requestEntityTooLarge = (message: string) => failure(413, 'RequestEntityTooLarge', message);

/** What may be tried again later; `cause` says what is in the way. */
export const tooManyRequests = (
  message: string,
  { cause, retryAfterSeconds }: { cause: { reason: string; message: string }; retryAfterSeconds?: number },
) =>
  failure(429, 'TooManyRequests', message, {
    causes: [cause],
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });

export const notImplemented = (message: string) => failure(501, 'NotImplemented', message);

/** A patch that is well formed but does not fit the object. */
export const patchFailed = (message: string) =>
  failure(422, 'Invalid', `the server rejected our request due to an error in our request: ${message}`, {
    causes: [{ message }],
  });

export const internalError = (message: string) =>
  failure(500, 'InternalError', `Internal error occurred: ${message}`);

/** No answer in time. */
export const timedOut = (message: string, details?: Status['details']) =>
  failure(504, 'Timeout', `Timeout: ${message}`, details);

/** A resourceVersion that the server has not come to: it may have been started anew since. */
export const tooLargeResourceVersion = (asked: string, current: number) =>
  timedOut(`Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });

export const expired = (message: string) => failure(410, 'Expired', message);

/** 422 with every field that is wrong; the message lists them as kubectl shows them. */
export function invalid(of: ErrorSubject, name: string, errors: readonly FieldError[]): ApiError {
  const lines = errors.map((e) => `${e.field}: ${e.message}`);
  const text = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  const causes = errors.map(({ reason, message, field }) => ({ reason, message, field }));
  const { name: detailName, group } = resourceDetails(of, name) as { name: string; group?: string };
  return failure(422, 'Invalid', `${qualifiedKind(of)} "${name}" is invalid: ${text}`, {
    name: detailName,
    ...(group === undefined ? {} : { group }),
    kind: of.kind,
    causes,
  });
}
