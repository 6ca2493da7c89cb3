/**
 * The C library, in process. Every binding returns what the system call returns, or a negative errno as the
 * kernel itself reports failure; `must` turns that into an error.
 *
 * Buffers are lent for the time of the call only: what a struct points at must lie in the arena. Calls run on
 * the calling thread, which is what makes setns and unshare work; none that blocks belongs on the main thread.
 */
import koffi from 'koffi';
import { errno, KernelError } from '../errno.ts';

const library = koffi.load(null);

/** Memory for a pointer parameter: bytes, an address, or NULL. */
export type Pointer = Uint8Array | Uint32Array | bigint | null;

/** Binds a function whose result is -1 on failure, and turns that into -errno. */
function bind<F extends (...args: never[]) => number>(prototype: string): F {
  const call = library.func(prototype);
  const bound = (...args: never[]): number => {
    const value = call(...args) as number;
    return value === -1 ? -koffi.errno() : value;
  };
  return bound as F;
}

type OnFd = (fd: number) => number;
type Transfer = (fd: number, buffer: Pointer, size: number) => number;
type TransferWithFlags = (fd: number, buffer: Pointer, size: number, flags: number) => number;
type WithAddress = (fd: number, address: Uint8Array, size: number) => number;
/** `size` is in and out: how long the address may be, then how long it is. */
type GetAddress = (fd: number, address: Uint8Array, size: Uint32Array) => number;

export const open = bind<(path: string, flags: number, mode: number) => number>(
  'int open(const char *path, int flags, unsigned int mode)',
);
export const close = bind<OnFd>('int close(int fd)');
export const dup = bind<OnFd>('int dup(int fd)');
export const read = bind<Transfer>('long read(int fd, void *buffer, size_t size)');
export const write = bind<Transfer>('long write(int fd, const void *buffer, size_t size)');
/** ioctl(2) with a pointer argument. */
export const ioctl = bind<(fd: number, request: number, argument: Pointer) => number>(
  'int ioctl(int fd, unsigned long request, void *argument)',
);

export const socket = bind<(domain: number, type: number, protocol: number) => number>(
  'int socket(int domain, int type, int protocol)',
);
/** bind(2), renamed because the name means something else in JavaScript. */
export const bindSocket = bind<WithAddress>('int bind(int fd, const void *address, unsigned int size)');
export const connect = bind<WithAddress>('int connect(int fd, const void *address, unsigned int size)');
export const listen = bind<(fd: number, backlog: number) => number>('int listen(int fd, int backlog)');
export const getsockname = bind<GetAddress>('int getsockname(int fd, void *address, void *size)');
export const getpeername = bind<GetAddress>('int getpeername(int fd, void *address, void *size)');
export const setsockopt = bind<
  (fd: number, level: number, option: number, value: Uint8Array | Uint32Array, size: number) => number
>('int setsockopt(int fd, int level, int option, const void *value, unsigned int size)');
export const getsockopt = bind<
  (
    fd: number,
    level: number,
    option: number,
    value: Uint8Array | Uint32Array | BigUint64Array,
    size: Uint32Array,
  ) => number
>('int getsockopt(int fd, int level, int option, void *value, void *size)');
export const send = bind<TransferWithFlags>('long send(int fd, const void *buffer, size_t size, int flags)');
/**
 * send(2) on a thread of libuv's pool, for the rare request that keeps the kernel busy for many ms. The buffer is
 * copied. errno belongs to that thread: every failure is -EIO.
 */
export function sendAside(fd: number, buffer: Uint8Array, flags: number): Promise<number> {
  // Memory of an ArrayBuffer of its own does not move while another thread reads it.
  const copy = new Uint8Array(new ArrayBuffer(buffer.length));
  copy.set(buffer);
  return new Promise((resolve, reject) => {
    sendFunction.async(fd, copy, copy.length, flags, (error: Error | null, sent: number) => {
      if (error !== null) reject(error);
      else resolve(sent === -1 ? -errno.EIO : sent);
    });
  });
}
const sendFunction = library.func('long send(int fd, const void *buffer, size_t size, int flags)');
export const recv = bind<TransferWithFlags>('long recv(int fd, void *buffer, size_t size, int flags)');
export const sendto = bind<
  (fd: number, buffer: Pointer, size: number, flags: number, to: Uint8Array, toSize: number) => number
