/** Names of the BPF programs that are attached to a cgroup, or by tcx to an interface (BPF_PROG_QUERY). */
import { closeSync, openSync } from 'node:fs';
import { withScratch } from '../../../src/linux/ffi/arena.ts';
import * as libc from '../../../src/linux/ffi/libc.ts';

const command = { programById: 13, info: 15, query: 16 };
const most = 64;

/** enum bpf_attach_type. Those of devices are the container runtime's own. */
const cgroupTypes = {
  ...{ ingress: 0, egress: 1, sockCreate: 2, sockOps: 3, bind4: 8, bind6: 9, connect4: 10, connect6: 11 },
  ...{ postBind4: 12, postBind6: 13, sendmsg4: 14, sendmsg6: 15, sysctl: 18, recvmsg4: 19, recvmsg6: 20 },
  ...{
    getsockopt: 21,
    setsockopt: 22,
    getpeername4: 29,
    getpeername6: 30,
    getsockname4: 31,
    getsockname6: 32,
  },
  sockRelease: 34,
};
const tcxTypes = { ingress: 46, egress: 47 };

/** `TYPE` with the programs' names; only types that have some. */
export function cgroupPrograms(directory: string): Record<string, string[]> {
  const fd = openSync(directory, 'r');
  try {
    return programsOf(cgroupTypes, fd);
  } finally {
    closeSync(fd);
  }
}

/** In the thread's network namespace. */
export function tcxPrograms(ifindex: number): Record<string, string[]> {
  return programsOf(tcxTypes, ifindex);
}

function programsOf(types: Record<string, number>, target: number): Record<string, string[]> {
  const all = Object.entries(types).map(
    ([name, type]) => [name, query(target, type).map(programName)] as const,
  );
  return Object.fromEntries(all.filter(([, names]) => names.length > 0));
}

/** Ids; none where this kernel does not know the type. */
function query(target: number, type: number): number[] {
  return withScratch((scratch) => {
    const ids = scratch(4 * most);
    const { view, bytes } = scratch(64);
    view.setUint32(0, target, true);
    view.setUint32(4, type, true);
    view.setBigUint64(16, ids.address, true);
    view.setUint32(24, most, true);
    if (libc.bpf(command.query, bytes) < 0) return [];
    const count = view.getUint32(24, true);
    return Array.from({ length: count }, (_, i) => ids.view.getUint32(4 * i, true));
  });
}

function programName(id: number): string {
  return withScratch((scratch) => {
    const open = scratch(16);
    open.view.setUint32(0, id, true);
    const fd = libc.bpf(command.programById, open.bytes);
    if (fd < 0) return `program ${id}`;
    const info = scratch(96);
    const { view, bytes } = scratch(16);
    view.setUint32(0, fd, true);
    view.setUint32(4, 96, true);
    view.setBigUint64(8, info.address, true);
    libc.bpf(command.info, bytes);
    libc.close(fd);
    return Buffer.from(info.bytes.slice(64, 80)).toString('latin1').replace(/\0.*$/s, '');
  });
}
