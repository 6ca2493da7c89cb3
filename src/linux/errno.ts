/** Error numbers of Linux by name, and the error that a failed system call becomes. */
import { constants } from 'node:os';
import { type ErrorCode, type ErrorDetails, TendrilError } from '../util/errors.ts';

/** Those that callers act on; the kernel's numbers are the same on x86-64 and arm64. */
export const errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  ENOTDIR: 20,
  EINVAL: 22,
  EMFILE: 24,
  ENOSPC: 28,
  ERANGE: 34,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ENOLINK: 67,
  EBADMSG: 74,
  EMSGSIZE: 90,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ENOBUFS: 105,
  EISCONN: 106,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
  EINPROGRESS: 115,
  /** Not in userspace headers; BPF returns it where a kernel lacks a feature. */
  ENOTSUPP: 524,
} as const;

const names = new Map<number, string>([
  ...Object.entries(constants.errno).map(([name, number]) => [number, name] as const),
  ...Object.entries(errno).map(([name, number]) => [number, name] as const),
]);

/** `ENOENT` for 2; `errno 9999` for what has no name. */
export function errnoName(number: number): string {
  return names.get(number) ?? `errno ${number}`;
}

/** What the common ones mean, in words; the name alone tells a user little. */
const meanings: Record<number, string> = {
  [errno.EPERM]: 'not permitted',
  [errno.ENOENT]: 'not found',
  [errno.ESRCH]: 'not found',
  [errno.EACCES]: 'not permitted',
  [errno.EBUSY]: 'in use',
  [errno.EEXIST]: 'exists already',
  [errno.ENODEV]: 'no such device',
  [errno.EINVAL]: 'refused as invalid',
  [errno.ENOSPC]: 'no room left',
  [errno.EOPNOTSUPP]: 'not supported by this kernel',
  [errno.ENOTSUPP]: 'not supported by this kernel',
  [errno.EADDRINUSE]: 'address in use',
  [errno.EADDRNOTAVAIL]: 'address not available',
  [errno.ENETDOWN]: 'network is down',
  [errno.ENETUNREACH]: 'network unreachable',
  [errno.EHOSTUNREACH]: 'no route to host',
  [errno.ECONNREFUSED]: 'connection refused',
  [errno.ETIMEDOUT]: 'timed out',
};

const remedies: Record<number, string> = {
  [errno.EPERM]: 'run as root, with CAP_NET_ADMIN, CAP_SYS_ADMIN and CAP_BPF',
  [errno.EACCES]: 'run as root, with CAP_NET_ADMIN, CAP_SYS_ADMIN and CAP_BPF',
  [errno.EMFILE]: 'raise the limit of open files (ulimit -n)',
};

export interface KernelErrorDetails extends ErrorDetails {
  code?: ErrorCode;
  /** What the kernel itself said: an extended acknowledgement, a verifier log's last line. */
  reason?: string;
}

/** A system call that failed: what was asked (`add link`), of what (`veth1`), and the errno. */
export class KernelError extends TendrilError {
  override readonly name = 'KernelError';
  readonly errno: number;
  readonly errnoName: string;
  readonly operation: string;
  readonly object: string;
  readonly reason: string | undefined;

  constructor(number: number, operation: string, object: string, details: KernelErrorDetails = {}) {
    const name = errnoName(number);
    const meaning = [meanings[number], details.reason].filter((part) => part !== undefined).join('; ');
    const text = `${operation}${object === '' ? '' : ` ${object}`}: ${name}${meaning === '' ? '' : ` (${meaning})`}`;
    super(details.code ?? 'KERNEL_CALL', text, { remedy: remedies[number], ...details });
    this.errno = number;
    this.errnoName = name;
    this.operation = operation;
    this.object = object;
    this.reason = details.reason;
  }
}

/** True for a KernelError with one of the given numbers. */
export function isErrno(error: unknown, ...numbers: number[]): error is KernelError {
  return error instanceof KernelError && numbers.includes(error.errno);
}
