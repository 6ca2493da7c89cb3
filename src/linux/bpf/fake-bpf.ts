/**
 * BPF in memory: maps hold what is written to them and refuse what does not fit, with the kernel's errors;
 * programs do not run, attachments are recorded by pin. Maps are shared by pin path, as on a bpffs.
 */
import { basename, dirname, join } from 'node:path';
import { TendrilError } from '../../util/errors.ts';
import { errno, KernelError } from '../errno.ts';
import type {
  AttachPoint,
  Bpf,
  BpfMap,
  BpfObject,
  BpfRingBuffer,
  Fields,
  LoadOptions,
  Misfit,
  PinnedMaps,
} from './bpf.ts';
import type { Layout } from './layout.ts';

export interface FakeMapDefinition {
  name: string;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  /** Arrays hold every index from the start, zeroed, and nothing is deleted from them. */
  array?: boolean;
  /** What a kernel's map tells by its BTF. */
  key?: Layout<Fields>;
  value?: Layout<Fields>;
}

export interface FakeObjectDefinition {
  maps: FakeMapDefinition[];
  programs: string[];
}

export class FakeMap implements BpfMap {
  readonly name: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly definition: FakeMapDefinition;
  /** Updates and deletions so far: tests count them. */
  writes = 0;
  readonly #array: boolean;
  readonly #entries = new Map<string, Uint8Array>();

  constructor(definition: FakeMapDefinition) {
    this.definition = definition;
    this.name = definition.name;
    this.keySize = definition.keySize;
    this.valueSize = definition.valueSize;
    this.maxEntries = definition.maxEntries;
    this.#array = definition.array ?? false;
    for (let i = 0; this.#array && i < this.maxEntries; i++) {
      const key = Buffer.alloc(4);
      key.writeUInt32LE(i);
      this.#entries.set(key.toString('hex'), new Uint8Array(this.valueSize));
    }
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    return this.#entries.get(hex(key))?.slice();
  }

  update(key: Uint8Array, value: Uint8Array, flags: 'any' | 'noexist' | 'exist' = 'any'): void {
    const at = hex(key);
    const known = this.#entries.has(at);
    if (known && flags === 'noexist') throw this.#error(errno.EEXIST);
    if (!known && flags === 'exist') throw this.#error(errno.ENOENT);
    if (!known && this.#entries.size >= this.maxEntries) {
      throw new KernelError(errno.E2BIG, 'write to BPF map', this.name, {
        code: 'MAP_FULL',
        reason: `it holds ${this.maxEntries} entries`,
        remedy: `make the map "${this.name}" larger (mapSizes) and restart`,
      });
    }
    this.writes++;
    this.#entries.set(at, value.slice(0, this.valueSize));
  }

