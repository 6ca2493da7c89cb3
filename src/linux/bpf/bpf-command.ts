/**
 * bpf(2), command by command: attributes are laid out as in <linux/bpf.h>, and what they point at lies in the
 * arena. Results are those of the system call: a value or a negative errno.
 */
import { allocate, type Block, cString, withScratch } from '../ffi/arena.ts';
import * as libc from '../ffi/libc.ts';

export const command = {
  lookup: 1,
  update: 2,
  delete: 3,
  nextKey: 4,
  pin: 6,
  get: 7,
  attach: 8,
  testRun: 10,
  mapById: 14,
  info: 15,
  btfById: 19,
  lookupBatch: 24,
  updateBatch: 26,
  deleteBatch: 27,
  linkCreate: 28,
  linkUpdate: 29,
  linkDetach: 34,
} as const;

/** enum bpf_attach_type, those that libbpf 1.1 does not know of a program by itself. */
export const attachType = { xdp: 37, tcxIngress: 46, tcxEgress: 47 } as const;

const elementAttribute = allocate(32);

/** One element: `second` is the value's or next key's address. */
export function element(which: number, fd: number, key: Block, second?: Block, flags = 0): number {
  const { view, bytes } = elementAttribute;
  view.setUint32(0, fd, true);
  view.setBigUint64(8, key.address, true);
  view.setBigUint64(16, second?.address ?? 0n, true);
  view.setBigUint64(24, BigInt(flags), true);
  return libc.bpf(which, bytes);
}

export interface BatchRequest {
  fd: number;
  keys: Block;
  values?: Block;
  count: number;
  /** Cursors of lookup batches. */
  from?: Block;
  to?: Block;
}

/** Many elements; `done` is how many were, also when it failed. */
export function batch(which: number, request: BatchRequest): { result: number; done: number } {
  return withScratch((scratch) => {
    const { view, bytes } = scratch(56);
    view.setBigUint64(0, request.from?.address ?? 0n, true);
    view.setBigUint64(8, request.to?.address ?? 0n, true);
    view.setBigUint64(16, request.keys.address, true);
    view.setBigUint64(24, request.values?.address ?? 0n, true);
    view.setUint32(32, request.count, true);
    view.setUint32(36, request.fd, true);
    const result = libc.bpf(which, bytes);
    return { result, done: view.getUint32(32, true) };
  });
}

/** BPF_OBJ_PIN, or BPF_OBJ_GET (fd 0), of a path on a bpffs. */
export function pinned(which: number, path: string, fd = 0): number {
  return withScratch((scratch) => {
    const { view, bytes } = scratch(16);
    view.setBigUint64(0, cString(path, scratch).address, true);
    view.setUint32(8, fd, true);
    return libc.bpf(which, bytes);
  });
}

/** BPF_LINK_CREATE; `target` is an interface index or a cgroup's descriptor. */
export function linkCreate(
  programFd: number,
  link: { target: number; type: number; flags?: number },
): number {
  return withScratch((scratch) => {
    const { view, bytes } = scratch(48);
    view.setUint32(0, programFd, true);
    view.setUint32(4, link.target, true);
    view.setUint32(8, link.type, true);
    view.setUint32(12, link.flags ?? 0, true);
    return libc.bpf(command.linkCreate, bytes);
  });
}

/** BPF_PROG_ATTACH to a map of sockets; replaces the program that it had. */
export function attachToMap(programFd: number, map: { fd: number; type: number }): number {
  return withScratch((scratch) => {
    const { view, bytes } = scratch(20);
    view.setUint32(0, map.fd, true);
    view.setUint32(4, programFd, true);
    view.setUint32(8, map.type, true);
    return libc.bpf(command.attach, bytes);
  });
}

/** BPF_LINK_UPDATE: the link runs the new program from now on. */
export function linkUpdate(linkFd: number, programFd: number): number {
  return withScratch((scratch) => {
    const { view, bytes } = scratch(16);
    view.setUint32(0, linkFd, true);
    view.setUint32(4, programFd, true);
    return libc.bpf(command.linkUpdate, bytes);
  });
}

/** BPF_LINK_DETACH: nothing is attached by the link any more, whoever holds it. */
export function linkDetach(linkFd: number): number {
  return withScratch((scratch) => {
    const { view, bytes } = scratch(16);
    view.setUint32(0, linkFd, true);
    return libc.bpf(command.linkDetach, bytes);
  });
}

/** struct bpf_map_info, its first fields. */
export function mapInfo(fd: number): {
  type: number;
  id: number;
  keySize: number;
  valueSize: number;
  maxEntries: number;
} {
  return objectInfo(fd, 'describe BPF map', (info) => {
    const field = (offset: number) => info.getUint32(offset, true);
    return { type: field(0), id: field(4), keySize: field(8), valueSize: field(12), maxEntries: field(16) };
  });
}

