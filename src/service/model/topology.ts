/**
 * Which endpoints serve whom: once, for every backend. The rules are those of kube-proxy's CategorizeEndpoints
 * (pkg/proxy/topology.go): ready ones, those meant for this zone or node where hints allow it, and where nothing
 * is ready those that still serve while they terminate (KEP-1669, KEP-2433, KEP-3015).
 */

import type { Protocol } from '../../net/protocol.ts';
import type { Endpoint } from './endpoint.ts';
import type { TrafficPolicy } from './service-port.ts';

export interface EndpointChoice {
  /** For traffic policy Cluster. */
  readonly cluster: readonly Endpoint[];
  /** For traffic policy Local. */
  readonly local: readonly Endpoint[];
  /**
   * In neither, yet serving: datagram flows that they have already stay theirs, as kube-proxy forgets a flow only once
   * its endpoint no longer serves (pkg/proxy/conntrack/cleanup.go).
   */
  readonly held: readonly Endpoint[];
  /** Of this node, where other nodes may have them answer clients directly: whatever those choose, by their hints. */
  readonly direct?: readonly Endpoint[];
  /** There is an endpoint somewhere: Local without one drops, rather than refuses. */
  readonly any: boolean;
}

/** Shared: a Service of one family has no endpoints of the other, and few Services have local or held ones. */
const none: readonly Endpoint[] = Object.freeze([]);
const noChoice: EndpointChoice = Object.freeze({ cluster: none, local: none, held: none, any: false });

export interface NodeTopology {
  name: string;
  zone?: string | undefined;
}

export function chooseEndpoints(
  endpoints: readonly Endpoint[],
  node: NodeTopology,
  port: {
    internalPolicy: TrafficPolicy;
    externalPolicy: TrafficPolicy;
    protocol: Protocol;
    dsr?: boolean;
  } = {
    internalPolicy: 'Cluster',
    externalPolicy: 'Cluster',
    protocol: 'TCP',
  },
): EndpointChoice {
  if (endpoints.length === 0) return noChoice;
  const cluster = usable(endpoints, hintFilter(endpoints, node));
  const usesLocal = port.internalPolicy === 'Local' || port.externalPolicy === 'Local';
  const here = () => usable(endpoints.filter(({ local }) => local));
  const local = usesLocal ? here() : none;
  const any = endpoints.some((endpoint) => endpoint.ready || (endpoint.serving && endpoint.terminating));
  const held = port.protocol === 'UDP' ? otherServing(endpoints, [...cluster, ...local]) : none;
  const answersDirectly = port.dsr === true && port.externalPolicy === 'Cluster';
  return { cluster, local, held, any, ...(answersDirectly && { direct: here() }) };
}

function otherServing(endpoints: readonly Endpoint[], chosen: readonly Endpoint[]): readonly Endpoint[] {
  const taken = new Set(chosen);
  const others = endpoints.filter((endpoint) => endpoint.serving && !taken.has(endpoint));
  return others.length > 0 ? others : none;
}

/** Ready ones that pass; without any, whatever serves while terminating, hints aside. */
function usable(
  endpoints: readonly Endpoint[],
  passes: (endpoint: Endpoint) => boolean = () => true,
): Endpoint[] {
  const ready = endpoints.filter((endpoint) => endpoint.ready && passes(endpoint));
  // What `filter` gives has room for more, which adds up over all Services.
  if (ready.length > 0) return ready.slice();
  return endpoints.filter((endpoint) => endpoint.serving && endpoint.terminating);
}

/** Hints count only where every ready endpoint has one and one of them is for us; the node's go first. */
function hintFilter(endpoints: readonly Endpoint[], node: NodeTopology): (endpoint: Endpoint) => boolean {
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  const forUs = (hints: (endpoint: Endpoint) => readonly string[], wanted: string | undefined) =>
    wanted !== undefined &&
    ready.every((endpoint) => hints(endpoint).length > 0) &&
    ready.some((endpoint) => hints(endpoint).includes(wanted));
  if (forUs((endpoint) => endpoint.forNodes, node.name)) return (e) => e.forNodes.includes(node.name);
  if (forUs((endpoint) => endpoint.forZones, node.zone)) return (e) => e.forZones.includes(node.zone!);
  return () => true;
}
