import { existsSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { readMounts } from '../mount/mount-table.ts';
import { probeFeatures, requireFeatures } from './features.ts';

test('what every node needs is found here', async () => {
  const needed = [
    'cgroup2',
    'bpffs',
    'btf',
    'cgroup-sock-addr',
    'clsact',
    'nf-tables',
    'veth',
    'bridge',
    'so-cookie',
  ] as const;
  expect((await probeFeatures(needed)).filter(({ available }) => !available)).toEqual([]);
  await requireFeatures(needed);
});

test('every feature gives a report, and trying them leaves nothing', async () => {
  const look = () => [
    readMounts().length,
    Object.keys(networkInterfaces()),
    readFileSync('/proc/net/dev', 'utf8').split('\n').length,
  ];
  const before = look();
  const reports = await probeFeatures();
  expect(look()).toEqual(before);
  for (const { available, reason, remedy, minimumKernel } of reports) {
    expect(remedy).not.toBe('');
    expect(minimumKernel).toMatch(/^\d+\.\d+/);
    expect(reason === undefined).toBe(available);
  }
});

test.runIf(existsSync('/proc/config.gz') || !existsSync('/proc/modules'))(
  'a kernel without modules says what is missing, by name',
  async () => {
    const missing = (await probeFeatures(['wireguard', 'ipvs'])).filter(({ available }) => !available);
    if (missing.length === 0) return;
    await expect(requireFeatures(['veth', 'wireguard', 'ipvs'])).rejects.toMatchObject({
      code: 'KERNEL_FEATURE',
      message: expect.stringContaining('wireguard (Linux 5.6'),
      remedy: expect.stringContaining('modprobe ip_vs'),
    });
  },
);
