/** Connects to a pod's port: in a lab from its node, of a cluster by the API. */
import type { Duplex } from 'node:stream';
import { connectToPod } from '../../kube/streams/port-client.ts';
import { openNetns } from '../../linux/netns/netns.ts';
import { connectTcp } from '../../linux/netns/sockets.ts';
import { parseIp } from '../../net/ip.ts';
import type { Session } from '../session/session.ts';

export interface Destination {
  node: string;
  namespace: string;
  pod: string;
  ip: string;
  port: number;
}

const connectTimeoutMs = 5_000;

export async function connectTo(session: Session, destination: Destination): Promise<Duplex> {
  if (session.kind === 'cluster') return await connectToPod(session.api, destination);
  const { node, ip, port } = destination;
  // As kubectl port-forward's come from the node.
  using handle = openNetns(session.paths.netns(node));
  return await connectTcp(handle, { ip: parseIp(ip), port, timeoutMs: connectTimeoutMs });
}
