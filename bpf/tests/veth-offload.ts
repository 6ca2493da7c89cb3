/** What a veth leaves to a network card that is none (ethtool(8), which is not everywhere). */

import { cString, withScratch } from '../../src/linux/ffi/arena.ts';
import { AF_INET, SOCK_DGRAM } from '../../src/linux/ffi/constants.ts';
import * as libc from '../../src/linux/ffi/libc.ts';
import { type NetnsHandle, withNetns } from '../../src/linux/netns/netns.ts';

/** <linux/sockios.h>, <linux/ethtool.h>. */
const SIOCETHTOOL = 0x8946;
const ETHTOOL_STXCSUM = 0x17;
const ifreqSize = 40;

/** Off: packets leave the stack with finished checksums, as they arrive from a wire. */
export function setTxChecksum(netns: NetnsHandle, link: string, on: boolean): void {
  withNetns(netns, () =>
    withScratch((scratch) => {
      const fd = libc.must(libc.socket(AF_INET, SOCK_DGRAM, 0), 'socket');
      try {
        const command = scratch(8);
        command.view.setUint32(0, ETHTOOL_STXCSUM, true);
        command.view.setUint32(4, on ? 1 : 0, true);
        const request = scratch(ifreqSize);
        request.bytes.set(cString(link, scratch).bytes.subarray(0, 15));
        request.view.setBigUint64(16, command.address, true);
        libc.must(libc.ioctl(fd, SIOCETHTOOL, request.bytes), 'set tx-checksumming', link);
      } finally {
        libc.close(fd);
      }
    }),
  );
}
