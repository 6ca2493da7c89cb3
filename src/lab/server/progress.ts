/** Tells the `up` command that started this server how far it is, over the socket that the command listens on. */
import { connect, type Socket } from 'node:net';
import type { ProgressEvent } from './control-protocol.ts';

export interface ProgressReport {
  send(event: ProgressEvent): void;
  close(): void;
}

/** Where nobody listens (the command was interrupted) reports go nowhere. */
export function reportProgress(socketPath: string): ProgressReport {
  const socket: Socket = connect(socketPath);
  socket.on('error', () => socket.destroy());
  return {
    send: (event) => {
      if (!socket.destroyed) socket.write(`${JSON.stringify(event)}\n`);
    },
    close: () => void socket.end(),
  };
}