  delete(key: Uint8Array): boolean {
    if (this.#array) throw this.#error(errno.EINVAL);
    this.writes++;
    return this.#entries.delete(hex(key));
  }

  updateBatch(keys: Uint8Array, values: Uint8Array, count: number): void {
    for (let i = 0; i < count; i++) this.update(nth(keys, i, this.keySize), nth(values, i, this.valueSize));
  }

  deleteBatch(keys: Uint8Array, count: number): void {
    for (let i = 0; i < count; i++) this.delete(nth(keys, i, this.keySize));
  }

  *entries(): Generator<[Uint8Array, Uint8Array]> {
    for (const [key, value] of [...this.#entries])
      yield [Uint8Array.from(Buffer.from(key, 'hex')), value.slice()];
  }

  close(): void {}

  [Symbol.dispose](): void {}

  #error(number: number): KernelError {
    return new KernelError(number, 'write to BPF map', this.name);
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

function nth(bytes: Uint8Array, index: number, size: number): Uint8Array {
  return bytes.subarray(index * size, (index + 1) * size);
}

export class FakeBpf implements Bpf {
  /** Attachments by pin. */
  readonly links = new Map<string, { program: string; at: AttachPoint }>();
  /** Records in ring buffers by pin path: tests push what programs would write. */
  readonly records = new Map<string, Uint8Array[]>();
  /** Maps by pin path. */
  readonly maps = new Map<string, FakeMap>();
  readonly #objects: Record<string, FakeObjectDefinition>;

  /** Object definitions by the file's base name (`sock.bpf.o`). */
  constructor(objects: Record<string, FakeObjectDefinition>) {
    this.#objects = objects;
  }

  load(options: LoadOptions): BpfObject {
    const definition = this.#objects[options.path.split('/').at(-1)!];
    if (definition === undefined) {
      throw new TendrilError('BPF_LOAD', `${options.path} does not load: ENOENT`, {
        remedy: 'run `make build`',
      });
    }
    const maps = new Map(definition.maps.map((map) => [map.name, this.#map(map, options)]));
    const close = () => {};
    return {
      map: (name) => known(maps.get(name), `map "${name}"`),
      ringBuffer: (name) => this.#ringBuffer(join(options.pinDirectory, name)),
      program: (name) => ({
        name: known(
          definition.programs.find((program) => program === name),
          `program "${name}"`,
        ),
        testRun: () => {
          throw new KernelError(errno.EOPNOTSUPP, 'test-run BPF program', name);
        },
      }),
      attach: (program, at, pin) => void this.links.set(pin, { program, at }),
      attachToMap: (_program, map) => void known(maps.get(map), `map "${map}"`),
      takePlace: (_program, _at, { from, to }) => {
        this.links.set(to, known(this.links.get(from), `link at ${from}`));
        this.links.delete(from);
      },
      close,
      [Symbol.dispose]: close,
    };
  }

  misfit(options: LoadOptions): Misfit | undefined {
    for (const wanted of this.#objects[options.path.split('/').at(-1)!]?.maps ?? []) {
      const is = this.maps.get(join(options.pinDirectory, wanted.name));
      const maxEntries = options.mapSizes?.[wanted.name] ?? wanted.maxEntries;
      if (is !== undefined && !fits(is, { ...wanted, maxEntries }))
        return { map: wanted.name, difference: 'another shape' };
    }
    return undefined;
  }

  pinned(directory: string): PinnedMaps {
    const pins = [...this.maps].filter(([pin]) => dirname(pin) === directory);
    const maps = new Map(
      pins.map(([pin, map]) => {
        const { key, value } = map.definition;
        return [basename(pin), { map, key, value }];
      }),
    );
    return { get: (name) => maps.get(name), names: [...maps.keys()], [Symbol.dispose]() {} };
  }

  movePin(from: string, to: string): void {
    this.maps.set(to, known(this.maps.get(from), `map at ${from}`));
    this.maps.delete(from);
  }

  detach(pin: string): boolean {
    return this.links.delete(pin);
  }

  clear(pinDirectory: string): void {
    const below = (pin: string) => pin === pinDirectory || pin.startsWith(`${pinDirectory}/`);
    for (const pin of [...this.links.keys()].filter(below)) this.links.delete(pin);
    for (const pin of [...this.maps.keys()].filter(below)) this.maps.delete(pin);
  }

  #ringBuffer(pin: string): BpfRingBuffer {
    const drain = (each: (record: Uint8Array) => void, limit = 1000) => {
      const records = (this.records.get(pin) ?? []).splice(0, limit);
      for (const record of records) each(record);
      return records.length;
    };
    return { drain, close() {}, [Symbol.dispose]() {} };
  }

  #map(definition: FakeMapDefinition, options: LoadOptions): FakeMap {
    const maxEntries = options.mapSizes?.[definition.name] ?? definition.maxEntries;
    const pin = join(options.pinDirectory, definition.name);
    const pinned = this.maps.get(pin);
    if (pinned !== undefined) {
      if (fits(pinned, { ...definition, maxEntries })) return pinned;
      throw new TendrilError('BPF_LOAD', `${pin} is of another shape`);
    }
    const map = new FakeMap({ ...definition, maxEntries });
    this.maps.set(pin, map);
    return map;
  }
}

function fits(is: FakeMapDefinition, wanted: FakeMapDefinition): boolean {
  return (
    is.keySize === wanted.keySize && is.valueSize === wanted.valueSize && is.maxEntries === wanted.maxEntries
  );
}

function known<T>(thing: T | undefined, what: string): T {
  if (thing === undefined) throw new TendrilError('INTERNAL', `the BPF object has no ${what}`);
  return thing;
}
