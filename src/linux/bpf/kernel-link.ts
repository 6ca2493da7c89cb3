/**
 * Attaching a program and keeping it attached: a pinned link outlives every process, and its program is
 * replaced in one step.
 */
import { mkdirSync, unlinkSync } from 'node:fs';
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

/** Replaces the program of the link that is pinned there, or makes the link and pins it. */
export function ensureLink(request: LinkRequest): void {
  if (request.at.type === 'clsact') {
    ensureFilter(request.program, request.at);
    return;
  }
  const existing = bpf.pinned(bpf.command.get, request.pin);
  if (existing >= 0) {
    const result = bpf.linkUpdate(existing, request.program.fd);
    libc.close(existing);
    if (result >= 0) return;
    // The interface is gone and its index was given to another: the pin holds a link to nothing.
    removeLink(request.pin);
  }
  createLink(request, request.at);
}

/** Detaches what `ensureLink` attached. False when there was nothing. */
export function detachLink(pin: string, at?: AttachPoint): boolean {
  const pinned = removeLink(pin);
  if (at?.type !== 'clsact' && at?.type !== 'tcx') return pinned;
  return pinned || removeFilter(at);
}

function createLink({ program, pin }: LinkRequest, at: LinkPoint): void {
  const link = at.type === 'cgroup' ? attachCgroup(program, at.path) : attachInterface(program, at);
  if (at.type === 'tcx' && link === -errno.EINVAL) {
    ensureFilter(program, at);
    return;
  }
  libc.must(link, `attach ${program.name} to`, describe(at));
  mkdirSync(dirname(pin), { recursive: true });
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
          type: at.direction === 'ingress' ? bpf.attachType.tcxIngress : bpf.attachType.tcxEgress,
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
