/** The sockets of a network namespace, listed and ended from outside (sock_diag(7), struct inet_diag_req_v2). */
import { type Family, type Ip, ipFromBytes } from '../../net/ip.ts';
import { errno, KernelError } from '../errno.ts';
import { AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP } from '../ffi/constants.ts';
import { NetlinkSocket } from '../netlink/socket.ts';
import type { NetnsHandle } from '../netns/netns.ts';

const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const SOCK_DESTROY = 21;

/** As the kernel numbers them (include/net/tcp_states.h); a UDP socket is ESTABLISHED once it is connected. */
export const socketStates = {
  ESTABLISHED: 1,
  SYN_SENT: 2,
  FIN_WAIT1: 4,
  FIN_WAIT2: 5,
  CLOSE: 7,
  CLOSE_WAIT: 8,
  LISTEN: 10,
} as const;
const allStates = 0xffff_ffff;

const protocols = { TCP: IPPROTO_TCP, UDP: IPPROTO_UDP } as const;
const families: readonly Family[] = [4, 6];

export type SocketProtocol = keyof typeof protocols;

export interface SocketEntry {
  protocol: SocketProtocol;
  /** Of the socket itself; its addresses may be IPv4 (v4-mapped) where it is an IPv6 one. */
  family: Family;
  /** TCP_*, as the kernel numbers them. */
  state: number;
  local: { ip: Ip; port: number };
  /** The port is 0 where the socket is not connected. */
  remote: { ip: Ip; port: number };
  /** As SO_COOKIE and bpf_get_socket_cookie give it: no later socket has it. */
  cookie: bigint;
  /** struct inet_diag_sockid: how the kernel finds it again. */
  id: Uint8Array;
}

const idSize = 48;
const idOffset = 4;
const cookieOffset = 40;

export class SockDiag implements Disposable {
  readonly #socket: NetlinkSocket;
  readonly #where: string;

  /** Of the given namespace, or of the thread's own. @throws KernelError */
  constructor(netns?: NetnsHandle) {
    this.#socket = new NetlinkSocket(netns, NETLINK_SOCK_DIAG);
    this.#where = netns?.path ?? 'own network namespace';
  }

  /**
   * Sockets of both families, also those that no process holds any more and that end by themselves.
   * @param states bits, 1 << state; all unless given
   * @throws KernelError
   */
  list(protocol: SocketProtocol, states: number = allStates): SocketEntry[] {
    return families.flatMap((family) =>
      this.#socket.dump(
        {
          type: SOCK_DIAG_BY_FAMILY,
          payload: encodeRequest({ protocol, family, states, id: new Uint8Array(idSize) }),
          operation: `list ${protocol} sockets of`,
          object: this.#where,
        },
        (payload) => decodeEntry(protocol, family, payload),
      ),
    );
  }

  /**
   * Ends a socket: its process sees ECONNABORTED, a TCP peer a reset. False where it was gone already.
   * @throws KernelError EOPNOTSUPP where the kernel cannot (CONFIG_INET_DIAG_DESTROY)
   */
  destroy({ protocol, family, id }: Pick<SocketEntry, 'protocol' | 'family' | 'id'>): boolean {
    try {
      this.#socket.request({
        type: SOCK_DESTROY,
        payload: encodeRequest({ protocol, family, states: allStates, id }),
        operation: `end ${protocol} socket of`,
        object: this.#where,
      });
      return true;
    } catch (error) {
      if (error instanceof KernelError && error.errno === errno.ENOENT) return false;
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

/** u8 family, u8 protocol, u8 extensions, u8 pad, u32 states, inet_diag_sockid. */
function encodeRequest({
  protocol,
  family,
  states,
  id,
}: Pick<SocketEntry, 'protocol' | 'family' | 'id'> & { states: number }): Uint8Array {
  const bytes = Buffer.alloc(8 + idSize);
  bytes[0] = family === 4 ? AF_INET : AF_INET6;
  bytes[1] = protocols[protocol];
  bytes.writeUInt32LE(states >>> 0, 4);
  bytes.set(id, 8);
  return bytes;
}

/** struct inet_diag_msg: u8 family, u8 state, u8 timer, u8 retransmits, inet_diag_sockid, … */
function decodeEntry(protocol: SocketProtocol, family: Family, payload: Uint8Array): SocketEntry {
  const id = Uint8Array.from(payload.subarray(idOffset, idOffset + idSize));
  const view = new DataView(id.buffer);
  const size = family === 4 ? 4 : 16;
  const endpoint = (port: number, ip: number) => ({
    ip: ipFromBytes(id.subarray(ip, ip + size)),
    port: view.getUint16(port),
  });
  return {
    ...{ protocol, family, state: payload[1]!, id },
    local: endpoint(0, 4),
    remote: endpoint(2, 20),
    cookie: view.getBigUint64(cookieOffset, true),
  };
}
