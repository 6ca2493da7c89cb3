/** A key that is a number, as the kernel has it: 32 bits in the machine's order, little-endian where Tendril runs. */
export function indexKey(value: number): Uint8Array {
  // A typed array converts each to its lowest byte.
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
}
