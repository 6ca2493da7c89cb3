/**
 * DNS over UDP by batches. While a batch has room all in it are answered as they come. Where more come than can be
 * answered, sources are answered in turns: a flood from one fills its own share of the queue, then goes through a lane of the socket's
 * own, and the others do not wait behind it, nor lack room in the kernel.
 */

import { BatchedSocket, batchSize } from '../../linux/udp/batched-socket.ts';
import { maxSlowSources } from '../../linux/udp/lane-program.ts';
import { formatIp, ipFromBytes, parseIp } from '../../net/ip.ts';
import type { Logger } from '../../util/logger.ts';
import { FairQueue } from './fair-queue.ts';
import { FloodGate } from './flood-gate.ts';
import type { Reply, Responder } from './responder.ts';
import { networkOf } from './source-network.ts';
import type { Listener } from './udp-listener.ts';

/** Datagrams that wait for their turn, of all sources: some hundred bytes each. */
const defaultRoom = 1024;
/** Who begins to flood shares one of them with an eighth of the others until it is noticed. */
const lanes = 8;
/**
 * System calls of one turn of the event loop that receive from a lane, and datagrams that are answered in it. To receive one
 * costs a tenth of an answer: most of what the kernel holds is looked at before anybody is answered, but of those who flood.
 */
const receivesPerTurn = 8;
const answersPerTurn = 32;

interface Client {
  address: string;
  port: number;
}

interface Datagram {
  bytes: Uint8Array;
  client: Client;
  path: Uint8Array;
}

/** @throws KernelError */
export function listenBatchedUdp(
  at: { address: string; port: number; ipv6Only?: boolean; room?: number },
  answer: Responder,
  logger: Logger,
): Listener {
  const lost = (error: Error) => logger.debug('a reply cannot be sent', { error });
  const ip = parseIp(at.address);
  const socket = new BatchedSocket({ ip, port: at.port, v6only: at.ipv6Only, lanes }, lost);
  const clients = new ClientTexts();
  const queue = new FairQueue<Datagram>(at.room ?? defaultRoom, networkOf);
  const gate = new FloodGate(maxSlowSources, (sources) => socket.slowDown(sources.map(parseIp)));
  const slowLane = socket.laneCount - 1;
  let open = true;
  let flushing = false;
  let turning = false;

  function readable(lane: number): void {
    if (!open) return;
    guarded('receiving', () => receive(lane));
    if (queue.size === 0) socket.flush();
    else schedule();
  }

  function turn(): void {
    turning = false;
    if (!open) return;
    guarded('answering', answerInTurn);
    if (queue.size > 0) schedule();
  }

  function schedule(): void {
    if (!turning) setImmediate(turn);
    turning = true;
  }

  /** What fails once may go well at the next turn. */
  function guarded(what: string, step: () => void): void {
    try {
      step();
    } catch (error) {
      logger.warn(`${what} failed`, { transport: 'udp', error });
    }
  }

  function answerInTurn(): void {
    for (let served = 0; served < answersPerTurn; served++) {
      const next = queue.take();
      if (next === undefined) break;
      serve(next.bytes, next.client, next.path);
    }
    socket.flush();
  }

  function receive(lane: number): void {
    const now = performance.now();
    const calls = lane === slowLane ? 1 : receivesPerTurn;
    for (let call = 0; call < calls; call++) {
      const count = socket.receive(lane);
      const enough = count === batchSize || queue.size > 0;
      for (let i = 0; i < count; i++) {
        const path = socket.pathOf(i);
        const client = clients.of(path);
        // Port 0 is nobody's: no reply can be sent there, and none is meant to be.
        if (client.port === 0) continue;
        if (!enough) serve(socket.bytesOf(i), client, path);
        else if (queue.hasRoom(client.address))
          queue.add(client.address, { bytes: socket.bytesOf(i).slice(), client, path: path.slice() });
        else gate.refused(client.address, now);
      }
      if (count < batchSize) break;
    }
    gate.settle(now);
  }

  function serve(bytes: Uint8Array, client: Client, path: Uint8Array): void {
    const reply = answer(bytes, { transport: 'udp', client });
    if (reply instanceof Promise) sendLater(reply, path.slice());
    else if (Buffer.isBuffer(reply)) socket.send(reply, path);
  }

  function sendLater(reply: Promise<Reply>, path: Uint8Array): void {
    void reply.then((later) => {
      if (!Buffer.isBuffer(later) || !open) return;
      socket.send(later, path);
      if (!flushing) setImmediate(flush);
      flushing = true;
    });
  }

  function flush(): void {
    flushing = false;
    if (open) socket.flush();
  }

  socket.onReadable(readable);
  return {
    port: socket.port,
    close: async () => {
      open = false;
      socket.close();
    },
  };
}

/** Addresses as text, kept for those who ask again. */
class ClientTexts {
  readonly #texts = new Map<string, string>();

  /** `path` begins with a struct sockaddr. */
  of(path: Uint8Array): Client {
    const view = path as Buffer;
    const isV4 = view[0] === 2;
    const key = Buffer.prototype.latin1Slice.call(view, isV4 ? 4 : 8, isV4 ? 8 : 24);
    let address = this.#texts.get(key);
    if (address === undefined) {
      if (this.#texts.size >= maxTexts) this.#texts.clear();
      address = formatIp(ipFromBytes(isV4 ? view.subarray(4, 8) : view.subarray(8, 24)));
      this.#texts.set(key, address);
    }
    return { address, port: (view[2]! << 8) | view[3]! };
  }
}
const maxTexts = 4096;
