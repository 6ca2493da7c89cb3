/** Network namespaces, by handle: an open descriptor that keeps the namespace alive (namespaces(7)). */
import { closeSync, fstatSync, openSync, stat, statSync, unlinkSync } from 'node:fs';
import { TendrilError } from '../../util/errors.ts';
import { errno, KernelError } from '../errno.ts';
import {
  AF_INET,
  CLONE_NEWNET,
  IFF_UP,
  MNT_DETACH,
  MS_BIND,
  O_CLOEXEC,
  SIOCGIFFLAGS,
  SIOCSIFFLAGS,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
} from '../ffi/constants.ts';
import * as libc from '../ffi/libc.ts';

export interface NetnsHandle extends Disposable {
  readonly fd: number;
  /** The path it was opened by, for messages. */
  readonly path: string;
  /** Device and inode: two handles of the same namespace have the same id. */
  readonly id: string;
  close(): void;
}

/** The namespace of the calling thread, not of the process (`/proc/self` is the main thread's). */
const ownPath = '/proc/thread-self/ns/net';

/**
 * Opens a namespace by a path it is mounted at, or `/proc/PID/ns/net`.
 * @throws KernelError ENOENT when nothing is there, EINVAL when it is no network namespace
 */
export function openNetns(path: string): NetnsHandle {
  return netnsOf(libc.must(libc.open(path, O_CLOEXEC, 0), 'open network namespace', path), path);
}

/** A handle that owns the descriptor of a namespace; `path` is for messages. */
export function netnsOf(fd: number, path: string): NetnsHandle {
  const { dev, ino } = fstatSync(fd);
  let open = true;
  const close = () => {
    if (open) libc.close(fd);
    open = false;
  };
  return { fd, path, id: `${dev}:${ino}`, close, [Symbol.dispose]: close };
}

/** The namespace that the thread is in. */
export function openSelf(): NetnsHandle {
  return openNetns(ownPath);
}

let warm = false;

/**
 * Starts libuv's thread pool. A thread is born in the namespace of the thread that makes it and stays there:
 * a pool that started inside a window would resolve names and open files' sysctls there for good. The pool
 * starts all its threads with the first request, before that call returns. Windows call this themselves.
 */
export function warmThreads(): void {
  if (warm) return;
  warm = true;
  stat('/', () => {});
}

/**
 * Runs a synchronous function with the thread inside the namespace. Windows nest. What the function starts
 * but does not finish (promises, net.connect, child processes) would run after the window, elsewhere: a
 * promise is refused. If the thread cannot return it aborts the process: nothing after that could be trusted.
 * @throws TendrilError INTERNAL when the function returns a promise; KernelError when the namespace cannot be entered
 */
export function withNetns<T>(netns: NetnsHandle, use: () => T): T {
  return inWindow(() => {
    libc.must(libc.setns(netns.fd, CLONE_NEWNET), 'enter network namespace', netns.path);
    return use();
  });
}

/** Runs a function that may move the thread, and brings it home. */
function inWindow<T>(use: () => T): T {
  warmThreads();
  const home = libc.must(libc.open(ownPath, O_CLOEXEC, 0), 'open network namespace', ownPath);
  let result: T;
  try {
    result = use();
  } finally {
    const back = libc.setns(home, CLONE_NEWNET);
    // A process that may not enter namespaces (no CAP_SYS_ADMIN) has not left its own either.
    if (back < 0 && statSync(ownPath).ino !== fstatSync(home).ino) {
      abort(new KernelError(-back, 'return to network namespace', ownPath));
    }
    libc.close(home);
  }
  if (isPromise(result)) {
    result.then(undefined, () => {});
    throw new TendrilError(
      'INTERNAL',
      'a function given to withNetns returned a promise: its work would run outside',
    );
  }
  return result;
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'
  );
}

function abort(error: Error): never {
  process.stderr.write(`${error.message}\n`);
  process.abort();
}

/**
 * Makes a namespace with its loopback up and mounts it at the path, which must not exist; its directory must.
 * It lives until `deleteNetns`, whatever becomes of this process.
 * @throws KernelError; nothing is left then
 */
export function createNetns(path: string): void {
  closeSync(openPlace(path));
  try {
    inWindow(() => {
      libc.must(libc.unshare(CLONE_NEWNET), 'create network namespace', path);
      raiseLoopback();
      libc.must(libc.mount(ownPath, path, 'none', MS_BIND, null), 'mount network namespace', path);
    });
  } catch (error) {
    unlinkSync(path);
    throw error;
  }
}

/**
 * A namespace without a place in the file system, its loopback up: it lives as long as something holds it.
 * @throws KernelError
 */
export function anonymousNetns(): NetnsHandle {
  return inWindow(() => {
    libc.must(libc.unshare(CLONE_NEWNET), 'create network namespace', '(anonymous)');
    raiseLoopback();
    return openSelf();
  });
}

function openPlace(path: string): number {
  try {
    return openSync(path, 'wx', 0o444);
  } catch (error) {
    const number = -((error as NodeJS.ErrnoException).errno ?? 0);
    throw new KernelError(number, 'create network namespace', path, { cause: error });
  }
}

/** In the thread's namespace. `struct ifreq` is 40 bytes: the name, then a union that starts with the flags. */
function raiseLoopback(): void {
  const fd = libc.must(libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'open socket');
  try {
    const request = Buffer.alloc(40);
    request.write('lo');
    libc.must(libc.ioctl(fd, SIOCGIFFLAGS, request), 'get flags of', 'lo');
    request.writeUInt16LE(request.readUInt16LE(16) | IFF_UP, 16);
    libc.must(libc.ioctl(fd, SIOCSIFFLAGS, request), 'set up', 'lo');
  } finally {
    libc.close(fd);
  }
}

/**
 * Unmounts a namespace and removes its file. It ends when nothing else holds it. False where nothing was.
 * @throws KernelError
 */
export function deleteNetns(path: string): boolean {
  const unmounted = libc.umount2(path, MNT_DETACH);
  // EINVAL: a file that is not a mount, as a crash between making and mounting leaves it.
  if (unmounted < 0 && ![errno.EINVAL, errno.ENOENT].includes(-unmounted as never)) {
    throw new KernelError(-unmounted, 'unmount network namespace', path);
  }
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    const { code, errno: number } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    throw new KernelError(-(number ?? 0), 'remove network namespace', path, { cause: error });
  }
}
