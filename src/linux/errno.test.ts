import { expect, test } from 'vitest';
import { isError } from '../util/errors.ts';
import { errnoName, isErrno, KernelError } from './errno.ts';

test('an error says what was asked, of what, and what the kernel answered', () => {
  const error = new KernelError(17, 'add link', 'veth1', { reason: 'Device name taken' });
  expect(error.message).toBe('add link veth1: EEXIST (exists already; Device name taken)');
  expect(error).toMatchObject({ errno: 17, errnoName: 'EEXIST', operation: 'add link', object: 'veth1' });
  expect(isError(error, 'KERNEL_CALL')).toBe(true);
  expect(isErrno(error, 17)).toBe(true);
  expect(isErrno(error, 2)).toBe(false);
});

test('an error may carry another code and a remedy of its own', () => {
  expect(new KernelError(1, 'x', '').remedy).toMatch(/root/);
  expect(new KernelError(7, 'x', '', { code: 'MAP_FULL', remedy: 'r' })).toMatchObject({
    code: 'MAP_FULL',
    remedy: 'r',
  });
});

test('numbers without a name stay numbers', () => {
  expect([2, 11, 95, 524, 9999].map(errnoName)).toEqual([
    'ENOENT',
    'EAGAIN',
    'EOPNOTSUPP',
    'ENOTSUPP',
    'errno 9999',
  ]);
});
