/**
 * Kernel parameters (sysctl(8)). Those below net. belong to a network namespace: /proc/sys/net shows the
 * values of the thread that opens it, so they are read and written synchronously inside a window.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { KernelError } from '../errno.ts';
import { type NetnsHandle, withNetns } from '../netns/netns.ts';

/** By key: `net.ipv4.conf.eth0.rp_filter`. A dot within an interface's name is written as `/`. */
export type Sysctls = Record<string, string | number>;

/**
 * Writes parameters, in order; null is the thread's own namespace.
 * @throws KernelError naming the key: ENOENT when this kernel has none, EINVAL when it refuses the value
 */
export function writeSysctl(netns: NetnsHandle | null, values: Sysctls): void {
  within(netns, () => {
    for (const [key, value] of Object.entries(values)) {
      attempt(`set sysctl to ${value}:`, key, () =>
        // An empty value is a line without text: a write of no bytes changes nothing.
        writeFileSync(sysctlPath(key), String(value) || '\n'),
      );
    }
  });
}

/**
 * The value as text, without the newline.
 * @throws KernelError naming the key
 */
export function readSysctl(netns: NetnsHandle | null, key: string): string {
  return within(netns, () =>
    attempt('read sysctl', key, () => readFileSync(sysctlPath(key), 'utf8').trimEnd()),
  );
}

/** Names below a key, in the thread's own namespace: `net.ipv4.conf` has one for each interface. None where it is not there. */
export function listSysctls(key: string): string[] {
  try {
    return readdirSync(sysctlPath(key)).map((name) => name.replaceAll('.', '/'));
  } catch {
    return [];
  }
}

let netDirectory = '/proc/sys/net';

/** Where /proc/sys/net can be written: it is read-only in a container, which gets the host's at another place. */
export function useNetSysctlsAt(directory: string): void {
  netDirectory = directory;
}

/** `/proc/sys/…` of a key; dots and slashes change places, as sysctl(8) has it. */
export function sysctlPath(key: string): string {
  const parts = key.split('.').map((part) => part.replaceAll('/', '.'));
  return parts[0] === 'net' ? [netDirectory, ...parts.slice(1)].join('/') : `/proc/sys/${parts.join('/')}`;
}

function within<T>(netns: NetnsHandle | null, use: () => T): T {
  return netns === null ? use() : withNetns(netns, use);
}

function attempt<T>(operation: string, key: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw new KernelError(-((error as NodeJS.ErrnoException).errno ?? 0), operation, key, { cause: error });
  }
}
