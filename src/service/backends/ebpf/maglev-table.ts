/**
 * Maglev's lookup table (Eisenbud et al., NSDI 2016, section 3.4): which member serves a hash. Every node that knows the
 * same members builds the same table, so that a connection that arrives at another node finds the same backend; and
 * when a member comes or goes, nearly all hashes keep theirs.
 *
 * Each member visits all places in an order of its own, a permutation that two hashes of its name give; the members
 * take turns at taking the next place of theirs that is free. Sizes are prime, so that every skip is a permutation.
 */

const sizes = [251, 1021, 4093, 16_381] as const;

/**
 * The smallest with three times as many places as the members squared: measured, one that goes then moves less than
 * twice its own share. The largest serves more than 73 members too, at the price of moving more.
 */
export function maglevTableSize(members: number): number {
  return sizes.find((size) => size >= 3 * members ** 2) ?? sizes.at(-1)!;
}

/**
 * The members by place, each by its name; in whatever order they are given. Empty where there are none.
 * @param names distinct; what they say must not differ from node to node
 */
export function maglevTable(names: readonly string[], size = maglevTableSize(names.length)): string[] {
  if (names.length === 0) return [];
  const sorted = [...names].sort();
  const next = sorted.map((name) => hash(name, 0x5bd1_e995) % size);
  const skips = sorted.map((name) => (hash(name, 0x27d4_eb2f) % (size - 1)) + 1);
  const table: (string | undefined)[] = new Array(size).fill(undefined);
  for (let taken = 0; taken < size; ) {
    for (let member = 0; member < sorted.length && taken < size; member++, taken++) {
      let place = next[member]!;
      while (table[place] !== undefined) place = (place + skips[member]!) % size;
      table[place] = sorted[member]!;
      next[member] = (place + skips[member]!) % size;
    }
  }
  return table as string[];
}

/** FNV-1a, its bits mixed by MurmurHash3's finalizer: names that differ in one digit share nothing. */
function hash(text: string, seed: number): number {
  let value = seed;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x0100_0193);
  value = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2_ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
