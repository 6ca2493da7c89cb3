/** Whether the kernel takes a BPF program and attaches it, tried with a program of two instructions (bpf(2)). */
import { withScratch } from '../ffi/arena.ts';
import * as libc from '../ffi/libc.ts';

const BPF_PROG_LOAD = 5;
const BPF_LINK_CREATE = 28;
const attributeSize = 128;

export const programType = {
  schedCls: 3,
  xdp: 6,
  cgroupSockAddr: 18,
  sockOps: 13,
  skMsg: 16,
  skLookup: 30,
} as const;
export const attachType = {
  inet4Connect: 10,
  inet6Connect: 11,
  udp4Sendmsg: 14,
  udp6Recvmsg: 20,
  inet4Getpeername: 29,
  xdp: 37,
  tcxIngress: 46,
  sockOps: 3,
  skMsgVerdict: 7,
  skLookup: 36,
} as const;

interface ProgramKind {
  type: number;
  /** For the types that need it before attaching. */
  expectedAttach?: number;
}

/**
 * Loads `return 1;` and gives its descriptor to the function, then closes it.
 * @throws KernelError EINVAL where the kernel does not know the type; EPERM without CAP_BPF
 */
export function withProgram<T>(kind: ProgramKind, use: (fd: number) => T): T {
  const fd = libc.must(loadReturnOne(kind), 'load BPF program of type', String(kind.type));
  try {
    return use(fd);
  } finally {
    libc.close(fd);
  }
}

function loadReturnOne({ type, expectedAttach = 0 }: ProgramKind): number {
  return withScratch((allocate) => {
    const code = allocate(16);
    code.bytes.set([0xb7, 0, 0, 0, 1, 0, 0, 0, 0x95]); // r0 = 1; exit
    const license = allocate(8);
    license.bytes.set(Buffer.from('GPL'));
    const attribute = new DataView(new ArrayBuffer(attributeSize));
    attribute.setUint32(0, type, true);
    attribute.setUint32(4, 2, true);
    attribute.setBigUint64(8, code.address, true);
    attribute.setBigUint64(16, license.address, true);
    attribute.setUint32(68, expectedAttach, true);
    return libc.bpf(BPF_PROG_LOAD, new Uint8Array(attribute.buffer));
  });
}

/**
 * Makes a link to an interface of the thread's namespace, or to a cgroup's descriptor, and closes it: detached again.
 * @throws KernelError EINVAL where the kernel does not know the place
 */
export function tryLink(program: number, to: { target: number; type: number; flags?: number }): void {
  const attribute = new Uint8Array(attributeSize);
  new Uint32Array(attribute.buffer).set([program, to.target, to.type, to.flags ?? 0]);
  libc.close(libc.must(libc.bpf(BPF_LINK_CREATE, attribute), 'attach BPF program at', String(to.type)));
}
