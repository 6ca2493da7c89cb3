/**
 * Joins Services and EndpointSlices to a ServiceState. Events mark a Service dirty and no more; `update` derives
 * its ports anew from what the stores hold then. Ports that come out the same keep their object.
 */
import type { Store } from '../../kube/client/store.ts';
import { keyOf } from '../../kube/meta.ts';
import type { EndpointSlice, Namespace, Service } from '../../kube/types.ts';
import { type Cidr, formatCidr } from '../../net/cidr.ts';
import { formatIp, type Ip } from '../../net/ip.ts';
import { type Endpoint, endpointKey, endpointsByPort, readyHere, serviceOf } from './endpoint.ts';
import { allNodePortAddresses, type NodePortSelection, nodePortAddresses } from './node-port-addresses.ts';
import {
  type ClusterIps,
  clusterIpsOf,
  healthCheckPort,
  type ServicePortName,
  type ServicePortSpec,
  servicePorts,
  shortcutOf,
} from './service-port.ts';
import {
  EndpointsByFamily,
  type HealthCheck,
  type ServiceName,
  type ServicePortState,
  type ServiceState,
} from './service-state.ts';
import { chooseEndpoints, type NodeTopology } from './topology.ts';

const sliceIndex = 'service-proxy.service';

export interface TrackerOptions {
  services: Store<Service>;
  slices: Store<EndpointSlice>;
  /** What they say holds for their Services as soon as it is known: Services do not wait for it. */
  namespaces?: Store<Namespace> | undefined;
  node: NodeTopology & { addresses(): readonly Ip[] };
  /** All of the node's unless given. */
  nodePortAddresses?: NodePortSelection | undefined;
  /** Asked with every update; none unless given. */
  serviceCidrs?: (() => readonly Cidr[]) | undefined;
  /** Something changed: call `update` soon. */
  onDirty(): void;
}

export class ServiceTracker {
  /** Versions are never used twice in a process: a backend may see states of two trackers. */
  static #lastVersion = 0;
  readonly #options: TrackerOptions;
  readonly #unsubscribe: (() => void)[];
  #failure: unknown;
  readonly #dirty = new Set<string>();
  #ports = new Map<ServicePortName, ServicePortState>();
  /** Port names by Service, to find those that are gone. */
  readonly #byService = new Map<string, ServicePortName[]>();
  readonly #clusterIps = new Map<ServiceName, ClusterIps>();
  readonly #healthChecks = new Map<string, HealthCheck>();
  /** What of the node every Service depends on: addresses and zone. */
  #place = '';
  #version = 0;
  #changed = { ports: new Set<ServicePortName>(), clusterIps: new Set<ServiceName>() };
  readonly #shortcuts = new Set<ServicePortName>();

