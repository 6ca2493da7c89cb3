/** What exec, attach and port-forward need of the kubelets. */
import type { Duplex, Readable, Writable } from 'node:stream';

export interface PodRef {
  namespace: string;
  name: string;
}

export interface ContainerRef extends PodRef {
  container: string;
}

export interface TerminalSize {
  columns: number;
  rows: number;
}

/** A process in a container, as a client talks to it. */
export interface RemoteProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Nothing where there is a terminal. */
  readonly stderr: Readable;
  resize(size: TerminalSize): void;
  /** Exit status, once all output is told. */
  readonly exited: Promise<number>;
  /** Nobody listens any more. */
  close(): void;
}

export interface RemoteCommand {
  argv: string[];
  /** Its input is the client's; else it has none. */
  interactive: boolean;
  tty: boolean;
}

/** Each throws TendrilError BAD_INPUT where the pod or its container does not run; what it gives begins the session. */
export interface PodStreams {
  exec(at: ContainerRef, command: RemoteCommand): () => Promise<RemoteProcess>;
  attach(at: ContainerRef): () => Promise<RemoteProcess>;
  /** A connection to the port in the pod. Rejects with an Error in the words that a client is told. */
  portForward(at: PodRef): (port: number) => Promise<Duplex>;
}
