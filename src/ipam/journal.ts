/**
 * An append-only file of JSON records, each line led by its CRC-32 and a space. A record counts once `append`
 * has resolved: its line is whole and synced to the disk. Records that are asked for while another sync runs
 * are written and synced together. After a kill or a power cut only the last line can be torn; it was never
 * acknowledged and is cut off when the file is opened. Any other damage is an error, not a guess.
 */
import { type FileHandle, mkdir, open, readFile, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { isError, TendrilError } from '../util/errors.ts';

/** What the journal needs of a file; a test gives one that fails. */
export type JournalFile = Pick<FileHandle, 'appendFile' | 'datasync' | 'truncate' | 'close'>;
type OpenFile = (path: string) => Promise<JournalFile>;

export interface JournalOptions {
  path: string;
  openFile?: OpenFile;
}

interface Pending {
  line: string;
  sync: boolean;
  resolve: () => void;
  reject: (error: unknown) => void;
}

const openForAppend: OpenFile = (path) => open(path, 'a', 0o600);

export class Journal {
  readonly #path: string;
  readonly #openFile: OpenFile;
  #file: JournalFile;
  #length: number;
  #records: number;
  #pending: Pending[] = [];
  #flushing: Promise<void> | undefined;
  #damaged: unknown;

  private constructor(
    path: string,
    opened: { openFile: OpenFile; file: JournalFile; length: number; records: number },
  ) {
    this.#path = path;
    this.#openFile = opened.openFile;
    this.#file = opened.file;
    this.#length = opened.length;
    this.#records = opened.records;
  }

  /**
   * Opens or makes the file and gives back what it holds.
   * @throws TendrilError IPAM_STORE when it cannot be read or written, or is damaged before its last line
   */
  static async open(options: JournalOptions): Promise<{ journal: Journal; records: unknown[] }> {
    const { path, openFile = openForAppend } = options;
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const text = await readFile(path).catch(emptyWhenMissing);
      const { records, length } = parseJournal(text, path);
      const file = await openFile(path);
      if (length < text.length) await file.truncate(length);
      if (text.length === 0) await syncDirectory(dirname(path));
      return { journal: new Journal(path, { openFile, file, length, records: records.length }), records };
    } catch (error) {
      throw isError(error, 'IPAM_STORE') ? error : storeError(path, 'cannot be opened', error);
    }
  }

  /** Records in the file, for deciding when to rewrite it. */
  get records(): number {
    return this.#records;
  }

  /**
   * `sync: false` leaves the record to the page cache: it outlives the process, not the machine.
   * @throws TendrilError IPAM_STORE; then nothing of the record is left in the file
   */
  append(record: unknown, options: { sync?: boolean } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ line: encodeRecord(record), sync: options.sync ?? true, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  /**
   * Replaces the whole file in one step, so that it never grows without bound. `snapshot` is asked at that
   * moment; records still waiting are appended behind it, so it may tell of them already.
   * @throws TendrilError IPAM_STORE; the old file is in force then
   */
  async rewrite(snapshot: () => readonly unknown[]): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
    const rewriting = this.#replace(snapshot).catch((error: unknown) => {
      throw storeError(this.#path, 'cannot be rewritten', error);
    });
    this.#flushing = rewriting.then(ignore, ignore).then(() => this.#flush());
    return rewriting;
  }

  async close(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
    await this.#file.close();
  }

  async #replace(snapshot: () => readonly unknown[]): Promise<void> {
    const temporary = join(dirname(this.#path), `.${basename(this.#path)}.new`);
    const records = snapshot();
    const bytes = Buffer.from(records.map(encodeRecord).join(''));
    await writeSynced(temporary, bytes);
    await rename(temporary, this.#path);
    await syncDirectory(dirname(this.#path));
    const file = await this.#openFile(this.#path);
    await this.#file.close();
    this.#file = file;
    this.#length = bytes.length;
    this.#records = records.length;
  }

  async #flush(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#pending.splice(0);
      try {
        await this.#write(batch);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        const told = storeError(this.#path, 'cannot be written', error);
        for (const { reject } of batch) reject(told);
      }
    }
    this.#flushing = undefined;
  }

  async #write(batch: readonly Pending[]): Promise<void> {
    if (this.#damaged !== undefined) throw this.#damaged;
    const bytes = Buffer.from(batch.map(({ line }) => line).join(''));
    try {
      await this.#file.appendFile(bytes);
      if (batch.some(({ sync }) => sync)) await this.#file.datasync();
    } catch (error) {
      await this.#takeBack();
      throw error;
    }
    this.#length += bytes.length;
    this.#records += batch.length;
  }

  /** Cuts off what a failed write left. Where even that fails the file must not be appended to any more. */
  async #takeBack(): Promise<void> {
    try {
      await this.#file.truncate(this.#length);
    } catch (error) {
      this.#damaged = error;
    }
  }
}

export function encodeRecord(record: unknown): string {
  const json = JSON.stringify(record);
  return `${checksum(json)} ${json}\n`;
}

/**
 * Reads whole records; `length` is where they end, in bytes.
 * @throws TendrilError IPAM_STORE for a damaged line that others follow
 */
export function parseJournal(bytes: Buffer, path: string): { records: unknown[]; length: number } {
  const records: unknown[] = [];
  let start = 0;
  for (let line = 1; start < bytes.length; line++) {
    const end = bytes.indexOf(0x0a, start);
    const record = end < 0 ? undefined : decodeRecord(bytes.toString('utf8', start, end));
    if (record === undefined) {
      if (end >= 0 && end + 1 < bytes.length) throw damagedError(path, line);
      break;
    }
    records.push(record.value);
    start = end + 1;
  }
  return { records, length: start };
}

function decodeRecord(line: string): { value: unknown } | undefined {
  const json = line.slice(9);
  if (line[8] !== ' ' || line.slice(0, 8) !== checksum(json)) return undefined;
  return { value: JSON.parse(json) };
}

function checksum(json: string): string {
  return crc32(json).toString(16).padStart(8, '0');
}

async function writeSynced(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

function ignore(): void {}

/** A new or renamed file's name is only safe once its directory is (fsync(2), NOTES). */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function emptyWhenMissing(error: NodeJS.ErrnoException): Buffer {
  if (error.code === 'ENOENT') return Buffer.alloc(0);
  throw error;
}

function damagedError(path: string, line: number): TendrilError {
  return new TendrilError('IPAM_STORE', `the address store ${path} is damaged at line ${line}`, {
    remedy: 'drain the node, remove the file and restart its pods: their addresses cannot be known any more',
  });
}

function storeError(path: string, what: string, cause: unknown): TendrilError {
  const code = (cause as NodeJS.ErrnoException).code;
  const remedies: Record<string, string> = {
    ENOSPC: `free space on the file system of ${dirname(path)}`,
    EDQUOT: `raise the disk quota for ${dirname(path)}`,
    EROFS: `make the file system of ${dirname(path)} writable`,
    EACCES: `give the agent write access to ${dirname(path)}`,
  };
  return new TendrilError('IPAM_STORE', `the address store ${path} ${what}`, {
    cause,
    remedy: remedies[code ?? ''] ?? `check the disk of ${dirname(path)} and the kernel's log`,
  });
}
