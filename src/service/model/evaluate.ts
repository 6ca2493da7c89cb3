/**
 * What becomes of a connection to a Service, by the state alone: the oracle that backends are compared with, and that
 * explains them. Pure.
 */
import { cidrContains } from '../../net/cidr.ts';
import { equalIp, type Ip } from '../../net/ip.ts';
import type { Protocol } from '../../net/protocol.ts';
import type { Endpoint } from './endpoint.ts';
import type { ServiceFrontend } from './service-port.ts';
import { type ServicePortState, type ServiceState, scopesOf } from './service-state.ts';

export interface Connection {
  protocol: Protocol;
  to: Ip;
  port: number;
  from: Ip;
  /** The node's own pods and processes, and all others: they are of the outside, another node's pods too. */
  place: 'pod' | 'process' | 'outside';
}

export type Outcome =
  /** No frontend of this node. */
  | { verdict: 'unserved' }
  /** No endpoint anywhere: told at once. */
  | { verdict: 'refused'; port: ServicePortState; frontend: ServiceFrontend }
  /** A ClusterIP's, but none that it serves. */
  | { verdict: 'refused'; why: 'port' }
  /** No Service has the address. */
  | { verdict: 'dropped'; why: 'unallocated' }
  /** In silence: the client may not come here, or no endpoint is in scope while there are others. */
  | { verdict: 'dropped'; port: ServicePortState; frontend: ServiceFrontend; why: 'source ranges' | 'scope' }
  | {
      verdict: 'answered';
      port: ServicePortState;
      frontend: ServiceFrontend;
      endpoints: readonly Endpoint[];
    };

export function evaluate(state: ServiceState, connection: Connection): Outcome {
  const found = frontendOf(state, connection);
  if (found === undefined) return withoutFrontend(state, connection);
  const { port, frontend } = found;
  // As kube-proxy's firewall chain, before anything is said of endpoints.
  const { sourceRanges } = frontend;
  if (sourceRanges.length > 0 && !sourceRanges.some((cidr) => cidrContains(cidr, connection.from)))
    return { verdict: 'dropped', port, frontend, why: 'source ranges' };
  const scopes = scopesOf(port, frontend.kind);
  const scope = connection.place === 'outside' ? scopes.external : scopes.internal;
  const choice = port.endpoints[frontend.ip.family];
  const endpoints = choice[scope];
  if (endpoints.length > 0) return { verdict: 'answered', port, frontend, endpoints };
  if (scope === 'local' && choice.any) return { verdict: 'dropped', port, frontend, why: 'scope' };
  return { verdict: 'refused', port, frontend };
}

/** As kube-proxy's chain cluster-ips-check. */
function withoutFrontend({ clusterIps, serviceCidrs }: ServiceState, { to }: Connection): Outcome {
  if (!serviceCidrs.some((cidr) => cidrContains(cidr, to))) return { verdict: 'unserved' };
  const owner = [...clusterIps.values()].find(({ ips }) => ips.some((ip) => equalIp(ip, to)));
  if (owner === undefined) return { verdict: 'dropped', why: 'unallocated' };
  return owner.ours ? { verdict: 'refused', why: 'port' } : { verdict: 'unserved' };
}

function frontendOf(
  { ports }: ServiceState,
  { protocol, to, port: number, place }: Connection,
): { port: ServicePortState; frontend: ServiceFrontend } | undefined {
  let found: { port: ServicePortState; frontend: ServiceFrontend } | undefined;
  for (const port of ports.values()) {
    if (port.protocol !== protocol) continue;
    const frontend = port.frontends.find((one) => one.port === number && equalIp(one.ip, to));
    // Loopback is the node's own: a pod has another.
    if (!frontend || (frontend.loopback && place !== 'process')) continue;
    // Whoever names it an external address.
    if (frontend.kind === 'ClusterIP') return { port, frontend };
    found ??= { port, frontend };
  }
  return found;
}
