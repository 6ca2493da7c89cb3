/** DNS over UDP, TCP and TLS (RFC 1035 section 4.2, RFC 7766, RFC 7858). */
import type { TlsSettings } from '../plugin.ts';
import type { ConnectionLimits } from './connections.ts';
import { createResponder, type ResponderOptions } from './responder.ts';
import { listenTcp, type TcpPlace } from './tcp-listener.ts';
import { listenTls } from './tls-listener.ts';
import { type Listener, listenUdp, type UdpPlace } from './udp-listener.ts';

export interface DnsServerOptions extends ResponderOptions {
  /** Where to listen: addresses, or descriptors of sockets that are bound already. */
  listen: { udp: UdpPlace; tcp: TcpPlace }[];
  /** Connections of each TCP listener. */
  limits?: ConnectionLimits;
}

export interface DnsServer {
  /** Bound addresses, UDP's port per entry of `listen`. */
  readonly ports: { udp: number; tcp: number }[];
  /** Stops listening and ends connections. */
  close(): Promise<void>;
}

/** Starts listening; resolves when every socket is bound. @throws TendrilError LISTEN: then none is */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const answer = createResponder(options);
  const { listen, logger, limits } = options;
  const { listeners, close } = await all(
    listen.flatMap(({ udp, tcp }) => [
      listenUdp(udp, answer, logger),
      listenTcp(tcp, answer, { logger, limits }),
    ]),
  );
  return { ports: listen.map((_, i) => portsOf(listeners.slice(2 * i, 2 * i + 2))), close };
}

export interface DnsTlsServerOptions extends ResponderOptions {
  listen: TcpPlace[];
  tls: TlsSettings;
}

export interface DnsTlsServer {
  readonly ports: number[];
  /** What clients who connect from now on are shown and asked. */
  setTls(tls: TlsSettings): void;
  /** Stops listening and ends connections. */
  close(): Promise<void>;
}

/** DNS over TLS only. @throws TendrilError LISTEN: then nothing is listened on */
export async function startDnsTlsServer(options: DnsTlsServerOptions): Promise<DnsTlsServer> {
  const answer = createResponder(options);
  const { listeners, close } = await all(
    options.listen.map((place) => listenTls(place, options.tls, { answer, logger: options.logger })),
  );
  const setTls = (tls: TlsSettings) => {
    for (const listener of listeners) listener.setTls(tls);
  };
  return { ports: listeners.map(({ port }) => port), setTls, close };
}

async function all<L extends Listener>(
  starting: Promise<L>[],
): Promise<{ listeners: L[]; close(): Promise<void> }> {
  const settled = await Promise.allSettled(starting);
  const listeners = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const close = async () => {
    await Promise.all(listeners.map((listener) => listener.close()));
  };
  const failure = settled.find((one) => one.status === 'rejected');
  if (failure === undefined) return { listeners, close };
  await close();
  throw failure.reason;
}

function portsOf([udp, tcp]: readonly Listener[]): { udp: number; tcp: number } {
  return { udp: udp!.port, tcp: tcp!.port };
}
