/**
 * The state of all Services as one node should serve them: what backends are given. Values are frozen and
 * replaced, never changed: a port whose object is the same as before has not changed.
 */
import type { Cidr } from '../../net/cidr.ts';
import type { Family, Ip } from '../../net/ip.ts';
import type {
  ClusterIps,
  FrontendKind,
  HealthCheckPort,
  ServicePortName,
  ServicePortSpec,
} from './service-port.ts';
import type { EndpointChoice } from './topology.ts';

export interface ServicePortState extends ServicePortSpec {
  /** By family: a frontend is served by endpoints of its own. */
  readonly endpoints: Readonly<Record<Family, EndpointChoice>>;
}

/** The endpoints of both families: as an object with these numbers for keys it would be four times as large. */
export class EndpointsByFamily implements Readonly<Record<Family, EndpointChoice>> {
  readonly #ipv4: EndpointChoice;
  readonly #ipv6: EndpointChoice;

  constructor(choose: (family: Family) => EndpointChoice) {
    this.#ipv4 = choose(4);
    this.#ipv6 = choose(6);
  }

  get 4(): EndpointChoice {
    return this.#ipv4;
  }

  get 6(): EndpointChoice {
    return this.#ipv6;
  }
}

export interface ServiceState {
  readonly ports: ReadonlyMap<ServicePortName, ServicePortState>;
  /** By `namespace/name`: a ClusterIP refuses what none of its ports serves. */
  readonly clusterIps: ReadonlyMap<ServiceName, ClusterIps>;
  /** Addresses that can only be Services': what goes to one that none has is dropped. */
  readonly serviceCidrs: readonly Cidr[];
  /** By `namespace/name`; of a Service of type LoadBalancer whose externalTrafficPolicy is Local. */
  readonly healthChecks: ReadonlyMap<string, HealthCheck>;
  /** The node's own addresses, the first of each family being the source of translated connections. */
  readonly nodeAddresses: readonly Ip[];
  /** Some port asks for the way from socket to socket. */
  readonly shortcuts: boolean;
  /** Unlike that of every other state of this process. */
  readonly version: number;
  /**
   * What differs from the state of the version `since`: a backend that serves that one need look at nothing else.
   * Every backend may ignore it and compare whole states.
   */
  readonly changes: {
    readonly since: number;
    readonly ports: ReadonlySet<ServicePortName>;
    /** Those whose ClusterIPs changed. */
    readonly clusterIps: ReadonlySet<ServiceName>;
  };
}

/** `namespace/name`, which is no port's name. */
export type ServiceName = string;

/** What a load balancer learns of this node, asking on a Service's healthCheckNodePort. */
export interface HealthCheck extends HealthCheckPort {
  /** Ready endpoints on this node, by family. */
  readonly localEndpoints: Readonly<Record<Family, number>>;
}

export type Scope = 'cluster' | 'local';

/** Which endpoints a frontend gives to clients of this node's own pods and processes, and to all others. */
export function scopesOf(
  port: ServicePortState | ServicePortSpec,
  kind: FrontendKind,
): { internal: Scope; external: Scope } {
  const internalPolicy: Scope = port.internalPolicy === 'Local' ? 'local' : 'cluster';
  if (kind === 'ClusterIP') return { internal: internalPolicy, external: internalPolicy };
  // An external policy is for outsiders: the node's own clients short-cut to all endpoints, as in kube-proxy.
  return { internal: 'cluster', external: port.externalPolicy === 'Local' ? 'local' : 'cluster' };
}
