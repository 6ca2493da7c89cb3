/** What a user reads when a port cannot be listened on. */
import { KernelError } from '../../linux/errno.ts';
import { TendrilError } from '../../util/errors.ts';

const remedies: Record<string, (port: number) => string> = {
  EADDRINUSE: (port) => `Another process has it: find it with ss -lntup "sport = :${port}" and end it.`,
  EACCES: () => 'Ports below 1024 need root or CAP_NET_BIND_SERVICE.',
  EADDRNOTAVAIL: () => 'See the addresses of this machine or pod: ip address.',
};

/** `what` is the port's purpose, e.g. `UDP for DNS`; `address` undefined for a socket that was handed over. */
export function listenError(
  what: string,
  at: { address?: string; port?: number },
  cause: unknown,
): TendrilError {
  const { address = 'a given socket', port = 0 } = at;
  const code = cause instanceof KernelError ? cause.errnoName : ((cause as NodeJS.ErrnoException).code ?? '');
  const where = at.port === undefined ? address : `${address} port ${port}`;
  const remedy = Object.hasOwn(remedies, code) ? remedies[code]!(port) : undefined;
  return new TendrilError('LISTEN', `${where} cannot be listened on (${what})`, { cause, remedy });
}
