/**
 * The way from an API server that is there already to Services and pods of the lab: a proxy that takes HTTP CONNECT on a
 * Unix socket. That is what kube-apiserver's own `cluster` egress speaks with `proxyProtocol: HTTPConnect` and
 * `transport: uds` (KEP-1281), so neither the machine's routes nor its namespaces change.
 *
 *     webhooks, aggregated APIs ──► Service's address ──► one of its ready endpoints ──► from that one's node
 *     exec, logs, port-forward ───► a node's kubelet ──► its server, on the machine's loopback
 */
import { once } from 'node:events';
import { existsSync, lstatSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Store } from '../../kube/client/store.ts';
import type { EndpointSlice, Service } from '../../kube/types.ts';
import { formatIp, parseIp } from '../../net/ip.ts';
import { describeError, TendrilError } from '../../util/errors.ts';
import { type Endpoint, readyEndpointOf } from '../apiserver/webhooks/service-endpoints.ts';
import { type ConnectEndpoint, connectDirectly } from '../apiserver/webhooks/webhook-client.ts';
import { kubeletPort } from '../kubelet/server/kubelet-handler.ts';
import { carry } from './carry.ts';

export interface EgressRoutes {
  /** The nodes' own addresses. */
  nodeIps: readonly string[];
  services: Pick<Store<Service>, 'list'>;
  slices: Pick<Store<EndpointSlice>, 'list'>;
}

/** `machine`: as it is, from the machine. */
export type EgressTarget = Endpoint | { machine: { ip: string; port: number } };

/** Where a connection to an address goes. Pure. @throws Error in Kubernetes' words where a Service has no endpoint */
export function egressTarget(authority: string, { nodeIps, services, slices }: EgressRoutes): EgressTarget {
  const [, host = '', portText] = /^\[?([^\]]*?)\]?:(\d+)$/.exec(authority) ?? [];
  if (isIP(host) === 0) throw new Error(`${JSON.stringify(authority)} is no address and port`);
  const at = { ip: formatIp(parseIp(host)), port: Number(portText) };
  if (at.port === kubeletPort && nodeIps.includes(at.ip)) return { machine: at };
  const service = services.list().find(({ spec }) => spec?.clusterIPs?.includes(at.ip));
  return service === undefined ? at : readyEndpointOf(service, at.port, slices.list());
}

/** @throws TendrilError BAD_INPUT */
export function requireFreeSocket(file: string): void {
  if (existsSync(file))
    throw new TendrilError('BAD_INPUT', `--egress-socket: ${file} is there already`, {
      remedy: 'If another lab has it, take that one down or give another; else remove the file.',
    });
  if (!existsSync(dirname(file)))
    throw new TendrilError('BAD_INPUT', `--egress-socket: there is no directory ${dirname(file)}`);
}

export interface EgressOptions extends EgressRoutes {
  file: string;
  /** From a node. */
  connect: ConnectEndpoint;
}

/** Resolves when it is listened on, by root alone; what it gives ends it, and removes the socket. @throws TendrilError LISTEN */
export async function startEgress({ file, connect, ...routes }: EgressOptions): Promise<() => void> {
  const open = new Set<Duplex>();
  const dial = (authority: string): Promise<Duplex> => {
    const target = egressTarget(authority, routes);
    return 'machine' in target ? connectDirectly(target.machine) : connect(target);
  };
  const server = createServer((_, response) => void response.writeHead(405, { allow: 'CONNECT' }).end());
  server.on('connect', async ({ url = '' }: IncomingMessage, near: Duplex, head: Buffer) => {
    near.on('error', () => {});
    try {
      const far = await dial(url);
      near.write('HTTP/1.1 200 OK\r\n\r\n');
      if (head.length > 0) far.write(head);
      carry(near, far, open);
    } catch (error) {
      // The API server tells its client the whole status line.
      near.end(
        `HTTP/1.1 502 ${describeError(error).replaceAll(/[\r\n]+/g, ' ')}\r\ncontent-length: 0\r\n\r\n`,
      );
    }
  });
  // Whoever may connect may call every pod: it is never anybody else's, not even for a moment.
  const umask = process.umask(0o177);
  server.listen(file);
  process.umask(umask);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new TendrilError('LISTEN', `--egress-socket: ${file} cannot be listened on`, { cause });
  }
  return () => {
    server.close();
    for (const socket of open) socket.destroy();
  };
}

/** What a lab whose processes are gone left. */
export function removeEgressSocket(file: string | undefined): void {
  if (file !== undefined && existsSync(file) && lstatSync(file).isSocket()) unlinkSync(file);
}
