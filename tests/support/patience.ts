/**
 * How long a test waits for what comes by itself. vitest's own second is less than a busy machine may take to
 * start a process or to make a key; a longer wait costs only a test that fails.
 */
import { vi } from 'vitest';

const timeout = 20_000;
const { waitFor, waitUntil } = vi;

vi.waitFor = (holds, options) => waitFor(holds, patient(options));
vi.waitUntil = (holds, options) => waitUntil(holds, patient(options));

function patient<T extends object>(options: number | T | undefined): number | (T & { timeout: number }) {
  return typeof options === 'number' ? options : ({ timeout, ...options } as T & { timeout: number });
}
