/** What an ELF file (64 bit, little endian) says of the machine that it is for and of what it is linked with. */

export interface Elf {
  /** e_machine. */
  machine: number;
  /** Path of the dynamic loader; absent for libraries and static programs. */
  interpreter?: string;
  /** Names of libraries. */
  needed: string[];
}

/** e_machine, by the name that Node.js has for it. */
export const machines = { x64: 62, arm64: 183 } as const;
export const bpfMachine = 247;

const loadSegment = 1;
const dynamicSegment = 2;
const interpreterSegment = 3;
const endTag = 0;
const neededTag = 1;
const stringTableTag = 5;

interface Segment {
  type: number;
  offset: number;
  address: number;
  size: number;
}

/** Undefined for what is no such file. @throws RangeError for one that is cut off */
export function readElf(bytes: Buffer): Elf | undefined {
  const magic = bytes.subarray(0, 6).toString('latin1');
  if (magic !== '\x7fELF\x02\x01') return undefined;
  const segments = readSegments(bytes);
  const interpreter = segments.find(({ type }) => type === interpreterSegment);
  return {
    machine: bytes.readUInt16LE(18),
    ...(interpreter !== undefined && { interpreter: stringAt(bytes, interpreter.offset) }),
    needed: readNeeded(bytes, segments),
  };
}

function readSegments(bytes: Buffer): Segment[] {
  const word = (at: number) => Number(bytes.readBigUInt64LE(at));
  const [start, size, count] = [word(32), bytes.readUInt16LE(54), bytes.readUInt16LE(56)];
  return Array.from({ length: count }, (_, i) => {
    const at = start + i * size;
    return {
      ...{ type: bytes.readUInt32LE(at), offset: word(at + 8) },
      ...{ address: word(at + 16), size: word(at + 32) },
    };
  });
}

function readNeeded(bytes: Buffer, segments: readonly Segment[]): string[] {
  const dynamic = segments.find(({ type }) => type === dynamicSegment);
  if (dynamic === undefined) return [];
  const tags: [tag: number, value: number][] = [];
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    const tag = Number(bytes.readBigInt64LE(at));
    if (tag === endTag) break;
    tags.push([tag, Number(bytes.readBigUInt64LE(at + 8))]);
  }
  const strings = tags.find(([tag]) => tag === stringTableTag)?.[1] ?? 0;
  const home = segments.find(
    ({ type, address, size }) => type === loadSegment && address <= strings && strings < address + size,
  );
  if (home === undefined) return [];
  const table = strings - home.address + home.offset;
  return tags.flatMap(([tag, value]) => (tag === neededTag ? stringAt(bytes, table + value) : []));
}

const stringAt = (bytes: Buffer, at: number): string => bytes.toString('latin1', at, bytes.indexOf(0, at));
