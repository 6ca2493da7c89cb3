/**
 * BPF objects, maps, links and pins, as the rest of the program sees them (bpf(2)). The kernel's
 * implementation loads objects with libbpf and makes links with BPF_LINK_CREATE; the fake keeps maps in memory.
 * Keys and values are raw bytes; `layout.ts` and the generated layouts encode and decode them.
 */
import type { NetnsHandle } from '../netns/netns.ts';

export interface BpfMap extends Disposable {
  readonly name: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  lookup(key: Uint8Array): Uint8Array | undefined;
  /** @throws TendrilError MAP_FULL (E2BIG, ENOSPC), naming map and size; KernelError otherwise */
  update(key: Uint8Array, value: Uint8Array, flags?: 'any' | 'noexist' | 'exist'): void;
  /** False when there was none. */
  delete(key: Uint8Array): boolean;
  /** Many at once (BPF_MAP_UPDATE_BATCH, or one by one where the map type has none). Keys and values are concatenated. */
  updateBatch(keys: Uint8Array, values: Uint8Array, count: number): void;
  deleteBatch(keys: Uint8Array, count: number): void;
  entries(): IterableIterator<[key: Uint8Array, value: Uint8Array]>;
  close(): void;
}

/** Records that programs wrote, each given once. Not for two readers of one map. */
export interface BpfRingBuffer extends Disposable {
  /** Gives the handler private copies, oldest first, of at most `limit` (1000) records; how many there were. */
  drain(each: (record: Uint8Array) => void, limit?: number): number;
  close(): void;
}

export interface BpfProgram {
  readonly name: string;
  /** Runs the program on a packet (BPF_PROG_TEST_RUN); tc and XDP only. `data` starts at the Ethernet header. */
  testRun(input: { data: Uint8Array; repeat?: number; ifindex?: number }): {
    retval: number;
    data: Uint8Array;
    nsPerRun: number;
  };
}

export type AttachPoint =
  | { type: 'tcx'; direction: 'ingress' | 'egress'; ifindex: number; netns?: NetnsHandle }
  /** A filter of the clsact qdisc: quick to attach, lives as long as the interface, needs no pin. */
  | { type: 'clsact'; direction: 'ingress' | 'egress'; ifindex: number; netns?: NetnsHandle }
  | { type: 'xdp'; ifindex: number; mode: 'native' | 'generic'; netns?: NetnsHandle }
  | { type: 'cgroup'; path: string };

/** A loaded object file: its programs and maps. Closing it leaves what is pinned or attached by a pinned link. */
export interface BpfObject extends Disposable {
  map(name: string): BpfMap;
  /** Reads a map of type BPF_MAP_TYPE_RINGBUF; close it before the object. */
  ringBuffer(name: string): BpfRingBuffer;
  program(name: string): BpfProgram;
  /**
   * Attaches and pins the link at `pin`. Where a link is pinned there already its program is replaced in one
   * step (BPF_LINK_UPDATE): no packet passes without one. Where the kernel has no tcx (before 6.6), clsact
   * stands in.
   */
  attach(program: string, at: AttachPoint, pin: string): void;
  /** Sockets that enter the map from now on run the program (BPF_MAP_TYPE_SOCKHASH); until the map ends. */
  attachToMap(program: string, map: string): void;
  close(): void;
}

export interface LoadOptions {
  /** Compiled object, e.g. dist/bpf/sock.bpf.o. */
  path: string;
  /**
   * Directory on a bpffs: maps pinned there are reused when their definition fits, others are pinned there. One that
   * differs in size alone takes over the entries of the one it replaces, as far as it has room.
   */
  pinDirectory: string;
  /** Values of `const volatile` variables, by name. */
  constants?: Record<string, number | bigint | Uint8Array>;
  /** Overrides of max_entries by map name. */
  mapSizes?: Record<string, number>;
}

/** The way to BPF: the kernel's, or the fake. */
export interface Bpf {
  /**
   * Opens the object, makes or takes over its maps, loads its programs.
   * @throws TendrilError BPF_LOAD with the end of the verifier's log; KERNEL_FEATURE without libbpf
   */
  load(options: LoadOptions): BpfObject;
  /** Removes a link's pin, and so the attachment; for clsact the filter. False when there was none. */
  detach(pin: string, at?: AttachPoint): boolean;
  /** Removes every pin below a directory, and the directory: attachments end, maps go with their last user. */
  clear(pinDirectory: string): void;
}
