/**
 * A socket filter (classic BPF, Documentation/networking/filter.rst) that drops what comes from some addresses before
 * it takes room in the socket: in the sender's time, not the receiver's.
 */
import type { Family, Ip } from '../../net/ip.ts';

/** Addresses that a filter may name. */
export const maxSources = 32;
export const instructionBytes = 8;

const [loadWord, jumpIfEqual, doReturn] = [0x20, 0x15, 0x06];
/** SKF_NET_OFF: from here on offsets count from the network header; then the source's place in it. */
const networkHeader = 0xfff0_0000;
const sourceAt: Record<Family, number> = { 4: 12, 6: 8 };
const everything = 0xffff_ffff;

/** An array of struct sock_filter. `sources` are of the packets' family. */
export function encodeSourceFilter(sources: readonly Ip[], family: Family): Uint8Array {
  const words = family === 4 ? 1 : 4;
  const perSource = 2 * words + 1;
  const bytes = Buffer.alloc((sources.length * perSource + 1) * instructionBytes);
  let at = 0;
  const put = (code: number, value: number, elseSkip = 0) => {
    bytes.writeUInt16LE(code, at);
    bytes.writeUInt8(elseSkip, at + 3);
    bytes.writeUInt32LE(value, at + 4);
    at += instructionBytes;
  };
  for (const ip of sources) {
    const address = Buffer.from(ip.bytes);
    for (let word = 0; word < words; word++) {
      put(loadWord, networkHeader + sourceAt[family] + 4 * word);
      put(jumpIfEqual, address.readUInt32BE(4 * word), perSource - 2 * word - 2);
    }
    put(doReturn, 0);
  }
  put(doReturn, everything);
  return bytes;
}
