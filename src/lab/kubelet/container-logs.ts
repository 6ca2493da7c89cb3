/** Reads a container's log as `kubectl logs` asks for it. */
import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';

export interface LogOptions {
  /** Go on as lines come, until the container has ended. */
  follow?: boolean;
  tailLines?: number;
  /** Only what is written beyond this many bytes. */
  from?: number;
}

/**
 * As much of a log as is kept: kubelet's containerLogMaxSize. Kubelet begins a new file there and shows what is in that
 * one; here the file's oldest bytes are freed instead (container-log-limit.ts), so that a container's descriptor and
 * whoever follows go on as they are.
 */
export const logBytesMax = 10 * 2 ** 20;

const chunkBytes = 64 * 1024;
const newline = 0x0a;

/**
 * Bytes of the file from where `tailLines` says, or the first line that is kept, to the end that it has now; with follow
 * until `ended` says so and the rest is read. Lines that are freed before they are read are left out.
 */
export function readLog(path: string, options: LogOptions, ended: () => boolean): Readable {
  return Readable.from(chunks(path, options, ended), { objectMode: false });
}

async function* chunks(path: string, options: LogOptions, ended: () => boolean): AsyncGenerator<Buffer> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return;
  const changes = options.follow ? new Changes(path) : undefined;
  try {
    const { size } = await file.stat();
    let position =
      options.tailLines === undefined ? (options.from ?? 0) : await tailStart(file, size, options.tailLines);
    const end = options.follow ? Number.POSITIVE_INFINITY : size;
    /** What was read last is no whole line. */
    let inLine = false;
    for (;;) {
      // Asked before reading: what is written before the end is read after it.
      const last = !options.follow || ended();
      const seen = changes?.count;
      const length = Math.max(0, Math.min(chunkBytes, end - position));
      const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(chunkBytes), position, length });
      // Asked after reading: what was read may have been freed before.
      const kept = await firstKept(file);
      if (position < kept) {
        if (inLine) yield Buffer.from('\n');
        inLine = false;
        position = kept;
      } else if (bytesRead > 0) {
        position += bytesRead;
        inLine = buffer[bytesRead - 1] !== newline;
        yield buffer.subarray(0, bytesRead);
      } else if (last) return;
      else await changes!.after(seen!);
    }
  } finally {
    changes?.close();
    await file.close();
  }
}

/** Where the first line begins that is kept for certain. */
async function firstKept(file: FileHandle): Promise<number> {
  const { size } = await file.stat();
  const kept = size - logBytesMax;
  if (kept <= 0) return 0;
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(chunkBytes), position: kept - 1 });
  return kept + Math.max(0, buffer.subarray(0, bytesRead).indexOf(newline));
}

/** Where the last `lines` lines of the first `size` bytes begin. */
async function tailStart(file: FileHandle, size: number, lines: number): Promise<number> {
  if (lines <= 0) return size;
  let found = 0;
  const first = Math.max(0, size - logBytesMax);
  for (let end = size; end > first; ) {
    const start = Math.max(first, end - chunkBytes);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(end - start), position: start });
    for (let i = bytesRead - 1; i >= 0; i--) {
      const isLastByte = start + i === size - 1;
      if (buffer[i] === newline && !isLastByte && ++found === lines) return start + i + 1;
    }
    end = start;
  }
  return first;
}

/** How often the end of a container that says nothing is looked for. */
const recheckMs = 500;

/** Changes of a file, so that none between a read and the wait is missed. */
class Changes {
  count = 0;
  readonly #watcher: FSWatcher | undefined;
  #waiter: (() => void) | undefined;

  constructor(path: string) {
    try {
      this.#watcher = watch(path, () => {
        this.count++;
        this.#waiter?.();
      });
    } catch {
      // The machine has no inotify instance left: the timer below serves.
    }
  }

  async after(seen: number): Promise<void> {
    if (this.count !== seen) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, recheckMs);
      this.#waiter = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#waiter = undefined;
  }

  close(): void {
    this.#watcher?.close();
  }
}
