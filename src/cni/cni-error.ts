/** A CNI failure with its number, as plugins print it (SPEC section 5, Error). */
import { describeError, isError, remedyOf, TendrilError } from '../util/errors.ts';

export const cniCodes = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  ioFailure: 5,
  decodingFailure: 6,
  invalidNetworkConfig: 7,
  tryAgainLater: 11,
  notAvailable: 50,
  /** Codes from 100 on are a plugin's own: this one stands for all that has no better. */
  failed: 100,
  /** The network of a pod is not as ADD left it. */
  checkFailed: 101,
} as const;

/** What a plugin prints on failure. */
export interface CniErrorObject {
  cniVersion: string;
  code: number;
  msg: string;
  details?: string;
}

export class CniError extends TendrilError {
  override readonly name = 'CniError';
  /** One of `cniCodes`, or another plugin's own. */
  readonly cniCode: number;
  readonly details: string | undefined;

  constructor(cniCode: number, message: string, options: { details?: string; cause?: unknown } = {}) {
    super('CNI', message, 'cause' in options ? { cause: options.cause } : {});
    this.cniCode = cniCode;
    this.details = options.details;
  }
}

/** Any failure as the object that goes to the runtime. */
export function toErrorObject(error: unknown, cniVersion: string): CniErrorObject {
  const details = error instanceof CniError ? error.details : remedyOf(error);
  const object = { cniVersion, code: codeOf(error), msg: describeError(error) };
  return details === undefined ? object : { ...object, details };
}

function codeOf(error: unknown): number {
  if (error instanceof CniError) return error.cniCode;
  // Addresses come back, the API answers again, and a full disk is made room on: kubelet tries again by itself.
  if (isError(error, 'IPAM_EXHAUSTED', 'POLICY_UNKNOWN', 'CANCELLED')) return cniCodes.tryAgainLater;
  if (isError(error, 'IPAM_STORE')) return cniCodes.ioFailure;
  return cniCodes.failed;
}
