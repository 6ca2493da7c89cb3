export interface ListenOptions {
  /** PEM. */
  certificate: string;
  key: string;
  /** PEM; client certificates must be signed by it. */
  clientCa: string;
  /** An address and port (0: any free one), or sockets that listen already, made in another namespace. */
  at: { host: string; port: number } | { fds: number[] };
}

export interface Listener {
  /** Of the first socket. */
  readonly port: number;
  close(): Promise<void>;
}
