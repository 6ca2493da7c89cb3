/** Sets of ipset(8), of a network namespace (linux/netfilter/ipset/ip_set.h). */
import { errno, isErrno } from '../errno.ts';
import { concat, decodeAttributes, readText, text, u8 } from '../netlink/attribute.ts';
import { NLM_F_EXCL } from '../netlink/message.ts';
import { NETLINK_NETFILTER, NetlinkSocket, type Request } from '../netlink/socket.ts';
import type { NetnsHandle } from '../netns/netns.ts';

const NFNL_SUBSYS_IPSET = 6;
const IPSET_CMD_DESTROY = 3;
const IPSET_CMD_LIST = 7;
const IPSET_ATTR_PROTOCOL = 1;
const IPSET_ATTR_SETNAME = 2;
/** The lowest that kernels still speak. */
const protocol = 6;
const IPSET_ATTR_FLAGS = 6;
/** Names alone. */
const IPSET_FLAG_LIST_SETNAME = 1 << 1;

export class IpSets implements Disposable {
  readonly #socket: NetlinkSocket;

  /** Of the given namespace, or of the thread's own. @throws KernelError */
  constructor(netns?: NetnsHandle) {
    this.#socket = new NetlinkSocket(netns, NETLINK_NETFILTER);
  }

  /** Names of the sets; none on a kernel without them. @throws KernelError */
  names(): string[] {
    const flags = Uint8Array.of(0, 0, 0, IPSET_FLAG_LIST_SETNAME);
    try {
      const request = this.#request(IPSET_CMD_LIST, 'list', 'ipsets');
      const payload = concat(new Uint8Array(4), [
        u8(IPSET_ATTR_PROTOCOL, protocol),
        { type: IPSET_ATTR_FLAGS | netByteOrder, value: flags },
      ]);
      const names = this.#socket.dump({ ...request, payload }, (body) => {
        const name = decodeAttributes(body.subarray(4)).get(IPSET_ATTR_SETNAME);
        return name && readText(name);
      });
      return [...new Set(names)];
    } catch (error) {
      if (isErrno(error, errno.EINVAL)) return [];
      throw error;
    }
  }

  /** False where there is none of the name. @throws KernelError EBUSY where a rule still asks it */
  destroy(name: string): boolean {
    const request = this.#request(IPSET_CMD_DESTROY, 'destroy ipset', name);
    const attributes = [u8(IPSET_ATTR_PROTOCOL, protocol), text(IPSET_ATTR_SETNAME, name)];
    try {
      // Without it the kernel is content where there is none.
      this.#socket.request({ ...request, flags: NLM_F_EXCL, payload: concat(new Uint8Array(4), attributes) });
      return true;
    } catch (error) {
      if (isErrno(error, errno.ENOENT)) return false;
      throw error;
    }
  }

  #request(command: number, operation: string, object: string): Omit<Request, 'payload'> {
    return { type: (NFNL_SUBSYS_IPSET << 8) | command, operation, object };
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

/** NLA_F_NET_BYTEORDER. */
const netByteOrder = 0x4000;
