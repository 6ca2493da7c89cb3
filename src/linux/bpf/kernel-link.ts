/**
 * Attaching a program and keeping it attached: a pinned link outlives every process, and its program is
 * replaced in one step.
 */
import { existsSync, mkdirSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { errno } from '../errno.ts';
import * as constants from '../ffi/constants.ts';
import * as libc from '../ffi/libc.ts';
import { withNetns } from '../netns/netns.ts';
import type { AttachPoint } from './bpf.ts';
import * as bpf from './bpf-command.ts';
import { ensureFilter, removeFilter } from './tc-filter.ts';

type LinkPoint = Exclude<AttachPoint, { type: 'clsact' }>;

export interface LinkRequest {
  program: { fd: number; name: string; attachType: number };
  at: AttachPoint;
  pin: string;
}

/**
 * Replaces the program of the link that is pinned there, or makes the link and pins it. A pinned link to another
 * interface or cgroup (another uplink was configured), or to one that is gone, makes room once the new one is made.
 */
export function ensureLink(request: LinkRequest): void {
  if (request.at.type === 'clsact') {
    ensureFilter(request.program, request.at);
    return;
  }
  const existing = bpf.pinned(bpf.command.get, request.pin);
  if (existing >= 0) {
    const updated = updateLink(existing, request.program, request.at);
    libc.close(existing);
    if (updated) return;
  }
  createLink(request, request.at);
}

/** What was attached behind takes the first place: its link the other's name, or its program the other's filter. */
export function succeedLink(request: LinkRequest, behind: string): void {
  const { at, pin, program } = request;
  if (existsSync(behind)) {
    mkdirSync(dirname(pin), { recursive: true });
    // The link that had the name ends with it.
    renameSync(behind, pin);
    return;
  }
  if (at.type !== 'clsact' && at.type !== 'tcx') return;
  ensureFilter(program, at);
  removeFilter({ ...at, place: 'behind' });
}

/** False where the link is not one to `at`. */
function updateLink(link: number, program: LinkRequest['program'], at: LinkPoint): boolean {
  if (!leadsTo(bpf.linkInfo(link), program, at)) return false;
  const result = bpf.linkUpdate(link, program.fd);
  // What it was attached to went meanwhile.
  if (result === -errno.ENOLINK) return false;
  libc.must(result, `replace ${program.name} at`, describe(at));
  return true;
}

function leadsTo(
  { type, target, attachType }: ReturnType<typeof bpf.linkInfo>,
  program: LinkRequest['program'],
  at: LinkPoint,
): boolean {
  if (type !== bpf.linkType[at.type]) return false;
  if (at.type === 'xdp') return target === BigInt(at.ifindex);
  if (at.type === 'tcx') return target === BigInt(at.ifindex) && attachType === tcxTypes[at.direction];
  return target === cgroupId(at.path) && attachType === program.attachType;
}

/** The inode number of its directory. */
function cgroupId(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}

const tcxTypes = { ingress: bpf.attachType.tcxIngress, egress: bpf.attachType.tcxEgress } as const;

/** Detaches what `ensureLink` attached. False when there was nothing. */
export function detachLink(pin: string, at?: AttachPoint): boolean {
  endLink(pin);
  const pinned = removeLink(pin);
  if (at?.type !== 'clsact' && at?.type !== 'tcx') return pinned;
  return pinned || removeFilter(at);
}

/** At once: a link that is freed with its pin is so some time later, and until then another mode of XDP is refused. */
function endLink(pin: string): void {
  const link = bpf.pinned(bpf.command.get, pin);
  if (link < 0) return;
  // What it was attached to may be gone; the pin goes in any case.
  bpf.linkDetach(link);
  libc.close(link);
}

function createLink({ program, pin }: LinkRequest, at: LinkPoint): void {
  const link = at.type === 'cgroup' ? attachCgroup(program, at.path) : attachInterface(program, at);
  if (at.type === 'tcx' && link === -errno.EINVAL) {
    ensureFilter(program, at);
    return;
  }
  libc.must(link, `attach ${program.name} to`, describe(at));
  mkdirSync(dirname(pin), { recursive: true });
  removeLink(pin);
  const result = bpf.pinned(bpf.command.pin, pin, link);
  libc.close(link);
  libc.must(result, 'pin BPF link', pin);
}

function attachCgroup(program: LinkRequest['program'], path: string): number {
  const directory = libc.must(
    libc.open(path, constants.O_RDONLY | constants.O_CLOEXEC, 0),
    'open cgroup',
    path,
  );
  const link = bpf.linkCreate(program.fd, { target: directory, type: program.attachType });
  libc.close(directory);
  return link;
}

const xdpFlags = { generic: 2, native: 4 } as const;

function attachInterface(
  program: LinkRequest['program'],
  at: Exclude<AttachPoint, { type: 'cgroup' | 'clsact' }>,
): number {
  const create = () =>
    at.type === 'xdp'
      ? bpf.linkCreate(program.fd, { target: at.ifindex, type: bpf.attachType.xdp, flags: xdpFlags[at.mode] })
      : bpf.linkCreate(program.fd, {
          target: at.ifindex,
          type: tcxTypes[at.direction],
        });
  return at.netns === undefined ? create() : withNetns(at.netns, create);
}

function describe(at: AttachPoint): string {
  if (at.type === 'cgroup') return at.path;
  return at.type === 'tcx'
    ? `interface ${at.ifindex} (tcx ${at.direction})`
    : `interface ${at.ifindex} (xdp)`;
}

/** Removes the pin and with it the attachment. False when there was none. */
export function removeLink(pin: string): boolean {
  try {
    unlinkSync(pin);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
