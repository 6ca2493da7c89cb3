/** An error Status of the API server, with predicates for the reasons that callers act on. */
import { type ErrorDetails, TendrilError } from '../../util/errors.ts';

export interface Status {
  apiVersion: 'v1';
  kind: 'Status';
  metadata: object;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  code: number;
  details?: {
    name?: string;
    group?: string;
    kind?: string;
    uid?: string;
    causes?: { reason?: string; message?: string; field?: string }[];
    retryAfterSeconds?: number;
  };
}

export class ApiError extends TendrilError {
  override readonly name = 'ApiError';
  readonly status: Status;

  constructor(status: Status, details: ErrorDetails = {}) {
    super('API', status.message ?? status.reason ?? `HTTP ${status.code}`, details);
    this.status = status;
  }
}

function hasReason(error: unknown, ...reasons: string[]): boolean {
  return error instanceof ApiError && reasons.includes(error.status.reason ?? '');
}

export const isNotFound = (error: unknown): boolean => hasReason(error, 'NotFound');
export const isForbidden = (error: unknown): boolean => hasReason(error, 'Forbidden');
export const isConflict = (error: unknown): boolean => hasReason(error, 'Conflict');
export const isInvalid = (error: unknown): boolean => hasReason(error, 'Invalid');
export const isAlreadyExists = (error: unknown): boolean => hasReason(error, 'AlreadyExists');
/** The watch's or list's resourceVersion is too old: list again from the start. */
export const isExpired = (error: unknown): boolean => hasReason(error, 'Expired', 'Gone');
/** It has too much to do (429), or is starting, ending, or waits for its etcd (502 to 504): says nothing of what was asked. */
export const isBusy = (error: unknown): boolean =>
  error instanceof ApiError && [429, 502, 503, 504].includes(error.status.code);
