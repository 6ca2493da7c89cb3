import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseCidr } from '../net/cidr.ts';
import { formatIp, parseIp } from '../net/ip.ts';
import { FakeClock } from '../util/clock.ts';
import { type Allocation, NodeIpam } from './node-ipam.ts';

let directory: string;
let clock: FakeClock;
const opened: NodeIpam[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-ipam-'));
  clock = new FakeClock(1_000_000);
});
afterEach(async () => {
  for (const ipam of opened.splice(0)) await ipam.close();
  rmSync(directory, { recursive: true });
});

const path = () => join(directory, 'addresses');
const pod = (containerId: string) => ({ containerId, ifName: 'eth0' });
const ipsOf = (allocation: Allocation | undefined) => allocation?.ips.map(formatIp);

async function openIpam(...cidrs: string[]): Promise<NodeIpam> {
  const ipam = await NodeIpam.open({ path: path(), clock });
  opened.push(ipam);
  ipam.setCidrs(
    (cidrs.length > 0 ? cidrs : ['10.244.1.0/24', 'fd00:10:244:1::/64']).map((c) => parseCidr(c)),
  );
  return ipam;
}

describe('an allocation', () => {
  it('has one address per family, IPv4 first', async () => {
    const ipam = await openIpam('fd00:10:244:1::/64', '10.244.1.0/24');
    expect(ipsOf(await ipam.allocate(pod('a')))).toEqual(['10.244.1.1', 'fd00:10:244:1::1']);
    expect(ipsOf(await ipam.allocate(pod('b')))).toEqual(['10.244.1.2', 'fd00:10:244:1::2']);
  });

  it('is the same when asked for again, also by the next agent', async () => {
    const ipam = await openIpam();
    const first = await ipam.allocate(pod('a'), { pod: 'default/web' });
    expect(await ipam.allocate(pod('a'), { pod: 'default/web' })).toBe(first);
    const next = await openIpam();
    expect(await next.allocate(pod('a'), { pod: 'default/web' })).toEqual(first);
    expect(next.get(pod('a'))!.note).toEqual({ pod: 'default/web' });
  });

  it('keeps its addresses when it is made anew elsewhere, and has to be confirmed again', async () => {
    const ipam = await openIpam();
    const { ips } = await ipam.allocate(pod('a'), { netns: '/one' });
    await ipam.confirm(pod('a'));
    const renewed = await ipam.allocate(pod('a'), { netns: '/two' });
    expect(renewed).toMatchObject({ ips, confirmed: false, note: { netns: '/two' } });
    expect((await openIpam()).get(pod('a'))).toEqual(renewed);
  });

  it('is told apart when it was never confirmed', async () => {
    const ipam = await openIpam();
    await ipam.allocate(pod('done'));
    await ipam.confirm(pod('done'));
    await ipam.allocate(pod('half'));
    const next = await openIpam();
    expect(next.list().map((a) => [a.containerId, a.confirmed])).toEqual([
      ['done', true],
      ['half', false],
    ]);
  });

  it('takes nothing when one family has none left', async () => {
    const ipam = await openIpam('10.0.0.0/24', 'fd00::/127');
    for (const id of ['a', 'b']) await ipam.allocate(pod(id));
    await expect(ipam.allocate(pod('c'))).rejects.toMatchObject({ code: 'IPAM_EXHAUSTED' });
    expect(ipam.usage().map(({ used }) => used)).toEqual([2, 2]);
    expect(ipam.list()).toHaveLength(2);
  });

  it('says so when the node has no pod CIDR yet', async () => {
    const ipam = await NodeIpam.open({ path: path() });
    opened.push(ipam);
    await expect(ipam.allocate(pod('a'))).rejects.toThrow('the node has no pod CIDR yet');
  });

  it('keeps its address when the node gets other blocks', async () => {
    const ipam = await openIpam('10.0.0.0/24');
    await ipam.allocate(pod('a'));
    ipam.setCidrs([parseCidr('10.0.9.0/24')]);
    expect(ipsOf(ipam.get(pod('a')))).toEqual(['10.0.0.1']);
    expect(ipsOf(await ipam.allocate(pod('b')))).toEqual(['10.0.9.1']);
  });
});

describe('a release', () => {
  it('is idempotent', async () => {
    const ipam = await openIpam();
    await ipam.allocate(pod('a'));
    await ipam.release(pod('a'));
    await ipam.release(pod('a'));
    await ipam.release(pod('never'));
    expect(ipam.list()).toEqual([]);
  });

  it('lets the address rest, across a restart too', async () => {
    const ipam = await openIpam('10.0.0.0/30');
    for (const id of ['a', 'b']) await ipam.allocate(pod(id));
    await ipam.release(pod('a'));
    const next = await openIpam('10.0.0.0/30');
    await expect(next.allocate(pod('c'))).rejects.toThrow('1 of 2 in use, 1 freed less than 30 s ago');
    await clock.advance(30_000);
    expect(ipsOf(await next.allocate(pod('c')))).toEqual(['10.0.0.1']);
  });
});

it('keeps its file small', async () => {
  const ipam = await openIpam();
  await ipam.allocate(pod('stays'));
  for (let i = 0; i < 1200; i++) {
    await ipam.allocate(pod(`p${i % 7}`));
    await ipam.release(pod(`p${i % 7}`));
    await clock.advance(31_000);
  }
  expect(statSync(path()).size).toBeLessThan(200_000);
  expect((await openIpam()).list().map((a) => a.containerId)).toEqual(['stays']);
}, 30_000);

it('does not guess about a damaged file', async () => {
  writeFileSync(path(), 'garbage\nmore garbage\n');
  await expect(NodeIpam.open({ path: path() })).rejects.toMatchObject({ code: 'IPAM_STORE' });
});

describe('an attachment of another allocator', () => {
  const adopted = { ips: ['fd00:10:244:1::2', '10.244.1.2'].map(parseIp), note: { pod: 'old' } };

  it('is adopted whole, for the next agent too, and its address is nobody’s until it is released', async () => {
    const ipam = await openIpam();
    await ipam.adopt(pod('old'), adopted);
    await ipam.adopt(pod('old'), { ips: [parseIp('10.244.1.9')], note: {} });
    const again = await openIpam();
    expect(again.get(pod('old'))).toMatchObject({ confirmed: true, note: { pod: 'old' } });
    expect(ipsOf(again.get(pod('old')))).toEqual(['10.244.1.2', 'fd00:10:244:1::2']);
    expect(ipsOf(await again.allocate(pod('new')))).toEqual(['10.244.1.3', 'fd00:10:244:1::3']);
    await again.release(pod('old'));
    expect(again.usage().map(({ used, resting }) => [used, resting])).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  it('leaves addresses alone that it has and that nobody told of', async () => {
    const ipam = await NodeIpam.open({ path: path(), clock, isTaken: (ip) => formatIp(ip) === '10.244.1.1' });
    opened.push(ipam);
    ipam.setCidrs([parseCidr('10.244.1.0/24')]);
    expect(ipam.covers(parseIp('10.244.1.1'))).toBe(true);
    expect(ipsOf(await ipam.allocate(pod('a')))).toEqual(['10.244.1.2']);
    ipam.skipAhead();
    expect(ipsOf(await ipam.allocate(pod('b')))).toEqual(['10.244.1.130']);
  });
});