/** The types of a map's keys and values, as numbers in its BTF; all 0 where it was made without. */
export function mapTypes(fd: number): { btf: number; key: number; value: number } {
  return objectInfo(fd, 'describe BPF map', (info) => {
    const field = (offset: number) => info.getUint32(offset, true);
    return { btf: field(64), key: field(68), value: field(72) };
  });
}

/** The bytes of a BTF object (struct bpf_btf_info tells their number, then gives them). */
export function btfBytes(id: number): Buffer {
  const fd = withScratch((scratch) => {
    const { view, bytes } = scratch(16);
    view.setUint32(0, id, true);
    return libc.must(libc.bpf(command.btfById, bytes), 'open BTF', String(id));
  });
  try {
    const size = objectInfo(fd, 'describe BTF', (info) => info.getUint32(8, true));
    return withScratch((scratch) => {
      const data = scratch(size);
      objectInfo(fd, 'read BTF', () => {}, [data.address, size]);
      return Buffer.from(data.bytes.slice(0, size));
    });
  } finally {
    libc.close(fd);
  }
}

/** BPF_OBJ_GET_INFO_BY_FD; `buffer`, address and size, is where BTF goes. */
function objectInfo<T>(
  fd: number,
  operation: string,
  read: (info: DataView) => T,
  [address, size]: readonly [bigint, number] = [0n, 0],
): T {
  return withScratch((scratch) => {
    const info = scratch(96);
    info.view.setBigUint64(0, address, true);
    info.view.setUint32(8, size, true);
    const { view, bytes } = scratch(16);
    view.setUint32(0, fd, true);
    view.setUint32(4, info.bytes.length, true);
    view.setBigUint64(8, info.address, true);
    libc.must(libc.bpf(command.info, bytes), operation);
    return read(info.view);
  });
}

/** enum bpf_link_type, those made here. */
export const linkType = { cgroup: 3, xdp: 6, tcx: 11 } as const;

/**
 * struct bpf_link_info: `target` is a cgroup's id or an interface's index, 0 once that is gone; `attachType` is
 * meaningless for XDP.
 */
export function linkInfo(fd: number): { type: number; target: bigint; attachType: number } {
  return objectInfo(fd, 'describe BPF link', (info) => {
    const type = info.getUint32(0, true);
    return type === linkType.cgroup
      ? { type, target: info.getBigUint64(16, true), attachType: info.getUint32(24, true) }
      : { type, target: BigInt(info.getUint32(16, true)), attachType: info.getUint32(20, true) };
  });
}

const skBuffSize = 192;
/** Where the packet came into the stack, and where it is. */
const skBuffIngressIfindex = 36;
const skBuffIfindex = 40;
/** struct xdp_md: the frame's end, and the interface it came in at. */
const xdpMd = { size: 24, dataEnd: 4, ingressIfindex: 12 } as const;
/** Room for a packet that a program made longer. */
const growth = 2048;

export interface TestRunResult {
  result: number;
  retval: number;
  data: Uint8Array;
  nsPerRun: number;
}

/**
 * BPF_PROG_TEST_RUN of a program that takes a packet; with an interface index its context is a struct __sk_buff, or
 * for XDP a struct xdp_md: then a program of that kind must be attached there, or EINVAL.
 */
export function testRun(
  programFd: number,
  input: { data: Uint8Array; repeat?: number; ifindex?: number; ingressIfindex?: number; xdp?: boolean },
): TestRunResult {
  return withScratch((scratch) => {
    const { view, bytes } = scratch(80);
    const before = scratch(input.data.length);
    before.bytes.set(input.data);
    const after = scratch(input.data.length + growth);
    view.setUint32(0, programFd, true);
    view.setUint32(8, input.data.length, true);
    view.setUint32(12, after.bytes.length, true);
    view.setBigUint64(16, before.address, true);
    view.setBigUint64(24, after.address, true);
    view.setUint32(32, input.repeat ?? 1, true);
    if (input.ifindex !== undefined) {
      const size = input.xdp ? xdpMd.size : skBuffSize;
      const context = scratch(size);
      if (input.xdp) context.view.setUint32(xdpMd.dataEnd, input.data.length, true);
      context.view.setUint32(input.xdp ? xdpMd.ingressIfindex : skBuffIfindex, input.ifindex, true);
      if (!input.xdp) context.view.setUint32(skBuffIngressIfindex, input.ingressIfindex ?? 0, true);
      view.setUint32(40, size, true);
      view.setBigUint64(48, context.address, true);
    }
    const result = libc.bpf(command.testRun, bytes);
    const retval = view.getInt32(4, true);
    const data = after.bytes.slice(0, view.getUint32(12, true));
    return { result, retval, data, nsPerRun: view.getUint32(36, true) };
  });
}
