import { readFileSync } from 'node:fs';
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

test('what is missing is named, with what to do', async ({ skip }) => {
  const [missing] = (await probeFeatures()).filter(({ available }) => !available);
  if (missing === undefined) return skip('this kernel has every feature');
  await expect(requireFeatures(['veth', missing.feature])).rejects.toMatchObject({
    code: 'KERNEL_FEATURE',
    message: expect.stringContaining(`${missing.feature} (Linux ${missing.minimumKernel}`),
    remedy: `${missing.feature}: ${missing.remedy}`,
  });
});
