/** The process's own memory. */
import { mallocTrim } from './ffi/libc.ts';

/** Gives back to the kernel what malloc keeps of memory that is free, in some 2 ms. */
export function returnFreeMemory(): void {
  mallocTrim(0);
}
