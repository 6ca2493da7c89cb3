/**
 * Programs as filters of the clsact qdisc (tc-bpf(8)): what every kernel since 4.5 has. Unlike a tcx link such a
 * filter needs no pin, since it lives as long as its interface, and attaching waits for no RCU grace period
 * (a tcx link to a new interface does, some 12 ms). A filter is replaced in one step.
 */
import { errno, isErrno } from '../errno.ts';
import { encodeAttributes, nested, text, u32 } from '../netlink/attribute.ts';
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from '../netlink/message.ts';
import { NetlinkSocket } from '../netlink/socket.ts';
import type { NetnsHandle } from '../netns/netns.ts';

export interface FilterPoint {
  direction: 'ingress' | 'egress';
  ifindex: number;
  netns?: NetnsHandle | undefined;
  /** Before or after the filter without it. */
  place?: 'ahead' | 'behind' | undefined;
}

const RTM_NEWQDISC = 36;
const RTM_NEWTFILTER = 44;
const RTM_DELTFILTER = 45;
const TCA_KIND = 1;
const TCA_OPTIONS = 2;
const TCA_BPF_FD = 6;
const TCA_BPF_NAME = 7;
const TCA_BPF_FLAGS = 8;
const TCA_BPF_FLAG_ACT_DIRECT = 1;

/** TC_H_CLSACT, and its two hooks TC_H_MIN_INGRESS and TC_H_MIN_EGRESS. */
const clsact = 0xfffffff1;
const hooks = { ingress: 0xfffffff2, egress: 0xfffffff3 } as const;
/** Ours among the filters of an interface: what may be replaced and must be removed. */
const priorities = { ahead: 83, middle: 84, behind: 85 };
const handle = 1;
/** ETH_P_ALL in network order. */
const allProtocols = 0x0300;

/** Attaches, or replaces the program that is attached there. @throws KernelError */
export function ensureFilter(program: { fd: number; name: string }, at: FilterPoint): void {
  using socket = new NetlinkSocket(at.netns);
  const operation = `attach ${program.name} to`;
  const object = describe(at);
  ensureQdisc(socket, at);
  const options = nested(TCA_OPTIONS, [
    u32(TCA_BPF_FD, program.fd),
    text(TCA_BPF_NAME, program.name),
    u32(TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT),
  ]);
  const payload = [header(at, hooks[at.direction]), encodeAttributes([text(TCA_KIND, 'bpf'), options])];
  const flags = NLM_F_CREATE | NLM_F_REPLACE;
  socket.request({ type: RTM_NEWTFILTER, flags, payload: Buffer.concat(payload), operation, object });
}

/** False when there was none, or no such interface. @throws KernelError */
export function removeFilter(at: FilterPoint): boolean {
  using socket = new NetlinkSocket(at.netns);
  const payload = [header(at, hooks[at.direction]), encodeAttributes([text(TCA_KIND, 'bpf')])];
  const request = { type: RTM_DELTFILTER, payload: Buffer.concat(payload) };
  try {
    socket.request({ ...request, operation: 'detach BPF program from', object: describe(at) });
    return true;
  } catch (error) {
    if (isErrno(error, errno.ENOENT, errno.ENODEV, errno.EINVAL)) return false;
    throw error;
  }
}

function ensureQdisc(socket: NetlinkSocket, at: FilterPoint): void {
  const payload = Buffer.concat([
    header(at, clsact, 0xffff0000, 0),
    encodeAttributes([text(TCA_KIND, 'clsact')]),
  ]);
  const flags = NLM_F_CREATE | NLM_F_EXCL;
  try {
    socket.request({
      type: RTM_NEWQDISC,
      flags,
      payload,
      operation: 'add clsact qdisc to',
      object: describe(at),
    });
  } catch (error) {
    if (!isErrno(error, errno.EEXIST)) throw error;
  }
}

/** struct tcmsg. */
function header(
  at: FilterPoint,
  parent: number,
  own = handle,
  info = ((priorityOf(at) << 16) | allProtocols) >>> 0,
): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setInt32(4, at.ifindex, true);
  view.setUint32(8, own, true);
  view.setUint32(12, parent, true);
  view.setUint32(16, info, true);
  return bytes;
}

function priorityOf({ place }: FilterPoint): number {
  return priorities[place ?? 'middle'];
}

function describe(at: FilterPoint): string {
  return `interface ${at.ifindex} (clsact ${at.direction})`;
}