  constructor(options: TrackerOptions) {
    this.#options = options;
    const { services, slices } = options;
    slices.addIndex(sliceIndex, (slice) => {
      const service = serviceOf(slice);
      return service === undefined ? [] : [service];
    });
    for (const service of services.list()) this.#dirty.add(keyOf(service));
    this.#unsubscribe = [
      services.onChange((change) => this.#mark(keyOf((change.new ?? change.old)!))),
      slices.onChange((change) => {
        if (change.old) this.#mark(serviceOf(change.old));
        if (change.new) this.#mark(serviceOf(change.new));
      }),
      ...(options.namespaces ? [options.namespaces.onChange((change) => this.#markNamespace(change))] : []),
    ];
  }

  /** Everything is looked at again with the next update, as after a change of the node's addresses. */
  markAll(): void {
    for (const service of this.#options.services.list()) this.#dirty.add(keyOf(service));
    for (const service of this.#byService.keys()) this.#dirty.add(service);
    this.#options.onDirty();
  }

  /** Brings the state up to date; `breathe` is awaited between Services so that no stretch is long. */
  async update(breathe: () => Promise<void> | undefined): Promise<ServiceState> {
    const nodeAddresses = [...this.#options.node.addresses()];
    const place = [this.#options.node.zone, ...nodeAddresses.map(formatIp)].join();
    if (place !== this.#place) this.markAll();
    this.#place = place;
    for (const service of [...this.#dirty]) {
      this.#take(service, nodeAddresses);
      await breathe();
    }
    const changes = { since: this.#version, ...this.#changed };
    this.#version = ++ServiceTracker.#lastVersion;
    this.#changed = { ports: new Set(), clusterIps: new Set() };
    return {
      ports: this.#ports,
      clusterIps: this.#clusterIps,
      serviceCidrs: this.#options.serviceCidrs?.() ?? [],
      healthChecks: this.#healthChecks,
      nodeAddresses,
      shortcuts: this.#shortcuts.size > 0,
      version: this.#version,
      changes,
    };
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  /** One that cannot be derived stays dirty, and as it was: the next update tries again, and others need not wait for it. */
  #take(service: string, nodeAddresses: readonly Ip[]): void {
    this.#dirty.delete(service);
    try {
      this.#derive(service, nodeAddresses);
    } catch (error) {
      this.#dirty.add(service);
      this.#failure ??= error;
    }
  }

  /** Why a Service of the last update could not be derived; undefined where all could. */
  takeFailure(): unknown {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }

  #mark(service: string | undefined): void {
    if (service === undefined) return;
    this.#dirty.add(service);
    this.#options.onDirty();
  }

  #markNamespace({ old, new: now }: { old?: Namespace; new?: Namespace }): void {
    if ((old && shortcutOf(old)) === (now && shortcutOf(now))) return;
    const name = (now ?? old)!.metadata.name;
    for (const service of this.#options.services.list())
      if (service.metadata.namespace === name) this.#mark(keyOf(service));
  }

  #derive(key: string, nodeAddresses: readonly Ip[]): void {
    const { services, slices, namespaces, node } = this.#options;
    const service = services.get(key);
    const namespace = service && namespaces?.get(service.metadata.namespace!);
    const inNamespace = { shortcut: namespace && shortcutOf(namespace) };
    const selection = this.#options.nodePortAddresses ?? allNodePortAddresses;
    const nodePorts = nodePortAddresses(selection, nodeAddresses);
    const specs = service ? servicePorts(service, nodePorts, inNamespace) : [];
    const wanted = new Set(specs.map((spec) => spec.name));
    const endpoints =
      specs.length > 0 ? endpointsByPort(slices.byIndex(sliceIndex, key), node.name, wanted) : undefined;
    const healthCheck = service && healthCheckPort(service);
    if (healthCheck === undefined) this.#healthChecks.delete(key);
    else this.#healthChecks.set(key, { ...healthCheck, localEndpoints: readyHere(endpoints!) });
    this.#replaceClusterIps(key, service && clusterIpsOf(service));
    const names = specs.map((spec) => spec.name);
    for (const name of this.#byService.get(key) ?? []) if (!names.includes(name)) this.#remove(name);
    if (names.length > 0) this.#byService.set(key, names);
    else this.#byService.delete(key);
    for (const spec of specs) this.#replace(portState(spec, endpoints!.get(spec.name) ?? [], node));
  }

  #replaceClusterIps(service: ServiceName, after: ClusterIps | undefined): void {
    const text = (of: ClusterIps | undefined) => of && `${of.ours} ${of.ips.map(formatIp)}`;
    if (text(this.#clusterIps.get(service)) === text(after)) return;
    if (after === undefined) this.#clusterIps.delete(service);
    else this.#clusterIps.set(service, after);
    this.#changed.clusterIps.add(service);
  }

  #remove(name: ServicePortName): void {
    this.#ports.delete(name);
    this.#shortcuts.delete(name);
    this.#changed.ports.add(name);
  }

  #replace(state: ServicePortState): void {
    const before = this.#ports.get(state.name);
    if (before !== undefined && fingerprint(before) === fingerprint(state)) return;
    this.#ports.set(state.name, state);
    if (state.shortcut) this.#shortcuts.add(state.name);
    else this.#shortcuts.delete(state.name);
    this.#changed.ports.add(state.name);
  }
}

function portState(
  spec: ServicePortSpec,
  endpoints: readonly Endpoint[],
  node: NodeTopology,
): ServicePortState {
  const choose = (family: 4 | 6) =>
    chooseEndpoints(
      endpoints.filter((endpoint) => endpoint.family === family),
      node,
      spec,
    );
  return Object.freeze({ ...spec, endpoints: new EndpointsByFamily(choose) });
}

/** Equal for states that no datapath can tell apart. */
function fingerprint(state: ServicePortState): string {
  const endpoints = ([4, 6] as const).map((family) => {
    const { cluster, local, held, direct = [], any } = state.endpoints[family];
    const side = (list: readonly Endpoint[]) =>
      list
        .map((e) => `${endpointKey(e)}${e.local ? 'L' : e.onNode ? '' : 'N'}${e.terminating ? 'T' : ''}`)
        .join();
    return `${side(cluster)};${side(local)};${side(held)};${side(direct)};${any}`;
  });
  const frontends = state.frontends.map(
    (f) => `${f.kind}${formatIp(f.ip)}|${f.port}${f.sourceRanges.map(formatCidr)}`,
  );
  const { internalPolicy, externalPolicy, affinitySeconds, maglev, dsr, shortcut } = state;
  const rules = [internalPolicy, externalPolicy, affinitySeconds, maglev, dsr, shortcut];
  return [endpoints, frontends, ...rules].join('/');
}