>('long sendto(int fd, const void *buffer, size_t size, int flags, const void *to, unsigned int toSize)');
export const recvfrom = bind<
  (
    fd: number,
    buffer: Pointer,
    size: number,
    flags: number,
    from: Uint8Array,
    fromSize: Uint32Array,
  ) => number
>('long recvfrom(int fd, void *buffer, size_t size, int flags, void *from, void *fromSize)');
/** `header` is a struct msghdr; it and all it points at lie in the arena. */
export const sendmsg = bind<(fd: number, header: Pointer, flags: number) => number>(
  'long sendmsg(int fd, const void *header, int flags)',
);
export const recvmsg = bind<(fd: number, header: Pointer, flags: number) => number>(
  'long recvmsg(int fd, void *header, int flags)',
);

/** `headers` is an array of struct mmsghdr; it and all it points at lie in memory that does not move. */
export const recvmmsg = bind<
  (fd: number, headers: Pointer, count: number, flags: number, timeout: null) => number
>('int recvmmsg(int fd, void *headers, unsigned int count, int flags, void *timeout)');
export const sendmmsg = bind<(fd: number, headers: Pointer, count: number, flags: number) => number>(
  'int sendmmsg(int fd, void *headers, unsigned int count, int flags)',
);

/** Moves the calling thread only; the rest of the program goes through netns/. */
export const setns = bind<(fd: number, type: number) => number>('int setns(int fd, int type)');
export const unshare = bind<(flags: number) => number>('int unshare(int flags)');
export const mount = bind<
  (source: string, target: string, type: string | null, flags: number, data: string | null) => number
>(
  'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
);
export const umount2 = bind<(target: string, flags: number) => number>(
  'int umount2(const char *target, int flags)',
);

export const eventfd = bind<(initial: number, flags: number) => number>(
  'int eventfd(unsigned int initial, int flags)',
);

const syscall6 = bind<(...args: (number | bigint)[]) => number>(
  'long syscall(long number, long a, long b, long c, long d, long e, long f)',
);

/** syscall(2) with integer arguments; addresses as bigint (`Block.address`). Missing ones are 0. */
export function syscall(number: number, ...args: (number | bigint)[]): number {
  return syscall6(number, ...args, ...Array<number>(6 - args.length).fill(0));
}

/** System call numbers of those that the C library has no function for; -1 on a machine Tendril does not know. */
const syscallNumber = {
  bpf: { x64: 321, arm64: 280 }[process.arch as string] ?? -1,
  // The same on every architecture, as all since Linux 5.1.
  pidfdSendSignal: 424,
  openTree: 428,
  moveMount: 429,
  pidfdOpen: 434,
} as const;

const bpfCall = bind<(number: number, command: number, attribute: Pointer, size: number) => number>(
  'long syscall(long number, int command, void *attribute, unsigned int size)',
);

/** bpf(2). The attribute is lent for the call; what it points at lies in the arena. */
export function bpf(command: number, attribute: Uint8Array): number {
  return bpfCall(syscallNumber.bpf, command, attribute, attribute.length);
}

const mmapCall = library.func(
  'int64_t mmap(void *at, size_t size, int protection, int flags, int fd, int64_t offset)',
);

/** mmap(2) where the kernel chooses the place: the address, or -errno. */
export function mmap(
  fd: number,
  map: { size: number; offset?: number; protection: number; flags: number },
): bigint {
  const { size, offset = 0, protection, flags } = map;
  const address = BigInt(mmapCall(null, size, protection, flags, fd, offset) as number | bigint);
  return address === -1n ? BigInt(-koffi.errno()) : address;
}

const sysconf = bind<(name: number) => number>('long sysconf(int name)');

/** Bytes of a memory page: 4 KiB, on arm64 perhaps 16 or 64. */
export function pageSize(): number {
  return sysconf(30 /* _SC_PAGESIZE */);
}

export const munmap = bind<(address: bigint, size: number) => number>(
  'int munmap(void *address, size_t size)',
);

/** Native memory as bytes; valid as long as the memory is mapped. */
export function viewOf(address: bigint, size: number): Uint8Array {
  return new Uint8Array(koffi.view(address, size));
}

/**
 * Passes a result on, unless it is a negative errno.
 * @throws KernelError naming the operation and the object
 */
export function must(result: number, operation: string, object = ''): number {
  if (result < 0) throw new KernelError(-result, operation, object);
  return result;
}

/** malloc_trim(3) of glibc: 1 where memory went back to the kernel. */
export const mallocTrim = bind<(pad: number) => number>('int malloc_trim(size_t pad)');
