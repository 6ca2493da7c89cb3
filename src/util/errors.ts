/**
 * The one catalogue of errors: each code with when it is thrown. A code is stable: callers and tests match on it,
 * never on the text. What a user reads is the message (what is wrong) and the remedy (what to do).
 * Causes are kept, and an error is logged once, at the top.
 */
export const errorCatalogue = {
  USAGE: 'the command line does not fit the command',
  NOT_ROOT: 'the command needs root',
  BAD_INPUT: 'a value given by the user cannot be used',
  BAD_MANIFEST: 'a manifest cannot be read or names something unknown',
  COREFILE: 'the configuration of cluster DNS cannot be used',
  KERNEL_CALL: 'a system call failed',
  KERNEL_FEATURE: 'the kernel lacks a feature',
  BPF_LOAD: 'a BPF object does not load',
  BPF_LAYOUT: 'what pinned BPF maps hold cannot be carried over to those of this version',
  MAP_FULL: 'a BPF map has no room for an entry',
  TOOL_FAILED: 'a program that Tendril runs failed',
  API: 'the Kubernetes API answered with an error Status',
  API_UNREACHABLE: 'the Kubernetes API does not answer',
  POLICY_UNKNOWN: 'which NetworkPolicies hold for a pod is not known, or they are not in force',
  DNS_UPSTREAM: 'a DNS server that queries are forwarded to does not answer',
  LISTEN: 'a port cannot be listened on',
  LAB_EXISTS: 'a lab of that name is up',
  LAB_MISSING: 'no lab of that name is up',
  LAB_FAILED: 'the lab could not be brought up',
  LAB_REMAINS: 'something of a lab could not be removed',
  LAB_DAMAGED: "a lab's own files cannot be used",
  LAB_UNREACHABLE: 'a lab is there and its server does not answer',
  NODE_IN_USE: 'what is to be removed from a node is in use there',
  NODE_REMAINS: 'something of Tendril could not be removed from a node',
  NOT_BUILT: 'a part of Tendril was not built yet',
  NOT_READY: 'what is asked for is there and not Ready',
  IPAM_EXHAUSTED: 'no address is left',
  IPAM_STORE: 'the address store on disk cannot be used',
  CNI: 'a CNI request failed',
  CANCELLED: 'the work was cancelled',
  INTERNAL: 'a bug in Tendril',
} as const;

export type ErrorCode = keyof typeof errorCatalogue;

export interface ErrorDetails {
  /** What the user can do about it; one sentence. */
  remedy?: string;
  cause?: unknown;
}

export class TendrilError extends Error {
  override readonly name: string = 'TendrilError';
  readonly code: ErrorCode;
  readonly remedy: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.code = code;
    this.remedy = details.remedy;
  }
}

/** True for a TendrilError of one of the given codes, also where it is the cause of another error. */
export function isError(error: unknown, ...codes: ErrorCode[]): error is TendrilError {
  for (let e = error; e instanceof Error; e = e.cause) {
    if (e instanceof TendrilError && codes.includes(e.code)) return true;
  }
  return false;
}

/** The messages of an error and its causes, outermost first, in one line: what a log line or a user gets. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  for (let e: unknown = error; e !== undefined && e !== null; e = e instanceof Error ? e.cause : undefined) {
    const text = e instanceof Error ? e.message : String(e);
    if (text !== '' && !parts.some((part) => part.includes(text))) parts.push(text);
  }
  return parts.join(': ');
}

/** The remedy of the outermost error in the chain that has one. */
export function remedyOf(error: unknown): string | undefined {
  for (let e = error; e instanceof Error; e = e.cause) {
    if (e instanceof TendrilError && e.remedy !== undefined) return e.remedy;
  }
  return undefined;
}
