/** Where a pinned link leads, after what it was made for changed. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as libc from '../ffi/libc.ts';
import { createNetns, deleteNetns, type NetnsHandle, openNetns } from '../netns/netns.ts';
import type { AttachPoint, BpfObject } from './bpf.ts';
import { command, linkInfo, pinned } from './bpf-command.ts';
import { kernelBpf } from './kernel-bpf.ts';

const noTcx = 'before Linux 6.6 there is no tcx and no link, but a filter of the interface';

let root: string;
let netns: NetnsHandle;
const objects: BpfObject[] = [];

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'tendril-link-'));
  mkdirSync(join(root, 'bpf'));
  execFileSync('mount', ['-t', 'bpf', 'bpf', join(root, 'bpf')]);
  createNetns(join(root, 'node'));
  netns = openNetns(join(root, 'node'));
  ip('link add eth0 index 7 type veth peer name eth1 index 8');
});

afterAll(() => {
  for (const object of objects) object.close();
  netns.close();
  deleteNetns(join(root, 'node'));
  execFileSync('umount', ['-l', join(root, 'bpf')]);
  for (const name of ['one', 'two']) removeCgroup(name);
  rmSync(root, { recursive: true });
});

function ip(command: string): void {
  execFileSync('nsenter', [`--net=${join(root, 'node')}`, 'ip', ...command.split(' ')]);
}

function load(name: string): BpfObject {
  const path = join(import.meta.dirname, `../../../dist/bpf/${name}.bpf.o`);
  const object = kernelBpf.load({ path, pinDirectory: join(root, 'bpf', 'node') });
  objects.push(object);
  return object;
}

const pin = (name: string) => join(root, 'bpf', 'node', 'links', name);

function targetOf(name: string): bigint | undefined {
  const fd = pinned(command.get, pin(name));
  if (fd < 0) return undefined;
  try {
    return linkInfo(fd).target;
  } finally {
    libc.close(fd);
  }
}

const cgroupMount = existsSync('/sys/fs/cgroup/unified') ? '/sys/fs/cgroup/unified' : '/sys/fs/cgroup';
const cgroupPath = (name: string) => join(cgroupMount, `${basename(root)}-${name}`);

function removeCgroup(name: string): void {
  try {
    rmdirSync(cgroupPath(name));
  } catch {}
}

test('another interface gets the program, and the one before loses it', ({ skip }) => {
  const host = load('host');
  const uplink = (ifindex: number): AttachPoint => ({ type: 'tcx', direction: 'ingress', ifindex, netns });
  host.attach('host_ingress', uplink(7), pin('uplink'));
  if (targetOf('uplink') === undefined) skip(noTcx);
  host.attach('host_ingress', uplink(7), pin('uplink'));
  expect(targetOf('uplink')).toBe(7n);
  host.attach('host_ingress', uplink(8), pin('uplink'));
  expect(targetOf('uplink')).toBe(8n);
});

test('an interface that came again under the index of one that went gets the program', ({ skip }) => {
  const host = load('host');
  const at: AttachPoint = { type: 'tcx', direction: 'ingress', ifindex: 7, netns };
  host.attach('host_ingress', at, pin('again'));
  if (targetOf('again') === undefined) skip(noTcx);
  ip('link del eth0');
  expect(targetOf('again')).toBe(0n);
  ip('link add eth0 index 7 type veth peer name eth1 index 8');
  host.attach('host_ingress', at, pin('again'));
  expect(targetOf('again')).toBe(7n);
});

test('another cgroup gets the program, also one of the name that a deleted one had', () => {
  const sock = load('sock');
  const attach = (name: string) => {
    sock.attach('sock_connect4', { type: 'cgroup', path: cgroupPath(name) }, pin('connect4'));
    return targetOf('connect4')!;
  };
  mkdirSync(cgroupPath('one'));
  mkdirSync(cgroupPath('two'));
  const first = attach('one');
  expect(attach('one')).toBe(first);
  const second = attach('two');
  expect(second).not.toBe(first);
  removeCgroup('two');
  mkdirSync(cgroupPath('two'));
  expect([first, second, 0n]).not.toContain(attach('two'));
});

test('XDP of one mode makes room for the other at once', () => {
  const xdp = load('xdp');
  const at = (mode: 'native' | 'generic'): AttachPoint => ({ type: 'xdp', mode, ifindex: 8, netns });
  for (let turn = 0; turn < 20; turn++) {
    const mode = turn % 2 ? 'native' : 'generic';
    xdp.attach('xdp_pass', at(mode), pin(mode));
    expect(targetOf(mode)).toBe(8n);
    expect(kernelBpf.detach(pin(mode), at(mode))).toBe(true);
    expect(targetOf(mode)).toBeUndefined();
  }
});
