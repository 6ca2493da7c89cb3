/**
 * Memory that pointers inside structs may point at. A Buffer passed to a call is pinned for that call only,
 * and taking its address does not keep it alive; these blocks never move, and live as long as they say.
 */
import koffi from 'koffi';

export interface Block {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where the bytes lie, for a pointer field (u64, native order). */
  readonly address: bigint;
}

export type Allocate = (size: number) => Block;

const chunkSize = 256 * 1024;
const alignment = 8;

/** Bump allocation from chunks that are never given back. */
class Arena {
  readonly #chunks: { memory: ArrayBuffer; address: bigint }[] = [];
  #chunk = -1;
  #used = 0;

  allocate(size: number): Block {
    const start = Math.ceil(this.#used / alignment) * alignment;
    const chunk = this.#chunks[this.#chunk];
    if (chunk === undefined || start + size > chunk.memory.byteLength) {
      this.#nextChunk(size);
      return this.allocate(size);
    }
    this.#used = start + size;
    const bytes = new Uint8Array(chunk.memory, start, size);
    bytes.fill(0);
    return {
      bytes,
      view: new DataView(chunk.memory, start, size),
      address: chunk.address + BigInt(start),
    };
  }

  /** What `allocate` gives after this may be given again once `reset` is called with the mark. */
  mark(): { chunk: number; used: number } {
    return { chunk: this.#chunk, used: this.#used };
  }

  reset(mark: { chunk: number; used: number }): void {
    this.#chunk = mark.chunk;
    this.#used = mark.used;
  }

  #nextChunk(size: number): void {
    do this.#chunk++;
    while (this.#chunk < this.#chunks.length && this.#chunks[this.#chunk]!.memory.byteLength < size);
    this.#used = 0;
    if (this.#chunk < this.#chunks.length) return;
    const memory = new ArrayBuffer(Math.max(size, chunkSize));
    this.#chunks.push({ memory, address: koffi.address(memory) });
  }
}

const permanent = new Arena();
const scratch = new Arena();

/** A zeroed block, aligned to 8 bytes, that lives as long as the process. For what is made once. */
export function allocate(size: number): Block {
  return permanent.allocate(size);
}

/** A zeroed block that lives as long as somebody refers to it, and to the ArrayBuffer in it. */
export function ownBlock(size: number): Block {
  const memory = new ArrayBuffer(size);
  return { bytes: new Uint8Array(memory), view: new DataView(memory), address: koffi.address(memory) };
}

/** Lends zeroed blocks to a synchronous function; they are reused once it has returned. Nests. */
export function withScratch<T>(use: (allocate: Allocate) => T): T {
  const mark = scratch.mark();
  try {
    return use((size) => scratch.allocate(size));
  } finally {
    scratch.reset(mark);
  }
}

/** A NUL-terminated copy of a text. */
export function cString(text: string, allocateBlock: Allocate = allocate): Block {
  const encoded = Buffer.from(text, 'utf8');
  const block = allocateBlock(encoded.length + 1);
  block.bytes.set(encoded);
  return block;
}
