/** Passes bytes between local connections and pods; each ends as its ends say, half-closed ones included. */
import type { Socket } from 'node:net';
import { openNetns } from '../../linux/netns/netns.ts';
import { connectTcp } from '../../linux/netns/sockets.ts';
import { parseIp } from '../../net/ip.ts';
import { describeError } from '../../util/errors.ts';

export interface Destination {
  node: string;
  ip: string;
  port: number;
}

export interface RelayOptions {
  choose: () => Promise<Destination>;
  /** Path of a node's network namespace. */
  netns: (node: string) => string;
  onFailure: (message: string) => void;
}

export interface Relay {
  accept: (socket: Socket) => void;
  close(): void;
}

const connectTimeoutMs = 5_000;

/** Connections are made from the node's namespace, as kubectl port-forward's come from the node. */
export function createRelay({ choose, netns, onFailure }: RelayOptions): Relay {
  const sockets = new Set<Socket>();
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  };
  const connect = async (): Promise<Socket> => {
    const { node, ip, port } = await choose();
    using handle = openNetns(netns(node));
    return await connectTcp(handle, { ip: parseIp(ip), port, timeoutMs: connectTimeoutMs });
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

function join(local: Socket, remote: Socket, onFailure: (message: string) => void): void {
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
