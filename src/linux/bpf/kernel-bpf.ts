/**
 * BPF in the kernel. libbpf opens the object, makes its maps (or takes over the pinned ones) and loads its
 * programs; descriptors are then duplicated and the object is closed, so that nothing of libbpf outlives `load`.
 */

import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { TendrilError } from '../../util/errors.ts';
import { errno, errnoName, isErrno, KernelError } from '../errno.ts';
import { type Handle, libbpf, members, openObject } from '../ffi/libbpf.ts';
import * as libc from '../ffi/libc.ts';
import type { AttachPoint, Bpf, BpfObject, BpfProgram, LoadOptions, Misfit } from './bpf.ts';
import * as bpf from './bpf-command.ts';
import { writeConstants } from './constants.ts';
import { detachLink, ensureLink, succeedLink } from './kernel-link.ts';
import { KernelMap, type MapShape } from './kernel-map.ts';
import { openPinnedMaps, pinnedShape, shapeDifference } from './pinned-maps.ts';
import { KernelRingBuffer } from './ring-buffer.ts';

export const kernelBpf: Bpf = {
  load,
  misfit,
  pinned: openPinnedMaps,
  movePin: renameSync,
  detach: detachLink,
  clear: (pinDirectory) => rmSync(pinDirectory, { recursive: true, force: true }),
};

/** A signal ends the verifier's work with EAGAIN; libbpf itself begins anew five times, which a profiler's signals outlast. */
const loadAttempts = 10;

function load(options: LoadOptions): BpfObject {
  mkdirSync(options.pinDirectory, { recursive: true });
  for (let attempt = 1; ; attempt++) {
    try {
      return loadOnce(options);
    } catch (error) {
      const interrupted = error instanceof Error && isErrno(error.cause, errno.EAGAIN);
      if (attempt === loadAttempts || !interrupted) throw error;
    }
  }
}

function loadOnce(options: LoadOptions): BpfObject {
  const opened = openObject(options.path, options.pinDirectory);
  if (opened.handle <= 0n) throw loadError(options.path, opened.errno, '');
  try {
    prepare(opened.handle, options);
    const result = libbpf().load(opened.handle) as number;
    if (result < 0) throw loadError(options.path, -result, opened.log());
    return adopt(opened.handle);
  } finally {
    libbpf().closeObject(opened.handle);
  }
}

function misfit(options: LoadOptions): Misfit | undefined {
  const opened = openObject(options.path, options.pinDirectory);
  if (opened.handle <= 0n) throw loadError(options.path, opened.errno, '');
  try {
    prepare(opened.handle, options);
    for (const map of members('nextMap', opened.handle)) {
      const wanted = describeMap(map);
      const is = pinnedShape(join(options.pinDirectory, wanted.name), wanted.name);
      const difference = is && shapeDifference(is, wanted);
      if (difference !== undefined) return { map: wanted.name, difference };
    }
    return undefined;
  } finally {
    libbpf().closeObject(opened.handle);
  }
}

function prepare(object: Handle, options: LoadOptions): void {
  for (const map of members('nextMap', object)) {
    const name = libbpf().mapName(map) as string;
    const size = options.mapSizes?.[name];
    if (size !== undefined) libbpf().setMaxEntries(map, size);
    if (name.endsWith('.rodata') && options.constants) writeConstants(map, options.path, options.constants);
  }
}

function describeMap(map: Handle): MapShape {
  const library = libbpf();
  return {
    name: library.mapName(map) as string,
    type: library.mapType(map) as number,
    keySize: library.mapKeySize(map) as number,
    valueSize: library.mapValueSize(map) as number,
    maxEntries: library.mapMaxEntries(map) as number,
  };
}

function loadError(path: string, number: number, log: string): TendrilError {
  const lines = log.trim().split('\n').slice(-12).join('\n');
  const said = lines === '' ? '' : `; the verifier's last lines:\n${lines}`;
  return new TendrilError('BPF_LOAD', `${basename(path)} does not load: ${errnoName(number)}${said}`, {
    remedy:
      number === 2
        ? 'run `make build`'
        : 'run as root on Linux 6.1 or newer, with the pin directory on a bpffs (mount -t bpf)',
    cause: new KernelError(number, 'load BPF object', path),
  });
}

interface LoadedProgram {
  fd: number;
  name: string;
  attachType: number;
}

function adopt(object: Handle): BpfObject {
  const library = libbpf();
  const maps = new Map<string, KernelMap>();
  for (const map of members('nextMap', object)) {
    const fd = libc.must(
      libc.dup(library.mapFd(map) as number),
      'duplicate map',
      library.mapName(map) as string,
    );
    const description = describeMap(map);
    maps.set(description.name, new KernelMap({ fd, ...description }));
  }
  const programs = new Map<string, LoadedProgram>();
  for (const program of members('nextProgram', object)) {
    const name = library.programName(program) as string;
    const fd = libc.must(libc.dup(library.programFd(program) as number), 'duplicate program', name);
    programs.set(name, { fd, name, attachType: library.expectedAttachType(program) as number });
  }
  return new KernelObject(maps, programs);
}

class KernelObject implements BpfObject {
  readonly #maps: Map<string, KernelMap>;
  readonly #programs: Map<string, LoadedProgram>;

  constructor(maps: Map<string, KernelMap>, programs: Map<string, LoadedProgram>) {
    this.#maps = maps;
    this.#programs = programs;
  }

  map(name: string): KernelMap {
    return known(this.#maps, name, 'map');
  }

  ringBuffer(name: string): KernelRingBuffer {
    return new KernelRingBuffer(known(this.#maps, name, 'map'));
  }

  program(name: string): BpfProgram {
    const { fd, attachType } = known(this.#programs, name, 'program');
    const xdp = attachType === bpf.attachType.xdp;
    return {
      name,
      testRun: (input) => {
        // A run of many repetitions is given up for a signal, as V8 sends its own threads.
        for (;;) {
          const { result, ...run } = bpf.testRun(fd, { ...input, xdp });
          if (result !== -errno.EINTR) libc.must(result, 'test-run BPF program', name);
          if (result >= 0) return run;
        }
      },
    };
  }

  attach(program: string, at: AttachPoint, pin: string): void {
    ensureLink({ program: known(this.#programs, program, 'program'), at, pin });
  }

  attachToMap(program: string, name: string): void {
    const { fd, attachType } = known(this.#programs, program, 'program');
    const map = known(this.#maps, name, 'map');
    libc.must(bpf.attachToMap(fd, { fd: map.fd, type: attachType }), `attach ${program} to map`, name);
  }

  takePlace(program: string, at: AttachPoint, pins: { from: string; to: string }): void {
    succeedLink({ program: known(this.#programs, program, 'program'), at, pin: pins.to }, pins.from);
  }

  close(): void {
    for (const map of this.#maps.values()) map.close();
    for (const { fd } of this.#programs.values()) libc.close(fd);
    this.#programs.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function known<T>(things: Map<string, T>, name: string, kind: string): T {
  const thing = things.get(name);
  if (thing === undefined) throw new TendrilError('INTERNAL', `the BPF object has no ${kind} "${name}"`);
  return thing;
}
