/**
 * A program (classic BPF, Documentation/networking/filter.rst) that chooses among the sockets of one port (SO_REUSEPORT): which
 * receives what an address sends. In the sender's time, and without any privilege.
 */
import type { Family, Ip } from '../../net/ip.ts';

/**
 * Addresses that a program may name. The kernel makes of it one of its own instructions, and takes that up to
 * `net.core.optmem_max`, 20 KiB before 6.7: to load a word of the packet is eight of them, to compare one two at the most.
 */
export const maxSlowSources = 64;
export const instructionBytes = 8;

const code = {
  loadWord: 0x20,
  store: 0x02,
  loadStored: 0x60,
  jumpIfEqual: 0x15,
  multiply: 0x24,
  addX: 0x0c,
  shiftRight: 0x74,
  toX: 0x07,
  return: 0x06,
  returnA: 0x16,
} as const;
/** SKF_NET_OFF: from here on offsets count from the network header; then the source's place in it. */
const networkHeader = 0xfff0_0000;
const sourceAt: Record<Family, number> = { 4: 12, 6: 8 };

export interface LaneChoice {
  family: Family;
  /** Lanes of all others are chosen by a hash of their address: a power of two. */
  lanes: number;
  /** Odd, of 32 bits, and nobody's who sends: it could choose another's lane. */
  secret: number;
  /** Those of the lane behind them, of the family. */
  slow: readonly Ip[];
}

/** An array of struct sock_filter. */
export function encodeLaneProgram({ family, lanes, secret, slow }: LaneChoice): Uint8Array {
  const instructions: Instruction[] = [];
  const words = family === 4 ? 1 : 4;
  for (let word = 0; word < words; word++) {
    instructions.push({ code: code.loadWord, value: networkHeader + sourceAt[family] + 4 * word });
    instructions.push({ code: code.store, value: word });
  }
  for (const ip of slow) {
    const address = Buffer.from(ip.bytes);
    for (let word = 0; word < words; word++) {
      instructions.push({ code: code.loadStored, value: word });
      const skip = 2 * (words - word) - 1;
      instructions.push({ code: code.jumpIfEqual, value: address.readUInt32BE(4 * word), elseSkip: skip });
    }
    instructions.push({ code: code.return, value: lanes });
  }
  for (let word = 0; word < words; word++) {
    if (word > 0) instructions.push({ code: code.toX, value: 0 });
    instructions.push({ code: code.loadStored, value: word });
    if (word > 0) instructions.push({ code: code.addX, value: 0 });
    instructions.push({ code: code.multiply, value: secret });
  }
  instructions.push({ code: code.shiftRight, value: 32 - Math.log2(lanes) });
  instructions.push({ code: code.returnA, value: 0 });
  return encoded(instructions);
}

interface Instruction {
  code: number;
  value: number;
  elseSkip?: number;
}

function encoded(instructions: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(instructions.length * instructionBytes);
  instructions.forEach((instruction, i) => {
    const at = i * instructionBytes;
    bytes.writeUInt16LE(instruction.code, at);
    bytes.writeUInt8(instruction.elseSkip ?? 0, at + 3);
    bytes.writeUInt32LE(instruction.value, at + 4);
  });
  return bytes;
}
