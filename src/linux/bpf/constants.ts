/** `const volatile` variables of an object: values written into .rodata before its programs are loaded. */
import { TendrilError } from '../../util/errors.ts';
import type { Handle } from '../ffi/libbpf.ts';
import { libbpf } from '../ffi/libbpf.ts';
import * as libc from '../ffi/libc.ts';
import { readBtf } from './btf.ts';

/** @throws TendrilError INTERNAL for a name that the object lacks */
export function writeConstants(
  map: Handle,
  path: string,
  values: Record<string, number | bigint | Uint8Array>,
): void {
  const variables = readBtf(path).section('.rodata');
  const size = new Uint8Array(8);
  const address = BigInt(libbpf().initialValue(map, size) as number | bigint);
  const memory = libc.viewOf(address, Number(new DataView(size.buffer).getBigUint64(0, true)));
  for (const [name, value] of Object.entries(values)) {
    const variable = variables.find((candidate) => candidate.name === name);
    if (variable === undefined) throw new TendrilError('INTERNAL', `${path} has no constant "${name}"`);
    memory.set(encodeConstant(value, variable.size), variable.offset);
  }
}

function encodeConstant(value: number | bigint | Uint8Array, size: number): Uint8Array {
  if (value instanceof Uint8Array) return value.subarray(0, size);
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true);
  return bytes.subarray(0, size);
}
