/** What a kubelet needs of the machine, besides the launcher and CNI: namespaces, mounts and connections from the node. */
import type { Socket } from 'node:net';

export interface Destination {
  ip: string;
  port: number;
  timeoutMs: number;
}

export interface NodeHost {
  /** Makes a network namespace at the path, with its loopback up. */
  createNetns(path: string): Promise<void>;
  /** Idempotent. */
  deleteNetns(path: string): Promise<void>;
  /** Makes the directory, with a file system of its own in it that holds so many bytes, in memory. Everybody may write. */
  mountMemory(path: string, bytes: number): Promise<void>;
  /** Everything mounted at the path and below. Idempotent. */
  unmountBelow(path: string): Promise<void>;
  /** A connected TCP socket, made in the namespace. @throws KernelError ECONNREFUSED, ETIMEDOUT, … */
  connect(netns: string, to: Destination): Promise<Socket>;
}
