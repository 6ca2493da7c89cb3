/**
 * An array of struct mmsghdr with all that it points at (recvmmsg(2)): each of its datagrams has room for bytes and
 * for a path, which is the other end's address and, where it is asked for, the own one (IP_PKTINFO, ip(7)).
 */
import { ownBlock } from '../ffi/arena.ts';
import { type Endpoint, encodeSocketAddress } from '../netns/socket-address.ts';

export const headerBytes = 64;
const vectorBytes = 16;
/** struct sockaddr_in6, rounded up. */
const addressRoom = 32;
/** CMSG_SPACE of struct in6_pktinfo. */
const controlRoom = 40;
const pathBytes = addressRoom + controlRoom;

/** Places in a header, in numbers of 32 bits. */
const [nameLength, controlLength, messageFlags, messageLength] = [2, 10, 12, 14];
const words = headerBytes / 4;

export interface MessageShape {
  count: number;
  /** Room for the bytes of each. */
  size: number;
  addressBytes: number;
  /** Control message's bytes: 0 where none is asked for. */
  controlBytes: number;
}

export class MessageArray {
  readonly count: number;
  readonly size: number;
  /** For the system call. */
  readonly headers: Uint8Array;
  /** Of each datagram: address, then control message. */
  readonly paths: readonly Uint8Array[];
  readonly #words: Uint32Array;
  readonly #vectors: DataView;
  readonly #payload: Uint8Array;
  readonly #shape: MessageShape;

  constructor(shape: MessageShape) {
    const { count, size } = shape;
    this.#shape = shape;
    this.count = count;
    this.size = size;
    const headers = ownBlock(count * headerBytes);
    const vectors = ownBlock(count * vectorBytes);
    const paths = ownBlock(count * pathBytes);
    const payload = ownBlock(count * size);
    for (let i = 0; i < count; i++) {
      const path = paths.address + BigInt(i * pathBytes);
      const at = i * headerBytes;
      headers.view.setBigUint64(at, path, true);
      headers.view.setBigUint64(at + 16, vectors.address + BigInt(i * vectorBytes), true);
      headers.view.setBigUint64(at + 24, 1n, true);
      if (shape.controlBytes > 0) headers.view.setBigUint64(at + 32, path + BigInt(addressRoom), true);
      vectors.view.setBigUint64(i * vectorBytes, payload.address + BigInt(i * size), true);
      vectors.view.setBigUint64(i * vectorBytes + 8, BigInt(size), true);
    }
    this.headers = headers.bytes;
    this.#words = new Uint32Array(headers.bytes.buffer);
    this.#vectors = vectors.view;
    this.#payload = payload.bytes;
    this.paths = Array.from({ length: count }, (_, i) =>
      paths.bytes.subarray(i * pathBytes, (i + 1) * pathBytes),
    );
    this.reset(count);
  }

  /** Makes the first ones ready for the next call: the kernel writes into what it reads. */
  reset(count: number): void {
    const { addressBytes, controlBytes } = this.#shape;
    for (let at = 0; at < count * words; at += words) {
      this.#words[at + nameLength] = addressBytes;
      this.#words[at + controlLength] = controlBytes;
      this.#words[at + messageFlags] = 0;
    }
  }

  /** What has been received: a view until the next call. */
  bytesOf(index: number): Uint8Array {
    const start = index * this.size;
    return this.#payload.subarray(start, start + this.#words[index * words + messageLength]!);
  }

  /** What is to be sent, copied. @throws RangeError where it has no room */
  put(index: number, bytes: Uint8Array, path: Uint8Array): void {
    if (bytes.length > this.size) throw new RangeError(`a datagram of ${bytes.length} bytes has no room`);
    this.#payload.set(bytes, index * this.size);
    this.#vectors.setUint32(index * vectorBytes + 8, bytes.length, true);
    this.paths[index]!.set(path);
  }
}

/** The path to an address, from whichever own address the socket is bound to. */
export function pathTo(endpoint: Endpoint): Uint8Array {
  const path = new Uint8Array(pathBytes);
  path.set(encodeSocketAddress(endpoint));
  return path;
}

/** The path back: the own address stays what was asked, the way out is the kernel's choice but for a link-local address. */
export function turnPath(path: Uint8Array, family: 4 | 6): void {
  const data = addressRoom + 16;
  if (family === 4) path.fill(0, data, data + 4);
  else if (path[data] !== 0xfe || (path[data + 1]! & 0xc0) !== 0x80) path.fill(0, data + 16, data + 20);
}
