/**
 * BPF objects, maps, links and pins, as the rest of the program sees them (bpf(2)). The kernel's
 * implementation loads objects with libbpf and makes links with BPF_LINK_CREATE; the fake keeps maps in memory.
 * Keys and values are raw bytes; `layout.ts` and the generated layouts encode and decode them.
 */
import type { NetnsHandle } from '../netns/netns.ts';
import type { Layout } from './layout.ts';

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
  /**
   * Runs the program on a packet (BPF_PROG_TEST_RUN); tc and XDP only. `data` starts at the Ethernet header;
   * `ingressIfindex` is where a packet that tc has on its way out came in, absent for one of the node's own.
   */
  testRun(input: { data: Uint8Array; repeat?: number; ifindex?: number; ingressIfindex?: number }): {
    retval: number;
    data: Uint8Array;
    nsPerRun: number;
  };
}

/** `place`: before or after the program that is attached there without it; each may leave a packet to the next. */
interface Hook {
  direction: 'ingress' | 'egress';
  ifindex: number;
  netns?: NetnsHandle;
  place?: 'ahead' | 'behind';
}

export type AttachPoint =
  | ({ type: 'tcx' } & Hook)
  /** A filter of the clsact qdisc: quick to attach, lives as long as the interface, needs no pin. */
  | ({ type: 'clsact' } & Hook)
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
  /** What was attached behind, pinned at `from`, takes the place of what `to` names, which ends. */
  takePlace(program: string, at: AttachPoint, pins: { from: string; to: string }): void;
  close(): void;
}

/** Of whatever structure. */
export type Fields = Record<string, unknown>;

/** A pinned map of any version: its own BTF tells how its keys and values are laid out. */
export interface PinnedMap {
  readonly map: BpfMap;
  /** Undefined for what is no structure. Of a per-CPU map, the layout of each CPU's value. */
  readonly key?: Layout<Fields> | undefined;
  readonly value?: Layout<Fields> | undefined;
}

/** By name. */
export interface PinnedMaps extends Disposable {
  get(name: string): PinnedMap | undefined;
  readonly names: readonly string[];
}

export interface Misfit {
  map: string;
  /** In words. */
  difference: string;
}

export interface LoadOptions {
  /** Compiled object, e.g. dist/bpf/sock.bpf.o. */
  path: string;
  /**
   * Directory on a bpffs: maps pinned there are reused, others are pinned there. See `misfit` for maps that cannot be
   * reused.
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
  /** The first pinned map that the object cannot reuse, since its type, room or sizes are others. */
  misfit(options: LoadOptions): Misfit | undefined;
  /** Maps pinned in a directory; none where it is not there. */
  pinned(directory: string): PinnedMaps;
  /** Pins another map under a name: programs keep the map that they have. */
  movePin(from: string, to: string): void;
  /** Removes a link's pin, and so the attachment; for clsact the filter. False when there was none. */
  detach(pin: string, at?: AttachPoint): boolean;
  /** Removes a pin, or every pin below a directory, and the directory: attachments end, maps go with their last user. */
  clear(pinDirectory: string): void;
}
