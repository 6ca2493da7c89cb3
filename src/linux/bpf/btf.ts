/**
 * The types in a compiled object's .BTF section: how C laid out the structures that both sides share
 * (Documentation/bpf/btf.rst). Little-endian 64-bit ELF, as clang's bpf target writes it.
 */
import { readFileSync } from 'node:fs';
import { TendrilError } from '../../util/errors.ts';

export interface BtfField {
  name: string;
  /** Bytes from the start of the structure. */
  offset: number;
  size: number;
  /** Name of the C type: `__u32`, `__be16`, `address`; of an array, its element's. */
  type: string;
  /** Number of elements where the field is an array. */
  elements?: number;
}

export interface BtfStruct {
  name: string;
  size: number;
  fields: BtfField[];
}

export interface Btf {
  /** @throws TendrilError INTERNAL where there is none of that name */
  struct(name: string): BtfStruct;
  structs(): BtfStruct[];
  /** The structure that a type's number stands for, through its other names; undefined for anything else. */
  structAt(id: number): BtfStruct | undefined;
  enums(): { name: string; values: Record<string, number> }[];
  /** Variables of a data section. */
  section(name: string): { name: string; offset: number; size: number }[];
}

const kind = {
  int: 1,
  pointer: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  forward: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  function: 12,
  prototype: 13,
  variable: 14,
  section: 15,
  float: 16,
  declTag: 17,
  typeTag: 18,
  enum64: 19,
} as const;

interface Type {
  name: string;
  kind: number;
  /** Size in bytes, or the type it refers to. */
  sizeOrType: number;
  members: { name: string; type: number; value: number; size: number }[];
  array?: { type: number; elements: number };
}

export function readBtf(path: string): Btf {
  return decodeBtf(section(readFileSync(path), '.BTF', path));
}

/** The bytes of an ELF section. */
function section(elf: Buffer, name: string, path: string): Buffer {
  const table = Number(elf.readBigUInt64LE(40));
  const entrySize = elf.readUInt16LE(58);
  const count = elf.readUInt16LE(60);
  const header = (index: number) => {
    const at = table + index * entrySize;
    const offset = Number(elf.readBigUInt64LE(at + 24));
    return {
      name: elf.readUInt32LE(at),
      data: elf.subarray(offset, offset + Number(elf.readBigUInt64LE(at + 32))),
    };
  };
  const names = header(elf.readUInt16LE(62)).data;
  for (let i = 0; i < count; i++) {
    const candidate = header(i);
    if (text(names, candidate.name) === name) return candidate.data;
  }
  throw new TendrilError('INTERNAL', `${path} has no ${name} section`);
}

function text(strings: Buffer, offset: number): string {
  return strings.toString('utf8', offset, strings.indexOf(0, offset));
}

/** @throws TendrilError INTERNAL for bytes that are no BTF */
export function decodeBtf(data: Buffer): Btf {
  if (data.readUInt16LE(0) !== 0xeb9f) throw new TendrilError('INTERNAL', 'not BTF: bad magic number');
  const header = data.readUInt32LE(4);
  const typesAt = header + data.readUInt32LE(8);
  const typesEnd = typesAt + data.readUInt32LE(12);
  const strings = data.subarray(header + data.readUInt32LE(16));
  const types: Type[] = [{ name: 'void', kind: 0, sizeOrType: 0, members: [] }];
  for (let at = typesAt; at < typesEnd; ) {
    const { type, next } = decodeType(data, at, strings);
    types.push(type);
    at = next;
  }
  return view(types);
}

/** Bytes of one member after the type's own 12, by kind. */
const memberSize: Record<number, number> = {
  [kind.struct]: 12,
  [kind.union]: 12,
  [kind.enum]: 8,
  [kind.enum64]: 12,
  [kind.prototype]: 8,
  [kind.section]: 12,
};
const trailerSize: Record<number, number> = {
  [kind.int]: 4,
  [kind.array]: 12,
  [kind.variable]: 4,
  [kind.declTag]: 4,
};

