/** Reads a container's log as `kubectl logs` asks for it. */
import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { goesOn, headBytes, LogText, type LogTextOptions } from './log-text.ts';

export interface LogOptions extends LogTextOptions {
  /** Go on as lines come, until the container has ended. */
  follow?: boolean;
  tailLines?: number;
  /** Only what lies beyond this many bytes of the file, where an entry begins. */
  from?: number;
}

/**
 * As much of a log as is kept: kubelet's containerLogMaxSize. Kubelet begins a new file there and shows what is in that
 * one; here the file's oldest bytes are freed instead (by the launcher's logger), so that whoever follows goes on as it is.
 */
export const logBytesMax = 10 * 2 ** 20;

const chunkBytes = 64 * 1024;
const newline = 0x0a;

/**
 * What the log says from where `tailLines` says, or the first entry that is kept, to the end that it has now; with follow
 * until `ended` says so and the rest is read. A reader that is overtaken by the writer goes on amid what is kept: at the
 * edge it would be overtaken again at once.
 */
export function readLog(path: string, options: LogOptions, ended: () => boolean): Readable {
  return Readable.from(texts(path, options, ended), { objectMode: false });
}

async function* texts(path: string, options: LogOptions, ended: () => boolean): AsyncGenerator<Buffer> {
  const text = new LogText(options);
  for await (const chunk of chunks(path, options, ended)) {
    const said = chunk === freed ? text.skip() : text.take(chunk);
    if (said.length > 0) yield said;
  }
}

/** In a log's place: what would come next is no longer there. */
const freed = Buffer.alloc(0);

async function* chunks(path: string, options: LogOptions, ended: () => boolean): AsyncGenerator<Buffer> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return;
  const changes = options.follow ? new Changes(path) : undefined;
  try {
    const { size } = await file.stat();
    let position = await startOf(file, size, options);
    let end = options.follow ? Number.POSITIVE_INFINITY : size;
    for (;;) {
      // Asked before reading: what is written before the end is read after it.
      const last = !options.follow || ended();
      const seen = changes?.count;
      const length = Math.max(0, Math.min(chunkBytes, end - position));
      const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(chunkBytes), position, length });
      // Asked after reading: what was read may have been freed before.
      if (position < (await firstEntry(file, logBytesMax))) {
        const next = await firstEntry(file, logBytesMax / 2);
        // As much is shown as was asked for.
        end += next - position;
        position = next;
        yield freed;
      } else if (bytesRead > 0) {
        position += bytesRead;
        yield buffer.subarray(0, bytesRead);
      } else if (last) return;
      else await changes!.after(seen!);
    }
  } finally {
    changes?.close();
    await file.close();
  }
}

async function startOf(file: FileHandle, size: number, { tailLines, from }: LogOptions): Promise<number> {
  if (tailLines !== undefined) return await tailStart(file, size, tailLines);
  return from ?? (await firstEntry(file, logBytesMax));
}

/** Where the first entry begins that is whole in the file's last `bytes`. */
async function firstEntry(file: FileHandle, bytes: number): Promise<number> {
  const { size } = await file.stat();
  const at = size - bytes;
  if (at <= 0) return 0;
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(chunkBytes), position: at - 1 });
  return at + Math.max(0, buffer.subarray(0, bytesRead).indexOf(newline));
}

/** Where the last `lines` lines of the first `size` bytes begin. One that has no end yet is a line too. */
async function tailStart(file: FileHandle, size: number, lines: number): Promise<number> {
  let found = 0;
  let start = size;
  if (lines <= 0) return start;
  for await (const entry of entriesBackwards(file, size)) {
    const endsLine = start === size || !entry.goesOn;
    if (endsLine && found++ === lines) break;
    start = entry.start;
  }
  return start;
}

/** The entries that are kept, the last one first. */
async function* entriesBackwards(
  file: FileHandle,
  size: number,
): AsyncGenerator<{ start: number; goesOn: boolean }> {
  const first = Math.max(0, size - logBytesMax);
  for (let end = size; end > first; ) {
    const at = Math.max(first, end - chunkBytes);
    // The head of an entry that begins where the block ends is behind it.
    const length = Math.min(size, end + headBytes) - at;
    const { buffer: block } = await file.read({ buffer: Buffer.alloc(length), position: at });
    for (let i = end - at; i >= 0; i--) {
      const begins = at + i === 0 || (i > 0 && block[i - 1] === newline);
      if (begins && at + i < size) yield { start: at + i, goesOn: goesOn(block, i) };
    }
    end = at;
  }
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
