/**
 * The consumer's side of BPF_MAP_TYPE_RINGBUF (Documentation/bpf/ringbuf.rst): one page with our position, which
 * we write, one with the producer's, then the data, mapped twice in a row so that no record wraps.
 */

import { KernelError } from '../errno.ts';
import * as libc from '../ffi/libc.ts';
import type { BpfRingBuffer } from './bpf.ts';

const [PROT_READ, PROT_WRITE, MAP_SHARED] = [1, 2, 1];
/** Records begin with their length, its two highest bits flags, and 4 bytes that are the kernel's. */
const headerSize = 8;
const busy = 0x8000_0000;
const discarded = 0x4000_0000;

/** Where the next record lies and what it is, or undefined while the program that reserved it still writes. */
export interface RingRecord {
  /** Undefined for one that its program gave up. */
  data: Uint8Array | undefined;
  next: number;
}

/** Reads the record at a position (bytes since the start of time) of a ring of `size` bytes. */
export function recordAt(data: DataView, size: number, position: number): RingRecord | undefined {
  const at = position % size;
  const header = data.getUint32(at, true);
  if (header & busy) return undefined;
  const length = header & ~(busy | discarded);
  const next = position + Math.ceil((headerSize + length) / 8) * 8;
  if (header & discarded) return { data: undefined, next };
  return { data: new Uint8Array(data.buffer, data.byteOffset + at + headerSize, length).slice(), next };
}

export class KernelRingBuffer implements BpfRingBuffer {
  readonly #size: number;
  readonly #maps: { address: bigint; size: number }[] = [];
  readonly #consumer: BigUint64Array;
  readonly #producer: BigUint64Array;
  readonly #data: DataView;
  #open = true;

  /** @throws KernelError */
  constructor(map: { fd: number; name: string; maxEntries: number }) {
    const page = libc.pageSize();
    this.#size = map.maxEntries;
    const consumer = this.#map(map, { size: page, offset: 0, protection: PROT_READ | PROT_WRITE });
    const rest = this.#map(map, { size: page + 2 * this.#size, offset: page, protection: PROT_READ });
    this.#consumer = new BigUint64Array(consumer.buffer, consumer.byteOffset, 1);
    this.#producer = new BigUint64Array(rest.buffer, rest.byteOffset, 1);
    this.#data = new DataView(rest.buffer, rest.byteOffset + page, 2 * this.#size);
  }

  drain(each: (record: Uint8Array) => void, limit = 1000): number {
    let position = Number(this.#consumer[0]);
    let records = 0;
    while (records < limit && position < Number(Atomics.load(this.#producer, 0))) {
      const record = recordAt(this.#data, this.#size, position);
      if (record === undefined) break;
      position = record.next;
      Atomics.store(this.#consumer, 0, BigInt(position));
      if (record.data === undefined) continue;
      records++;
      each(record.data);
    }
    return records;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const { address, size } of this.#maps) libc.munmap(address, size);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #map(
    map: { fd: number; name: string },
    want: { size: number; offset: number; protection: number },
  ): Uint8Array {
    const address = libc.mmap(map.fd, { ...want, flags: MAP_SHARED });
    if (address < 0n) throw new KernelError(Number(-address), 'map BPF ring buffer', map.name);
    this.#maps.push({ address, size: want.size });
    return libc.viewOf(address, want.size);
  }
}
