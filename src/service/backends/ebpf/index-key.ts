/** A key that is a number, as the kernel has it: 32 bits in the machine's order, little-endian where Tendril runs. */
export function indexKey(value: number): Uint8Array {
  const key = new Uint8Array(4);
  new DataView(key.buffer).setUint32(0, value, true);
  return key;
}
