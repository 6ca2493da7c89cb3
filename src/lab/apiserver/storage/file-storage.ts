/**
 * Storage that outlives the process: in memory, with every change appended to a log in a directory, a line of JSON
 * each. The log is written anew, with what there is, once most of it is history. A line is written before anybody
 * can see the change, so that a process that is killed loses nothing; a machine that fails may lose the
 * last moments.
 */
import {
  closeSync,
  existsSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { deepEqual } from '../../../kube/deep-equal.ts';
import type { KubeObject } from '../../../kube/meta.ts';
import { describeError, TendrilError } from '../../../util/errors.ts';
import { jsonText } from '../json.ts';
import { takeLock } from './directory-lock.ts';
import { MemoryStorage, type MemoryStorageOptions, type StoredChange } from './memory-storage.ts';
import type { ListRequest, Storage, StorageEvent } from './storage.ts';

const format = 'tendril-lab-state/1';
const syncEveryMs = 200;
/** A log is written anew when it is this large and twice what it would be then. */
const leastRewriteBytes = 16 * 1024 * 1024;

interface Header {
  format: string;
  /** What the objects were made for; a cluster of another shape cannot take them up. */
  cluster: object;
}

export interface FileStorageOptions {
  directory: string;
  /** Compared with what the directory was made for. */
  cluster: object;
  rewriteBytes?: number;
  /** How many changes of each collection are remembered at least. */
  logLength?: number;
}

export class FileStorage implements Storage {
  readonly #memory: MemoryStorage;
  readonly #directory: string;
  readonly #header: string;
  readonly #rewriteBytes: number;
  readonly #lock: string;
  readonly #timer: NodeJS.Timeout;
  #fd: number;
  #bytes = 0;
  /** After the last rewriting. */
  #leastBytes = 0;
  #dirty = false;

  /**
   * @throws TendrilError BAD_INPUT for a directory that is in use, of another cluster, or damaged; it is left as it is
   */
  constructor({ directory, cluster, rewriteBytes = leastRewriteBytes, logLength }: FileStorageOptions) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#directory = directory;
    this.#header = headerOf(cluster);
    this.#rewriteBytes = rewriteBytes;
    this.#lock = takeLock(directory);
    try {
      const journal = (change: StoredChange) => this.#append(lineOf(change));
      const { memory, bytes } = readLog(this.#path, cluster, { journal, logLength });
      this.#memory = memory;
      this.#fd = openSync(this.#path, 'a', 0o600);
      ftruncateSync(this.#fd, bytes);
      if (bytes === 0) appendWhole(this.#fd, this.#header);
      this.#bytes = bytes || Buffer.byteLength(this.#header);
      syncDirectory(directory);
      this.#leastBytes = this.#bytes;
    } catch (error) {
      rmSync(this.#lock);
      throw error;
    }
    this.#timer = setInterval(() => this.#sync(), syncEveryMs);
    this.#timer.unref();
  }

  get #path(): string {
    return join(this.#directory, 'objects.log');
  }

  get revision(): number {
    return this.#memory.revision;
  }

  get(collection: string, key: string): KubeObject | undefined {
    return this.#memory.get(collection, key);
  }

  list(collection: string, request?: ListRequest): KubeObject[] {
    return this.#memory.list(collection, request);
  }

  watch(collection: string, afterRevision: number, onEvent: (event: StorageEvent) => void): () => void {
    return this.#memory.watch(collection, afterRevision, onEvent);
  }

  put(collection: string, key: string, object: KubeObject): KubeObject {
    const stored = this.#memory.put(collection, key, object);
    this.#rewriteIfDue();
    return stored;
  }

  remove(collection: string, key: string): KubeObject | undefined {
    const last = this.#memory.remove(collection, key);
    this.#rewriteIfDue();
    return last;
  }

  /** Everything is on disk after it. */
  close(): void {
    clearInterval(this.#timer);
    fdatasyncSync(this.#fd);
    closeSync(this.#fd);
    rmSync(this.#lock);
  }

  /** A line that has no room is taken back whole, so that the log can be read. */
  #append(line: string): void {
    try {
      appendWhole(this.#fd, line);
    } catch (error) {
      ftruncateSync(this.#fd, this.#bytes);
      throw new TendrilError(
        'BAD_INPUT',
        `a change cannot be kept in ${this.#path}: ${describeError(error)}`,
        {
          cause: error,
          remedy: 'Make room on its disk; what is not kept is lost with the lab.',
        },
      );
    }
    this.#bytes += Buffer.byteLength(line);
    this.#dirty = true;
  }

  #rewriteIfDue(): void {
    if (this.#bytes > this.#rewriteBytes && this.#bytes > 2 * this.#leastBytes) this.#rewrite();
  }

  #sync(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    // A failure shows at close; until then the page cache has it.
    fdatasync(this.#fd, () => {});
  }

  /**
   * The whole state under another name first: a crash leaves the one or the other. Where there is no room for both
   * the log goes on as it is.
   */
  #rewrite(): void {
    const path = `${this.#path}.new`;
    try {
      const { fd, bytes } = this.#writeWhole(path);
      renameSync(path, this.#path);
      syncDirectory(this.#directory);
      closeSync(this.#fd);
      this.#fd = fd;
      this.#bytes = bytes;
    } catch {
      rmSync(path, { force: true });
    }
    this.#leastBytes = this.#bytes;
  }

  #writeWhole(path: string): { fd: number; bytes: number } {
    const fd = openSync(path, 'w', 0o600);
    try {
      appendWhole(fd, this.#header);
      for (const [collection, key, object] of this.#memory.entries())
        appendWhole(
          fd,
          lineOf({ collection, key, object, revision: Number(object.metadata.resourceVersion) }),
        );
      // A deletion may have been the last change: its revision is not given again.
      appendWhole(fd, lineOf({ collection: '', key: '', object: undefined, revision: this.revision }));
      fdatasyncSync(fd);
      return { fd, bytes: fstatSync(fd).size };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }
}

/** What is named in it stays named after the machine fails. */
function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

/** A full disk takes a part of it, without an error. */
function appendWhole(fd: number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest));
}

function lineOf({ collection, key, object, revision }: StoredChange): string {
  const head = `{"revision":${revision},"collection":${JSON.stringify(collection)},"key":${JSON.stringify(key)}`;
  return object === undefined ? `${head}}\n` : `${head},"object":${jsonText(object)}}\n`;
}

interface Line {
  revision: number;
  collection: string;
  key: string;
  object?: KubeObject;
}

/** `bytes` is where whole lines end: a crash may have left a part of one behind them. */
function readLog(
  path: string,
  cluster: object,
  keeping: Pick<MemoryStorageOptions, 'journal' | 'logLength'>,
): { memory: MemoryStorage; bytes: number } {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  if (headerOf(cluster).startsWith(text)) return { memory: new MemoryStorage(keeping), bytes: 0 };
  const end = text.lastIndexOf('\n') + 1;
  const [head = '', ...lines] = text.slice(0, end).split('\n').slice(0, -1);
  checkHeader(path, head, cluster);
  const past = new Past();
  for (const [index, line] of lines.entries()) past.add(parseLine(path, line, index + 2));
  return {
    memory: new MemoryStorage({ ...past.contents(), ...keeping }),
    bytes: Buffer.byteLength(text.slice(0, end)),
  };
}

function headerOf(cluster: object): string {
  return `${JSON.stringify({ format, cluster } satisfies Header)}\n`;
}

/** What a log's lines come to: what there is, and the changes by which it came to be, for watches that go on. */
class Past {
  readonly #entries = new Map<string, [collection: string, key: string, object: KubeObject]>();
  #changes: [collection: string, event: StorageEvent][] = [];
  #revision = 0;
  #after = 0;

  add({ revision, collection, key, object }: Line): void {
    this.#revision = Math.max(this.#revision, revision);
    if (collection === '') {
      // All before it was written anew, in no order.
      this.#changes = [];
      this.#after = revision;
      return;
    }
    const id = `${collection} ${key}`;
    const previous = this.#entries.get(id)?.[2];
    if (object !== undefined) {
      this.#entries.set(id, [collection, key, object]);
      const type = previous === undefined ? 'ADDED' : 'MODIFIED';
      this.#changes.push([collection, { type, revision, object, previous }]);
    } else if (previous !== undefined) {
      this.#entries.delete(id);
      const metadata = { ...previous.metadata, resourceVersion: String(revision) };
      const last = { ...previous, metadata };
      this.#changes.push([collection, { type: 'DELETED', revision, object: last, previous }]);
    }
  }

  contents(): MemoryStorageOptions {
    const history = { after: this.#after, changes: this.#changes };
    return { entries: this.#entries.values(), revision: this.#revision, history };
  }
}

function checkHeader(path: string, line: string, cluster: object): void {
  const header = tryParse(line) as Header | undefined;
  if (header?.format !== format)
    throw new TendrilError('BAD_INPUT', `${path} is no state of a lab`, {
      remedy: 'Name another directory.',
    });
  if (deepEqual(header.cluster, cluster)) return;
  const made = JSON.stringify(header.cluster);
  throw new TendrilError('BAD_INPUT', `${path} was made for another cluster: ${made}`, {
    remedy: 'Bring the lab up with the same nodes and addresses, or name another directory.',
  });
}

function parseLine(path: string, text: string, number: number): Line {
  const line = tryParse(text) as Line | undefined;
  if (
    typeof line?.revision === 'number' &&
    typeof line.collection === 'string' &&
    typeof line.key === 'string'
  )
    return line;
  throw new TendrilError('BAD_INPUT', `${path} is damaged: line ${number} is no change of an object`, {
    remedy: 'Restore the file, remove that line, or name another directory.',
  });
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
