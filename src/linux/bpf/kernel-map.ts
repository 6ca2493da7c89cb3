/** A map in the kernel, by descriptor. Element operations reuse the map's own buffers: 1 to 2 µs each. */
import { readFileSync } from 'node:fs';
import { errno, KernelError } from '../errno.ts';
import { allocate, type Block, withScratch } from '../ffi/arena.ts';
import * as libc from '../ffi/libc.ts';
import type { BpfMap } from './bpf.ts';
import * as bpf from './bpf-command.ts';

/** enum bpf_map_type, those with a value for each CPU. */
const perCpuTypes = new Set([5, 6, 10, 21]);
const updateFlags = { any: 0, noexist: 1, exist: 2 } as const;
const batchSize = 4096;

let cpus: number | undefined;

/** CPUs that may ever come online: what per-CPU values are sized by. */
function possibleCpus(): number {
  cpus ??= Number(readFileSync('/sys/devices/system/cpu/possible', 'utf8').trim().split(/[-,]/).at(-1)) + 1;
  return cpus;
}

export interface MapDescription {
  fd: number;
  name: string;
  type: number;
  keySize: number;
  valueSize: number;
  maxEntries: number;
}

export type MapShape = Omit<MapDescription, 'fd'>;

export class KernelMap implements BpfMap {
  readonly name: string;
  readonly keySize: number;
  /** Of one element; for a per-CPU map all CPUs' values, each padded to 8 bytes. */
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly fd: number;
  readonly #key: Block;
  readonly #value: Block;
  #open = true;

  /** Takes the descriptor over. */
  constructor(map: MapDescription) {
    this.fd = map.fd;
    this.name = map.name;
    this.keySize = map.keySize;
    this.valueSize = perCpuTypes.has(map.type)
      ? Math.ceil(map.valueSize / 8) * 8 * possibleCpus()
      : map.valueSize;
    this.maxEntries = map.maxEntries;
    this.#key = allocate(Math.max(this.keySize, 8));
    this.#value = allocate(Math.max(this.valueSize, 8));
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    this.#key.bytes.set(key);
    const result = bpf.element(bpf.command.lookup, this.fd, this.#key, this.#value);
    if (result === -errno.ENOENT) return undefined;
    this.#must(result, 'look up in');
    return this.#value.bytes.slice(0, this.valueSize);
  }

  update(key: Uint8Array, value: Uint8Array, flags: 'any' | 'noexist' | 'exist' = 'any'): void {
    this.#key.bytes.set(key);
    this.#value.bytes.set(value);
    this.#must(
      bpf.element(bpf.command.update, this.fd, this.#key, this.#value, updateFlags[flags]),
      'write to',
    );
  }

  delete(key: Uint8Array): boolean {
    this.#key.bytes.set(key);
    const result = bpf.element(bpf.command.delete, this.fd, this.#key);
    if (result === -errno.ENOENT) return false;
    this.#must(result, 'delete from');
    return true;
  }

  updateBatch(keys: Uint8Array, values: Uint8Array, count: number): void {
    withScratch((scratch) => {
      const keyBlock = copy(scratch, keys, count * this.keySize);
      const valueBlock = copy(scratch, values, count * this.valueSize);
      const { result } = bpf.batch(bpf.command.updateBatch, {
        fd: this.fd,
        keys: keyBlock,
        values: valueBlock,
        count,
      });
      this.#must(result, 'write to');
    });
  }

  deleteBatch(keys: Uint8Array, count: number): void {
    for (let first = 0; first < count; ) {
      const from = keys.subarray(first * this.keySize, count * this.keySize);
      const { result, done } = withScratch((scratch) => {
        const block = copy(scratch, from, from.length);
        return bpf.batch(bpf.command.deleteBatch, { fd: this.fd, keys: block, count: count - first });
      });
      // The batch stops at a key that is not there; it is gone, as was asked.
      if (result < 0 && result !== -errno.ENOENT) this.#must(result, 'delete from');
      first += done + (result < 0 ? 1 : 0);
    }
  }

  *entries(): Generator<[Uint8Array, Uint8Array]> {
    let cursor: Uint8Array | undefined;
    for (let size = batchSize; ; ) {
      const page = this.#page(cursor, size);
      if (page.result === -errno.ENOSPC) {
        // A bucket of the hash holds more than fits.
        size *= 2;
        continue;
      }
      if (page.result < 0 && page.result !== -errno.ENOENT) this.#must(page.result, 'read');
      for (let i = 0; i < page.done; i++)
        yield [slice(page.keys, i, this.keySize), slice(page.values, i, this.valueSize)];
      if (page.result === -errno.ENOENT) return;
      cursor = page.cursor;
    }
  }

  #page(cursor: Uint8Array | undefined, size: number) {
    return withScratch((scratch) => {
      const keys = scratch(size * this.keySize);
      const values = scratch(size * this.valueSize);
      const from = cursor === undefined ? undefined : copy(scratch, cursor, cursor.length);
      const to = scratch(Math.max(this.keySize, 8));
      const request = { fd: this.fd, keys, values, count: size, ...(from && { from }), to };
      const { result, done } = bpf.batch(bpf.command.lookupBatch, request);
      const got = result < 0 && result !== -errno.ENOENT ? 0 : done;
      return {
        result,
        done: got,
        keys: keys.bytes.slice(0, got * this.keySize),
        values: values.bytes.slice(0, got * this.valueSize),
        cursor: to.bytes.slice(),
      };
    });
  }

  close(): void {
    if (this.#open) libc.close(this.fd);
    this.#open = false;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @throws KernelError; code MAP_FULL where the map has no room */
  #must(result: number, operation: string): void {
    if (result >= 0) return;
    if (result !== -errno.E2BIG && result !== -errno.ENOSPC)
      throw new KernelError(-result, `${operation} BPF map`, this.name);
    throw new KernelError(-result, `${operation} BPF map`, this.name, {
      code: 'MAP_FULL',
      reason: `it holds ${this.maxEntries} entries`,
      remedy: `make the map "${this.name}" larger (mapSizes) and restart`,
    });
  }
}

function copy(scratch: (size: number) => Block, bytes: Uint8Array, size: number): Block {
  const block = scratch(size);
  block.bytes.set(bytes.subarray(0, size));
  return block;
}

function slice(bytes: Uint8Array, index: number, size: number): Uint8Array {
  return bytes.slice(index * size, (index + 1) * size);
}
