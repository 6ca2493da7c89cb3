/** Endpoints of EndpointSlices as kube-proxy reads them (pkg/proxy/endpointslicecache.go), joined by ServicePortName. */
import type { EndpointSlice } from '../../kube/types.ts';
import { canonicalIp, type Family, type Ip, parseIp } from '../../net/ip.ts';
import { isForThisProxy, type ServicePortName, servicePortName } from './service-port.ts';

export interface Endpoint {
  readonly ip: Ip;
  /** The same as text, in its canonical form. */
  readonly address: string;
  readonly family: Family;
  readonly port: number;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** Runs on this node. */
  readonly local: boolean;
  /** A node of the cluster runs it, this one or another: not so an address that somebody wrote into a slice. */
  readonly onNode: boolean;
  /** Zones and nodes that the EndpointSlice controller meant it for. */
  readonly forZones: readonly string[];
  readonly forNodes: readonly string[];
}

export const serviceNameLabel = 'kubernetes.io/service-name';

/** `namespace/name` of the slice's Service; undefined for what no proxy reads (FQDN slices, other proxies'). */
export function serviceOf(slice: EndpointSlice): string | undefined {
  const name = slice.metadata.labels?.[serviceNameLabel];
  if (name === undefined || slice.addressType === 'FQDN' || !isForThisProxy(slice)) return undefined;
  return `${slice.metadata.namespace}/${name}`;
}

/**
 * The endpoints of one Service, by port, each address and port once. Of ports that nobody asks for, of which somebody may
 * write thousands, one for each slice: by which its addresses are known.
 */
export function endpointsByPort(
  slices: readonly EndpointSlice[],
  nodeName: string,
  wanted?: ReadonlySet<ServicePortName>,
): Map<ServicePortName, Endpoint[]> {
  const ports = new Map<ServicePortName, Map<string, Endpoint>>();
  for (const slice of slices) {
    const service = { namespace: slice.metadata.namespace!, name: slice.metadata.labels![serviceNameLabel]! };
    // Made anew by each look.
    const entries = slice.endpoints ?? [];
    const all = (slice.ports ?? []).filter(({ port }) => port);
    const asked = all.filter((port) => wanted === undefined || wanted.has(servicePortName(service, port)));
    for (const port of asked.length > 0 ? asked : all.slice(0, 1)) {
      const name = servicePortName(service, port);
      const known = ports.get(name) ?? new Map<string, Endpoint>();
      ports.set(name, known);
      for (const entry of entries) add(known, toEndpoint(entry, port.port!, nodeName));
    }
  }
  return new Map([...ports].map(([name, endpoints]) => [name, [...endpoints.values()]]));
}

/**
 * An address can be in a slice twice, or in two slices while it moves: what terminates never replaces another, since
 * the address may be a new pod's already.
 */
function add(known: Map<string, Endpoint>, endpoint: Endpoint | undefined): void {
  if (endpoint === undefined) return;
  const key = endpointKey(endpoint);
  if (!known.has(key) || !endpoint.terminating) known.set(key, endpoint);
}

/** What tells endpoints of one port apart. */
export function endpointKey({ address, port }: { address: string; port: number }): string {
  return `${address}|${port}`;
}

/**
 * How many addresses of this node are ready, by family: what a health check of the Service tells. One that
 * terminates counts no more, though it may still serve.
 */
export function readyHere(ports: ReadonlyMap<ServicePortName, readonly Endpoint[]>): Record<Family, number> {
  const addresses = { 4: new Set<string>(), 6: new Set<string>() };
  for (const endpoints of ports.values())
    for (const { address, family, local, ready } of endpoints)
      if (local && ready) addresses[family].add(address);
  return { 4: addresses[4].size, 6: addresses[6].size };
}

type SliceEndpoint = NonNullable<EndpointSlice['endpoints']>[number];

/** Only the first address counts: the API allows more, and means them as equals (discovery/v1, Endpoint.addresses). */
function toEndpoint(entry: SliceEndpoint, port: number, nodeName: string): Endpoint | undefined {
  const text = entry.addresses?.[0] ?? '';
  const address = canonicalIp(text);
  if (address === undefined) return undefined;
  const { ready, serving, terminating } = entry.conditions ?? {};
  return new CompactEndpoint({
    // Mostly the text of the object itself, which is in memory anyway.
    address: address === text ? text : address,
    port,
    // Absent means true for ready and serving, false for terminating.
    ready: ready ?? true,
    serving: serving ?? true,
    terminating: terminating ?? false,
    local: entry.nodeName === nodeName,
    onNode: entry.nodeName !== undefined,
    hints: hintsOf(entry),
  });
}

interface Hints {
  zones: readonly string[];
  nodes: readonly string[];
}

/** Shared: most endpoints have no hints. */
const noHints: Hints = Object.freeze({ zones: Object.freeze([]), nodes: Object.freeze([]) });

function hintsOf({ hints }: SliceEndpoint): Hints {
  const zones = hints?.forZones?.map((zone) => zone.name) ?? noHints.zones;
  const nodes = hints?.forNodes?.map((node) => node.name) ?? noHints.nodes;
  return zones.length + nodes.length === 0 ? noHints : { zones, nodes };
}

/** There may be 250,000 of them: its address as the text that the object has, conditions as bits. */
class CompactEndpoint implements Endpoint {
  readonly address: string;
  readonly port: number;
  readonly #bits: number;
  readonly #hints: Hints;

  constructor(endpoint: Pick<Endpoint, 'address' | 'port' | Condition> & { hints: Hints }) {
    this.address = endpoint.address;
    this.port = endpoint.port;
    this.#bits = conditions.reduce((bits, name, i) => bits | (endpoint[name] ? 1 << i : 0), 0);
    this.#hints = endpoint.hints;
  }

  get ip(): Ip {
    return parseIp(this.address);
  }

  get family(): Family {
    return this.address.includes(':') ? 6 : 4;
  }

  get ready(): boolean {
    return (this.#bits & 1) !== 0;
  }

  get serving(): boolean {
    return (this.#bits & 2) !== 0;
  }

  get terminating(): boolean {
    return (this.#bits & 4) !== 0;
  }

  get local(): boolean {
    return (this.#bits & 8) !== 0;
  }

  get onNode(): boolean {
    return (this.#bits & 16) !== 0;
  }

  get forZones(): readonly string[] {
    return this.#hints.zones;
  }

  get forNodes(): readonly string[] {
    return this.#hints.nodes;
  }
}

/** Each is the bit of its place. */
const conditions = ['ready', 'serving', 'terminating', 'local', 'onNode'] as const;
type Condition = (typeof conditions)[number];
