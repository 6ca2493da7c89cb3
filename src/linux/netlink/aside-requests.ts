/**
 * Requests that keep the kernel busy for many ms, worked off on threads of libuv's pool while the event loop goes
 * on: at most two at once, since the pool has four threads and serves files too. Sockets of their own, opened with
 * the first request, so that answers do not mix.
 */
import { NetlinkSocket, type Request } from './socket.ts';

const laneCount = 2;

interface Lane {
  socket: NetlinkSocket;
  waiting: number;
  tail: Promise<unknown>;
}

export class AsideRequests {
  readonly #like: NetlinkSocket;
  readonly #lanes: Lane[] = [];

  /** In the namespace of the given socket. */
  constructor(like: NetlinkSocket) {
    this.#like = like;
  }

  /** @throws KernelError */
  request(request: Request): Promise<void> {
    const lane = this.#freest();
    lane.waiting++;
    const done = lane.tail.then(() => lane.socket.requestAside(request)).finally(() => lane.waiting--);
    lane.tail = done.then(ignore, ignore);
    return done;
  }

  /** Requests under way are finished first. */
  close(): void {
    for (const { socket, tail } of this.#lanes.splice(0)) void tail.then(() => socket.close());
  }

  #freest(): Lane {
    const free = this.#lanes.find(({ waiting }) => waiting === 0);
    if (free !== undefined) return free;
    if (this.#lanes.length < laneCount) return this.#open();
    return this.#lanes.reduce((best, lane) => (lane.waiting < best.waiting ? lane : best));
  }

  #open(): Lane {
    using netns = this.#like.netns();
    const lane = { socket: new NetlinkSocket(netns), waiting: 0, tail: Promise.resolve() };
    this.#lanes.push(lane);
    return lane;
  }
}

function ignore(): void {}
