/**
 * The connections of one listener: so many in all, and so many of one address, that one client cannot shut the
 * others out. Where there is no room, the one that has rested longest makes it (RFC 7766, section 6.2.3).
 */
import type { Socket } from 'node:net';
import { networkOf } from './source-network.ts';
import { StreamTurns } from './stream-turns.ts';

export interface ConnectionLimits {
  total: number;
  perAddress: number;
  /** Of the IPv6 addresses of one /64, which one host may have all of; absent: as many as in total. */
  perNetwork?: number;
}

interface Connection {
  socket: Socket;
  sources: readonly string[];
  /** Queries under way. Who has none may be closed. */
  queries: number;
}

/** Many clients, several of them busy; a client that needs more than 256 at once pipelines (RFC 7766, section 6.2.1.1). */
const defaultLimits: ConnectionLimits = { total: 4096, perAddress: 256, perNetwork: 1024 };

/** In the order of their last query or, without one, of their coming: the first has rested longest. */
type Order = Set<Connection>;

export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #byPeer = new Map<string, Connection>();
  readonly #order: Order = new Set();
  /** By address, and by network where that is another. */
  readonly #bySource = new Map<string, Order>();
  readonly turns = new StreamTurns();

  constructor(limits: ConnectionLimits = defaultLimits) {
    this.#limits = limits;
  }

  /** True where there is room for the socket, or another was closed to make some; else it is closed. */
  admit(socket: Socket): boolean {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined || !this.#makeRoom(remoteAddress)) {
      socket.destroy();
      return false;
    }
    const peer = peerOf(socket);
    const connection = { socket, sources: sourcesOf(remoteAddress), queries: 0 };
    this.#byPeer.set(peer, connection);
    this.#order.add(connection);
    for (const source of connection.sources) {
      const siblings = this.#bySource.get(source) ?? new Set();
      this.#bySource.set(source, siblings.add(connection));
    }
    socket.on('close', () => this.#remove(connection, peer));
    return true;
  }

  /** Counts a query of the connection until the result is called. The socket may be the TLS socket on the one admitted. */
  query(socket: Socket): () => void {
    const connection = this.#byPeer.get(peerOf(socket));
    if (connection === undefined) return () => {};
    connection.queries++;
    for (const order of [this.#order, ...connection.sources.map((source) => this.#bySource.get(source))])
      if (order?.delete(connection)) order.add(connection);
    return () => {
      connection.queries--;
    };
  }

  closeAll(): void {
    for (const { socket } of this.#order) socket.destroy();
  }

  #makeRoom(address: string): boolean {
    const { total, perAddress, perNetwork = total } = this.#limits;
    for (const source of sourcesOf(address)) {
      const siblings = this.#bySource.get(source);
      const limit = source === address ? perAddress : perNetwork;
      if (siblings !== undefined && siblings.size >= limit) return closeResting(siblings);
    }
    return this.#order.size < total || closeResting(this.#order);
  }

  #remove(connection: Connection, peer: string): void {
    if (this.#byPeer.get(peer) === connection) this.#byPeer.delete(peer);
    this.#order.delete(connection);
    for (const source of connection.sources) {
      const siblings = this.#bySource.get(source);
      siblings?.delete(connection);
      if (siblings?.size === 0) this.#bySource.delete(source);
    }
  }
}

/** The address, and its network where that is another. */
function sourcesOf(address: string): string[] {
  const network = networkOf(address);
  return network === address ? [address] : [address, network];
}

function closeResting(order: Order): boolean {
  for (const { socket, queries } of order) {
    if (queries > 0 || socket.destroyed) continue;
    socket.destroy();
    return true;
  }
  return false;
}

function peerOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}
