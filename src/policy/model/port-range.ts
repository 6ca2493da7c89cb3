/** Ports as rules have them: blocks of a power of two, as addresses in CIDRs. */

/** Ports of one protocol whose first `portBits` bits are those of `port`. */
export interface PortBlock {
  /** IANA's number; 0: every protocol. */
  protocol: number;
  port: number;
  portBits: number;
}

export const everyPort: PortBlock = { protocol: 0, port: 0, portBits: 0 };

const bits = 16;

/** The fewest blocks that hold exactly `first` to `last`; none where `last` is below. */
export function portBlocks(protocol: number, first: number, last: number): PortBlock[] {
  const blocks: PortBlock[] = [];
  let port = first;
  while (port <= last) {
    let hostBits = 0;
    // As long as the next larger block begins here too and ends in the range.
    while (hostBits < bits && port % 2 ** (hostBits + 1) === 0 && port + 2 ** (hostBits + 1) - 1 <= last)
      hostBits++;
    blocks.push({ protocol, port, portBits: bits - hostBits });
    port += 2 ** hostBits;
  }
  return blocks;
}
