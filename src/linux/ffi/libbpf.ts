/**
 * libbpf, for what it alone does well: reading object files, creating their maps, relocating and loading their
 * programs. Loaded on first use, so that what needs no BPF runs without the library. Everything else about BPF
 * goes through bpf(2).
 */
import koffi from 'koffi';
import { TendrilError } from '../../util/errors.ts';
import { allocate, cString } from './arena.ts';

/** struct bpf_object *, bpf_map *, bpf_program *. */
export type Handle = bigint;

const prototypes = {
  setPrint: 'void *libbpf_set_print(void *print)',
  openFile: 'int64_t bpf_object__open_file(const char *path, const void *options)',
  load: 'int bpf_object__load(int64_t object)',
  closeObject: 'void bpf_object__close(int64_t object)',
  nextMap: 'int64_t bpf_object__next_map(int64_t object, int64_t map)',
  nextProgram: 'int64_t bpf_object__next_program(int64_t object, int64_t program)',
  mapName: 'const char *bpf_map__name(int64_t map)',
  mapFd: 'int bpf_map__fd(int64_t map)',
  mapType: 'int bpf_map__type(int64_t map)',
  mapKeySize: 'unsigned int bpf_map__key_size(int64_t map)',
  mapValueSize: 'unsigned int bpf_map__value_size(int64_t map)',
  mapMaxEntries: 'unsigned int bpf_map__max_entries(int64_t map)',
  setMaxEntries: 'int bpf_map__set_max_entries(int64_t map, unsigned int entries)',
  setInitialValue: 'int bpf_map__set_initial_value(int64_t map, const void *data, size_t size)',
  initialValue: 'int64_t bpf_map__initial_value(int64_t map, void *size)',
  programName: 'const char *bpf_program__name(int64_t program)',
  programFd: 'int bpf_program__fd(int64_t program)',
  expectedAttachType: 'int bpf_program__expected_attach_type(int64_t program)',
} as const;

type Bindings = Record<keyof typeof prototypes, (...args: unknown[]) => unknown>;

let bound: Bindings | undefined;

/**
 * The library's functions by short name; pointers are integers.
 * @throws TendrilError KERNEL_FEATURE where the library is not installed
 */
export function libbpf(): Bindings {
  bound ??= load();
  return bound;
}

function load(): Bindings {
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load('libbpf.so.1');
  } catch (cause) {
    throw new TendrilError('KERNEL_FEATURE', 'libbpf.so.1 cannot be loaded', {
      remedy: 'install libbpf1 (apt-get install libbpf1)',
      cause,
    });
  }
  const entries = Object.entries(prototypes).map(([name, prototype]) => [name, library.func(prototype)]);
  const functions = Object.fromEntries(entries) as Bindings;
  // Its messages go to stderr otherwise; the verifier's log comes through the buffer given to openObject.
  functions.setPrint(null);
  return functions;
}

export interface OpenedObject {
  handle: Handle;
  /** What the kernel said about the last failure; empty when all went well. */
  log(): string;
}

/** sizeof(struct bpf_object_open_opts) of libbpf 1.1; later versions accept the shorter one. */
const openOptionsSize = 80;
const logSize = 1 << 20;
let logBuffer: ReturnType<typeof allocate> | undefined;

/**
 * bpf_object__open_file with a directory for maps pinned by name. The handle is 0n or negative on failure;
 * errno is in `koffi.errno()`, as `openErrno` returns it.
 */
export function openObject(path: string, pinDirectory: string): OpenedObject & { errno: number } {
  logBuffer ??= allocate(logSize);
  logBuffer.bytes[0] = 0;
  const options = allocate(openOptionsSize);
  options.view.setBigUint64(0, BigInt(openOptionsSize), true);
  options.view.setBigUint64(24, cString(pinDirectory).address, true);
  options.view.setBigUint64(56, logBuffer.address, true);
  options.view.setBigUint64(64, BigInt(logSize), true);
  const handle = BigInt(libbpf().openFile(path, options.bytes) as number | bigint);
  const errno = handle > 0n ? 0 : koffi.errno();
  return { handle, errno, log: () => readLog(logBuffer!.bytes) };
}

function readLog(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(bytes.subarray(0, end < 0 ? bytes.length : end)).toString('utf8');
}

/** Every member of a libbpf list, by its `next` function. */
export function* members(next: 'nextMap' | 'nextProgram', object: Handle): Generator<Handle> {
  const step = libbpf()[next];
  for (let at = 0n; ; ) {
    at = BigInt(step(object, at) as number | bigint);
    if (at === 0n) return;
    yield at;
  }
}
