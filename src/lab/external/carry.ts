/** Two connections as one. */
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream';

/** Whichever side breaks, breaks the other; one that ends its half goes on hearing the other's. */
export function carry(near: Duplex, far: Duplex, open: Set<Duplex>): void {
  for (const socket of [near, far]) {
    open.add(socket);
    // Else it would close right behind the end of what it read, and break the other before that had passed it all on.
    socket.allowHalfOpen = true;
    socket.on('close', () => open.delete(socket));
  }
  pipeline(near, far, () => {});
  pipeline(far, near, () => {});
}
