/** How large an object may be: what etcd takes in a request (--max-request-bytes). */
import { tooLargeForStorage } from '../status.ts';

const maxBytes = 1.5 * 1024 * 1024;

/** About what JSON takes of it; looks no further once that is more than `left`. */
function sizeOf(value: unknown, left: number): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return 4;
  let size = 2;
  for (const key of Object.keys(value)) {
    if (size > left) return size;
    size += key.length + 4 + sizeOf((value as Record<string, unknown>)[key], left - size);
  }
  return size;
}

/** @throws ApiError in etcd's words */
export function refuseTooLarge(object: object): void {
  if (sizeOf(object, maxBytes) > maxBytes) throw tooLargeForStorage();
}