function decodeType(data: Buffer, start: number, strings: Buffer): { type: Type; next: number } {
  const info = data.readUInt32LE(start + 4);
  const type: Type = {
    name: text(strings, data.readUInt32LE(start)),
    kind: (info >>> 24) & 0x1f,
    sizeOrType: data.readUInt32LE(start + 8),
    members: [],
  };
  let at = start + 12;
  if (type.kind === kind.array)
    type.array = { type: data.readUInt32LE(at), elements: data.readUInt32LE(at + 8) };
  at += trailerSize[type.kind] ?? 0;
  const step = memberSize[type.kind] ?? 0;
  for (let i = 0; step > 0 && i < (info & 0xffff); i++, at += step) {
    type.members.push(decodeMember(data, at, type.kind, strings));
  }
  return { type, next: at };
}

function decodeMember(data: Buffer, at: number, of: number, strings: Buffer): Type['members'][number] {
  const [first, second] = [data.readUInt32LE(at), data.readUInt32LE(at + 4)];
  if (of === kind.section) return { name: '', type: first, value: second, size: data.readUInt32LE(at + 8) };
  if (of === kind.enum || of === kind.enum64)
    return { name: text(strings, first), type: 0, value: second | 0, size: 0 };
  const bits = of === kind.prototype ? 0 : data.readUInt32LE(at + 8) & 0xffffff;
  return { name: text(strings, first), type: second, value: bits / 8, size: 0 };
}

function view(types: Type[]): Btf {
  const at = (id: number): Type => types[id]!;
  const size = (id: number): number => {
    const type = at(id);
    if (type.kind === kind.array) return size(type.array!.type) * type.array!.elements;
    return isAlias(type) ? size(type.sizeOrType) : type.kind === kind.pointer ? 8 : type.sizeOrType;
  };
  /** The outermost name: `__be16` rather than `unsigned short`. */
  const name = (id: number): string =>
    at(id).name === '' && isAlias(at(id)) ? name(at(id).sizeOrType) : at(id).name;
  const field = (member: Type['members'][number]): BtfField => {
    const { array } = at(member.type);
    const common = { name: member.name, offset: member.value, size: size(member.type) };
    return array
      ? { ...common, type: name(array.type), elements: array.elements }
      : { ...common, type: name(member.type) };
  };
  const struct = (type: Type) => ({
    name: type.name,
    size: type.sizeOrType,
    fields: type.members.map(field),
  });
  const structs = types.filter((type) => type.kind === kind.struct && type.name !== '').map(struct);
  const structAt = (id: number): BtfStruct | undefined => {
    const type = at(id);
    if (isAlias(type)) return structAt(type.sizeOrType);
    return type.kind === kind.struct ? struct(type) : undefined;
  };
  return {
    structs: () => structs,
    structAt,
    struct: (wanted) => {
      const found = structs.find((candidate) => candidate.name === wanted);
      if (found === undefined) throw new TendrilError('INTERNAL', `the BPF object has no struct ${wanted}`);
      return found;
    },
    enums: () =>
      types
        .filter((type) => type.kind === kind.enum && type.name !== '')
        .map((type) => ({
          name: type.name,
          values: Object.fromEntries(type.members.map((member) => [member.name, member.value])),
        })),
    section: (wanted) =>
      (types.find((type) => type.kind === kind.section && type.name === wanted)?.members ?? []).map(
        (member) => ({
          name: at(member.type).name,
          offset: member.value,
          size: member.size,
        }),
      ),
  };
}

function isAlias(type: Type): boolean {
  const aliases: number[] = [
    kind.typedef,
    kind.volatile,
    kind.const,
    kind.restrict,
    kind.variable,
    kind.typeTag,
  ];
  return aliases.includes(type.kind);
}
