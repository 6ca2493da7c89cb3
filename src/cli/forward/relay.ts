/** Passes bytes between local connections and pods; each ends as its ends say, half-closed ones included. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describeError } from '../../util/errors.ts';

export interface RelayOptions {
  /** A connection to a pod, for each of ours anew; it may be half-closed. */
  connect: () => Promise<Duplex>;
  onFailure: (message: string) => void;
}

export interface Relay {
  accept: (socket: Socket) => void;
  close(): void;
}

export function createRelay({ connect, onFailure }: RelayOptions): Relay {
  const sockets = new Set<Duplex>();
  const track = (socket: Duplex) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  };
  const accept = (local: Socket): void => {
    track(local);
    local.pause();
    local.on('error', () => local.destroy());
    connect().then(
      (remote) => {
        track(remote);
        join(local, remote, onFailure);
      },
      (error) => {
        onFailure(describeError(error));
        local.resetAndDestroy();
      },
    );
  };
  return {
    accept,
    close: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function join(local: Socket, remote: Duplex, onFailure: (message: string) => void): void {
  remote.on('error', (error) => {
    onFailure(describeError(error));
    local.resetAndDestroy();
  });
  local.on('error', () => remote.destroy());
  local.on('close', (hadError) => hadError && remote.destroy());
  // pipe ends the other side when one side ends, and only its writing half: sockets allow half-open.
  local.pipe(remote);
  remote.pipe(local);
}
