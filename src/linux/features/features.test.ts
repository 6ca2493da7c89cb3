import { expect, test } from 'vitest';
import { errno, KernelError } from '../errno.ts';
import { missingFeatures, probeOne } from './features.ts';

const feature = { minimumKernel: '6.6', remedy: 'use Linux 6.6', probe: () => {} };

test('a probe that throws, or rejects, is a feature that is missing, with what the kernel said', async () => {
  expect(await probeOne('tcx', feature)).toEqual({
    feature: 'tcx',
    available: true,
    minimumKernel: '6.6',
    remedy: 'use Linux 6.6',
  });
  const refused = async () => {
    throw new KernelError(errno.EINVAL, 'attach BPF program at', '46');
  };
  expect(await probeOne('tcx', { ...feature, probe: refused })).toMatchObject({
    available: false,
    reason: 'attach BPF program at 46: EINVAL (refused as invalid)',
  });
});

test('one error names everything that is missing, and all that can be done', () => {
  const report = { available: false, minimumKernel: '5.6', reason: 'EOPNOTSUPP' };
  const error = missingFeatures([
    { ...report, feature: 'wireguard', remedy: 'modprobe wireguard' },
    { ...report, feature: 'geneve', remedy: 'modprobe geneve' },
  ]);
  expect(error.code).toBe('KERNEL_FEATURE');
  expect(error.message).toBe(
    'this kernel lacks wireguard (Linux 5.6; EOPNOTSUPP), geneve (Linux 5.6; EOPNOTSUPP)',
  );
  expect(error.remedy).toBe('wireguard: modprobe wireguard; geneve: modprobe geneve');
});
