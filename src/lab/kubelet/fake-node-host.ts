/** A machine without namespaces: it notes what is asked for, and connects where a test says somebody listens. */
import { mkdir } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { errno, KernelError } from '../../linux/errno.ts';
import type { Destination, NodeHost } from './node-host.ts';

export class FakeNodeHost implements NodeHost {
  readonly namespaces = new Set<string>();
  /** Sizes of what is mounted. */
  readonly memory = new Map<string, number>();
  readonly dials: string[] = [];
  /** Addresses `ip:port` that answer: by a port on 127.0.0.1, or `true` for a socket that only connects. */
  readonly listeners = new Map<string, number | true>();

  async createNetns(path: string): Promise<void> {
    this.namespaces.add(path);
  }

  async deleteNetns(path: string): Promise<void> {
    this.namespaces.delete(path);
  }

  async mountMemory(path: string, bytes: number): Promise<void> {
    await mkdir(path, { recursive: true });
    this.memory.set(path, bytes);
  }

  async unmountBelow(path: string): Promise<void> {
    for (const at of this.memory.keys()) if (at.startsWith(path)) this.memory.delete(at);
  }

  async connect(_netns: string, to: Destination): Promise<Socket> {
    const at = `${to.ip}:${to.port}`;
    this.dials.push(at);
    const listener = this.listeners.get(at);
    if (listener === undefined) {
      throw new KernelError(errno.ECONNREFUSED, 'connect to', at);
    }
    if (listener === true) return { destroy: () => {} } as unknown as Socket;
    const socket = createConnection(listener, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    return socket;
  }
}
