/**
 * What a node works out of policies at most: in few words one may ask for more than there is memory or time for. What
 * is beyond allows nothing, which is told.
 */
export const room = {
  /** Of one rule: its blocks times its ports. */
  blockPorts: 65_536,
  /** Blocks that hold a prefix, over all prefixes that blocks name: it grows with the square of those inside one another. */
  heldBlocks: 300_000,
  /** As many as the kernel's map has room for, where nobody made it smaller. */
  rules: 1_048_576,
} as const;
