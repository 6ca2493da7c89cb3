import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createNetns, deleteNetns, type NetnsHandle, openNetns, withNetns } from '../linux/netns/netns.ts';
import { readSysctl, type Sysctls, writeSysctl } from '../linux/sysctl/sysctl.ts';
import { changeSysctls, returnSysctls } from './former-sysctls.ts';

let directory: string;
let netns: NetnsHandle;
let record: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-sysctls-'));
  createNetns(join(directory, 'node'));
  netns = openNetns(join(directory, 'node'));
  record = join(directory, 'state/sysctls.json');
  writeSysctl(netns, former);
});

afterEach(() => {
  netns.close();
  deleteNetns(join(directory, 'node'));
  rmSync(directory, { recursive: true });
});

/** A change of the first alters the second and the third. */
const former = {
  'net.ipv4.ip_forward': '0',
  'net.ipv4.conf.all.accept_redirects': '0',
  'net.ipv4.conf.lo.forwarding': '1',
  'net.ipv4.ip_local_reserved_ports': '',
  'net.ipv6.conf.all.forwarding': '0',
  'net.ipv6.conf.lo.forwarding': '0',
};

const agents: Sysctls = {
  'net.ipv4.ip_forward': 1,
  'net.ipv4.ip_local_reserved_ports': '30000-32767',
  'net.ipv6.conf.all.forwarding': 1,
};

const now = () =>
  Object.fromEntries(Object.keys(former).map((key) => [key, readSysctl(netns, key)])) as typeof former;

test('all is as before, however often the agent started, and what followed from its changes too', () => {
  withNetns(netns, () => {
    changeSysctls(record, agents);
    changeSysctls(record, agents);
  });
  expect(now()).toMatchObject({ 'net.ipv4.ip_forward': '1', 'net.ipv6.conf.lo.forwarding': '1' });
  const { kept } = withNetns(netns, () => returnSysctls(record));
  expect(kept).toEqual([]);
  expect(now()).toEqual(former);
  expect(withNetns(netns, () => returnSysctls(record))).toEqual({ returned: [], kept: [] });
});

test('what somebody else has changed since stays', () => {
  withNetns(netns, () => changeSysctls(record, agents));
  writeSysctl(netns, { 'net.ipv4.ip_local_reserved_ports': '8080' });
  const { kept } = withNetns(netns, () => returnSysctls(record));
  expect(kept).toEqual(['net.ipv4.ip_local_reserved_ports']);
  expect(now()).toEqual({ ...former, 'net.ipv4.ip_local_reserved_ports': '8080' });
});
