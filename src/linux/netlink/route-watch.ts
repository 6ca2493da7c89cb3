/** Changes of links, addresses, routes and neighbours as the kernel tells them (rtnetlink multicast groups). */
import { errno } from '../errno.ts';
import { SO_RCVBUFFORCE, SOL_SOCKET } from '../ffi/constants.ts';
import * as libc from '../ffi/libc.ts';
import type { NetnsHandle } from '../netns/netns.ts';
import { type Poller, poller as processPoller } from '../poller/poller.ts';
import { decodeAddress, RTM_DELADDR, RTM_NEWADDR } from './address.ts';
import { decodeLink, isBridgePort, RTM_DELLINK, RTM_NEWLINK } from './link.ts';
import { decodeMessages, type Message } from './message.ts';
import { decodeNeighbour, RTM_DELNEIGH, RTM_NEWNEIGH } from './neighbour.ts';
import { decodeRoute, RTM_DELROUTE, RTM_NEWROUTE } from './route.ts';
import type { RouteEvent, RouteGroup } from './route-netlink.ts';
import { openSocket } from './socket.ts';

/** RTNLGRP_* */
const groupNumbers: Record<RouteGroup, readonly number[]> = {
  link: [1],
  neighbour: [3],
  address: [5, 9],
  route: [7, 11],
};
/** A burst of a thousand pods' links and routes; the default holds some 200 messages. */
const defaultBufferSize = 4 * 1024 * 1024;

/**
 * Events from now on, in the kernel's order; both families. Read the state after this returns, so that nothing
 * falls between. `lost` means that the buffer overran: read the state again. Ends with the result's dispose.
 * @throws KernelError when the socket cannot be made
 */
export function watchRoutes(
  netns: NetnsHandle | undefined,
  groups: readonly RouteGroup[],
  handler: (event: RouteEvent) => void,
  options: { poller?: Poller; bufferSize?: number } = {},
): Disposable {
  const { poller = processPoller, bufferSize = defaultBufferSize } = options;
  const fd = openSocket(netns, { groups: groups.flatMap((group) => groupNumbers[group]) });
  libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, Uint32Array.of(bufferSize), 4);
  let open = true;
  const onData = (buffers: Uint8Array[]) => {
    for (const event of buffers.flatMap(decodeEvents)) if (open) handler(event);
  };
  poller.add(fd, onData, {
    onError: (error) => {
      if (error.errno !== errno.ENOBUFS) throw error;
      handler({ type: 'lost' });
    },
  });
  const close = () => {
    if (!open) return;
    open = false;
    poller.remove(fd);
    libc.close(fd);
  };
  return { [Symbol.dispose]: close };
}

/** The events in a datagram; messages that say nothing about IP are left out. @throws KernelError EBADMSG */
export function decodeEvents(bytes: Uint8Array): RouteEvent[] {
  return decodeMessages(bytes)
    .map(decodeEvent)
    .filter((event) => event !== undefined);
}

function decodeEvent({ type, payload }: Message): RouteEvent | undefined {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      // A bridge tells of its ports in the same group, in messages that look like the links' own.
      return isBridgePort(payload)
        ? undefined
        : { type: 'link', deleted: type === RTM_DELLINK, link: decodeLink(payload) };
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = decodeAddress(payload);
      return address && { type: 'address', deleted: type === RTM_DELADDR, address };
    }
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      const route = decodeRoute(payload);
      return route && { type: 'route', deleted: type === RTM_DELROUTE, route };
    }
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH: {
      const neighbour = decodeNeighbour(payload);
      return neighbour && { type: 'neighbour', deleted: type === RTM_DELNEIGH, neighbour };
    }
    default:
      return undefined;
  }
}
