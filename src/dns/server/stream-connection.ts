/**
 * One client's connection, TCP or TLS (RFC 7766): queries are answered as they become ready, not in their order.
 * What a client may have of the server is bounded: queries under way, replies that it does not read, time.
 */
import type { Socket } from 'node:net';
import type { Connections } from './connections.ts';
import type { Reply, Responder, ZoneTransfer } from './responder.ts';

/** A client that says nothing for this long, or takes none of its replies, is closed. */
const idleMs = 10_000;
/** How long a client may take from a message's first byte to its last. */
const messageMs = 10_000;
/** Queries of one connection that may be under way at once; then reading pauses. */
const maxPipelined = 100;
/** Replies that a client leaves unread, in bytes; then reading pauses, and the kernel's window does the rest. */
const maxUnread = 256 * 1024;

export interface StreamServing {
  transport: 'tcp' | 'tls';
  answer: Responder;
  /** Told of queries under way. */
  connections: Connections;
}

export function serveStream(socket: Socket, { transport, answer, connections }: StreamServing): void {
  let pending: Buffer = Buffer.alloc(0);
  let underWay = 0;
  let ended = false;
  let transferring = false;
  let waiting = false;
  let incomplete: NodeJS.Timeout | undefined;
  const address = socket.remoteAddress ?? '';
  const asker = {
    transport,
    client: { address, port: socket.remotePort ?? 0 },
    server: { address: socket.localAddress ?? '', port: socket.localPort ?? 0 },
  };
  socket.setNoDelay(true);
  socket.setTimeout(idleMs, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('close', () => clearTimeout(incomplete));
  socket.on('drain', proceed);
  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    proceed();
  });
  // A client may end its side and still wait for its answers.
  socket.on('end', () => {
    ended = true;
    proceed();
  });

  function proceed(): void {
    while (!waiting && !isBusy() && hasMessage()) {
      if (!connections.turns.admits()) {
        waiting = true;
        connections.turns.wait(address, serveInTurn);
      } else serveNext();
      if (socket.destroyed) return;
    }
    if (pending.length > 0 && !isBusy() && !waiting)
      incomplete ??= setTimeout(() => socket.destroy(), messageMs);
    if (ended && underWay === 0 && !hasMessage()) socket.end();
    else if (isBusy() || waiting) socket.pause();
    else if (socket.isPaused()) socket.resume();
  }

  function serveInTurn(): void {
    waiting = false;
    if (socket.destroyed) return;
    if (!isBusy() && hasMessage()) serveNext();
    if (!socket.destroyed) proceed();
  }

  function hasMessage(): boolean {
    return pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0);
  }

  function serveNext(): void {
    const end = 2 + pending.readUInt16BE(0);
    const bytes = pending.subarray(2, end);
    pending = pending.subarray(end);
    clearTimeout(incomplete);
    incomplete = undefined;
    serve(bytes);
  }

  function isBusy(): boolean {
    return transferring || underWay >= maxPipelined || socket.writableLength > maxUnread;
  }

  function serve(bytes: Buffer): void {
    const done = connections.query(socket);
    const reply = answer(bytes, asker);
    if (!(reply instanceof Promise)) {
      done();
      return void send(reply);
    }
    underWay++;
    void reply.then((later) => {
      underWay--;
      done();
      send(later);
      if (!socket.destroyed) proceed();
    });
  }

  /** Who gets no answer is closed: waiting for it would take the client longer. */
  function send(reply: Reply): void {
    if (socket.destroyed) return;
    if (reply === undefined) return void socket.destroy();
    if (!Buffer.isBuffer(reply)) return void sendAll(reply);
    write(reply);
  }

  /** One at a time, no faster than the client reads. Where a message cannot be made the connection ends: the client knows that it lacks the rest. */
  async function sendAll({ messages }: ZoneTransfer): Promise<void> {
    underWay++;
    transferring = true;
    const done = connections.query(socket);
    // It waits for us, until its turn comes.
    socket.setTimeout(0);
    let told = false;
    try {
      for await (const message of messages(() => socket.destroyed)) {
        if (!told) socket.setTimeout(idleMs);
        told = true;
        if (socket.destroyed) break;
        write(message);
        if (socket.writableLength > maxUnread) await room();
        if (socket.destroyed) break;
      }
    } catch {
      socket.destroy();
    }
    underWay--;
    transferring = false;
    done();
    if (!told) socket.destroy();
    if (!socket.destroyed) proceed();
  }

  /** A client that takes a transfer too slowly would hold it from others. */
  function room(): Promise<void> {
    return new Promise((resolve) => {
      const late = setTimeout(() => socket.destroy(), messageMs);
      const done = () => {
        clearTimeout(late);
        socket.off('drain', done).off('close', done);
        resolve();
      };
      socket.on('drain', done).on('close', done);
    });
  }

  function write(reply: Buffer): void {
    const framed = Buffer.allocUnsafe(2 + reply.length);
    framed.writeUInt16BE(reply.length);
    framed.set(reply, 2);
    socket.write(framed);
  }
}
