/** Giving a file's oldest bytes back to its file system while others go on writing to its end (fallocate(2)). */
import { errno, KernelError } from '../errno.ts';
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from '../ffi/constants.ts';
import * as libc from '../ffi/libc.ts';

/**
 * Frees what the first bytes of an open file take. The file's size and every other offset stay; what was freed reads
 * as zeros. False where the file system cannot.
 * @throws KernelError
 */
export function releaseStart(fd: number, bytes: number): boolean {
  const result = libc.fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, bytes);
  if (result === -errno.EOPNOTSUPP) return false;
  if (result < 0) throw new KernelError(-result, 'release the start of a file', `descriptor ${fd}`);
  return true;
}
