import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readSysctl, writeSysctl } from '../sysctl/sysctl.ts';
import { createNetns, deleteNetns, openNetns, openSelf, withNetns } from './netns.ts';

let directory: string;
const paths: string[] = [];
const home = statSync('/proc/thread-self/ns/net').ino;
const here = () => statSync('/proc/thread-self/ns/net').ino;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-netns-'));
});

afterEach(() => {
  for (const path of paths.splice(0)) deleteNetns(path);
  rmSync(directory, { recursive: true });
});

function create(name: string): string {
  const path = join(directory, name);
  paths.push(path);
  createNetns(path);
  return path;
}

describe('a namespace', () => {
  test('is made with its loopback up, and the thread is home again', () => {
    using netns = openNetns(create('a'));
    expect(here()).toBe(home);
    const interfaces = withNetns(netns, () => networkInterfaces());
    expect(Object.keys(interfaces)).toEqual(['lo']);
    expect(interfaces.lo!.map((each) => each.address)).toEqual(['127.0.0.1', '::1']);
  });

  test('is entered for the time of a function, also when windows nest or the function throws', () => {
    using a = openNetns(create('a'));
    using b = openNetns(create('b'));
    const inode = (path: string) => statSync(path).ino;
    expect(withNetns(a, () => [here(), withNetns(b, here), here()])).toEqual(
      [a, b, a].map((n) => inode(n.path)),
    );
    expect(() =>
      withNetns(a, () => {
        throw new Error('boom');
      }),
    ).toThrow('boom');
    expect(here()).toBe(home);
  });

  test('refuses a function that returns a promise', () => {
    using a = openNetns(create('a'));
    expect(() => withNetns(a, async () => 1)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
    expect(here()).toBe(home);
  });

  test('has one identity through all its handles', () => {
    const path = create('a');
    using one = openNetns(path);
    using two = openNetns(path);
    using self = openSelf();
    expect(one.id).toBe(two.id);
    expect(self.id).not.toBe(one.id);
    expect(withNetns(one, () => openSelf()).id).toBe(one.id);
  });

  test('is deleted with its file; deleting nothing is no error', () => {
    const path = create('a');
    expect(deleteNetns(path)).toBe(true);
    expect(existsSync(path)).toBe(false);
    expect(deleteNetns(path)).toBe(false);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(path);
  });

  test('leaves nothing of a path that is taken, nor of one that is half made', () => {
    const path = create('a');
    expect(() => createNetns(path)).toThrow(expect.objectContaining({ errnoName: 'EEXIST', object: path }));
    const half = join(directory, 'half');
    writeFileSync(half, '');
    expect(deleteNetns(half)).toBe(true);
  });

  test('that does not exist is named in the error', () => {
    expect(() => openNetns(join(directory, 'none'))).toThrow(
      /open network namespace .*none: ENOENT \(not found\)/,
    );
    using file = openNetns('/etc/hostname');
    expect(() => withNetns(file, here)).toThrow(/enter network namespace \/etc\/hostname: EINVAL/);
    expect(here()).toBe(home);
  });
});

describe('sysctls', () => {
  test('are those of the namespace', () => {
    using a = openNetns(create('a'));
    const before = readSysctl(null, 'net.ipv4.ip_forward');
    writeSysctl(a, {
      'net.ipv4.ip_forward': 1,
      'net.ipv6.conf.all.forwarding': 1,
      'net.ipv4.conf.lo.rp_filter': 2,
    });
    expect(readSysctl(a, 'net.ipv4.ip_forward')).toBe('1');
    expect(readSysctl(a, 'net.ipv6.conf.all.forwarding')).toBe('1');
    expect(readSysctl(a, 'net.ipv4.conf.lo.rp_filter')).toBe('2');
    expect(readSysctl(null, 'net.ipv4.ip_forward')).toBe(before);
  });

  test('name the key that is wrong', () => {
    using a = openNetns(create('a'));
    expect(() => writeSysctl(a, { 'net.ipv4.no_such_key': 1 })).toThrow(/net\.ipv4\.no_such_key: ENOENT/);
    expect(() => writeSysctl(a, { 'net.ipv4.ip_forward': 'yes' })).toThrow(
      /set sysctl to yes: net\.ipv4\.ip_forward: EINVAL/,
    );
  });
});
