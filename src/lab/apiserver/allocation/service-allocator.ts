/**
 * Gives Services their cluster IPs, node ports and health check ports. What is taken is known from the stored
 * Services alone, so a refused write or a dry run leaves nothing behind and a deletion frees everything.
 */
import { keyOf } from '../../../kube/meta.ts';
import { parseCidr } from '../../../net/cidr.ts';
import { formatIp, parseIp } from '../../../net/ip.ts';
import type { PortRange } from '../../../net/ports.ts';
import type { JsonObject } from '../json.ts';
import type { Storage, StorageEvent } from '../storage/storage.ts';
import { type FieldError, invalidValue } from '../validation/field-error.ts';
import { Cursor } from './address-pool.ts';
import type { IpFamily } from './cluster-ip-fields.ts';
import { keepClusterIps, normalizeClusterIps, settleIpFamilies } from './ip-families.ts';
import { ipAddressCollection, ServiceCidrs } from './service-cidrs.ts';

/** A requested address is stored as it was written; it is the same one however it was. */
const canonical = (ip: string): string => formatIp(parseIp(ip));

const wantsNodePorts = (spec: JsonObject): boolean =>
  spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);

const wantsHealthCheckPort = (spec: JsonObject): boolean =>
  spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';

export class ServiceAllocator {
  readonly #families: IpFamily[];
  readonly #cidrs: ServiceCidrs;
  readonly #portRange: PortRange;
  readonly #ports: Cursor;
  /** By address and by port: the key of the Service that has it. */
  readonly #usedIps = new Map<string, string>();
  readonly #usedPorts = new Map<number, string>();
  readonly #listeners = new Set<(ip: string) => void>();
  #storage: Storage | undefined;

  constructor(options: { serviceCidrs: string[]; nodePortRange: PortRange }) {
    this.#families = options.serviceCidrs.map((text) => (parseCidr(text).ip.family === 4 ? 'IPv4' : 'IPv6'));
    this.#cidrs = new ServiceCidrs(options.serviceCidrs);
    this.#portRange = options.nodePortRange;
    const { first, last } = options.nodePortRange;
    this.#ports = new Cursor(BigInt(first), BigInt(last), BigInt(first));
  }

  /** The cluster's families, primary first. */
  get families(): readonly IpFamily[] {
    return this.#families;
  }

  /** Addresses that Services have, in their canonical form. */
  addresses(): Iterable<string> {
    return this.#usedIps.keys();
  }

  /** The key of the Service that has the address. */
  ownerOf(ip: string): string | undefined {
    return this.#usedIps.get(ip);
  }

  /** Calls back with each address that a Service gets or gives back; the result ends it. */
  onChange(changed: (ip: string) => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  /** Follows the stored Services, ServiceCIDRs and IPAddresses. */
  attach(storage: Storage): void {
    this.#storage = storage;
    this.#cidrs.attach(storage);
    for (const service of storage.list('/services')) this.#mark(service, keyOf(service));
    storage.watch('/services', storage.revision, (event) => this.#follow(event));
  }

  /** Fills in clusterIPs, node ports and what belongs to them; errors where a requested one cannot be had. */
  allocate(next: JsonObject, old: JsonObject | undefined): FieldError[] {
    const spec = next.spec as JsonObject;
    const before = old?.spec as JsonObject | undefined;
    const key = `${next.metadata.namespace}/${next.metadata.name}`;
    keepClusterIps(spec, before);
    normalizeClusterIps(spec, before);
    if (spec.type === 'ExternalName') return [];
    const errors = settleIpFamilies(spec, before, this.#families);
    if (errors.length > 0) return errors;
    return [
      ...this.#allocateIps(spec, key),
      ...this.#allocateNodePorts(spec, before, key),
      ...this.#allocateHealthCheckPort(spec, before, key),
    ];
  }

  #allocateIps(spec: JsonObject, key: string): FieldError[] {
    if (spec.clusterIPs?.[0] === 'None') {
      spec.clusterIP = 'None';
      spec.clusterIPs = ['None'];
      return [];
    }
    const ips = [...(spec.clusterIPs ?? [])] as string[];
    for (const [i, family] of (spec.ipFamilies as IpFamily[]).entries()) {
      const why = ips[i] ? this.#refuse(ips[i], key) : this.#giveIp(ips, i, family);
      if (why !== undefined) return [invalidValue('spec.clusterIPs', ips, why)];
    }
    spec.clusterIPs = ips;
    spec.clusterIP = ips[0];
    return [];
  }

  #refuse(text: string, key: string): string | undefined {
    const asked = `failed to allocate IP ${text}: `;
    const ip = parseIp(text);
    const pool = this.#cidrs.holding(ip);
    if (this.#usedIps.get(canonical(text)) === key) return undefined;
    if (pool === undefined) return `${asked}the provided network does not match the current range`;
    if (!pool.canGive(ip))
      return `${asked}the provided IP (${text}) is not in the valid range. The range of valid IPs is ${pool}`;
    return this.#isTaken(canonical(text)) ? `${asked}provided IP is already allocated` : undefined;
  }

  #giveIp(ips: string[], i: number, family: IpFamily): string | undefined {
    for (const pool of this.#cidrs.ofFamily(family)) {
      const ip = pool.take((text) => this.#isTaken(text));
      if (ip === undefined) continue;
      ips[i] = ip;
      return undefined;
    }
    return 'failed to allocate a serviceIP: range is full';
  }

  /** By a Service, or by an IPAddress that somebody made for another purpose. */
  #isTaken(ip: string): boolean {
    return this.#usedIps.has(ip) || this.#storage?.get(ipAddressCollection, ip) !== undefined;
  }

  #allocateNodePorts(spec: JsonObject, before: JsonObject | undefined, key: string): FieldError[] {
    if (!wantsNodePorts(spec)) return spec.type === 'LoadBalancer' ? this.#checkNodePorts(spec, key) : [];
    const kept = before !== undefined && wantsNodePorts(before) ? ((before.ports ?? []) as JsonObject[]) : [];
    const ports = (spec.ports ?? []) as JsonObject[];
    const given = new Set(ports.map((p) => p.nodePort).filter(Boolean) as number[]);
    for (const port of ports) {
      if (port.nodePort) continue;
      const old = kept.find((p) => (p.name ?? '') === (port.name ?? ''))?.nodePort;
      // A new Service has one number for both protocols of a port, as DNS has it.
      const twin = before === undefined ? ports.find((p) => p.nodePort && p.port === port.port) : undefined;
      port.nodePort = (given.has(old) ? undefined : old) ?? twin?.nodePort ?? this.#givePort(given);
      if (port.nodePort === undefined) {
        return [invalidValue('spec.ports', port.port, 'failed to allocate a nodePort: range is full')];
      }
      given.add(port.nodePort);
    }
    return this.#checkNodePorts(spec, key);
  }

  #checkNodePorts(spec: JsonObject, key: string): FieldError[] {
    return ((spec.ports ?? []) as JsonObject[]).flatMap((port, i) =>
      port.nodePort ? this.#refusePort(port.nodePort, `spec.ports[${i}].nodePort`, key) : [],
    );
  }

  #givePort(given: ReadonlySet<number>): number | undefined {
    const port = this.#ports.take((n) => this.#usedPorts.has(Number(n)) || given.has(Number(n)));
    return port === undefined ? undefined : Number(port);
  }

  #refusePort(port: number, field: string, key: string): FieldError[] {
    const { first, last } = this.#portRange;
    const range = `provided port is not in the valid range. The range of valid ports is ${first}-${last}`;
    if (port < first || port > last) return [invalidValue(field, port, range)];
    const holder = this.#usedPorts.get(port);
    return holder === undefined || holder === key
      ? []
      : [invalidValue(field, port, 'provided port is already allocated')];
  }

  #allocateHealthCheckPort(spec: JsonObject, before: JsonObject | undefined, key: string): FieldError[] {
    if (!wantsHealthCheckPort(spec)) return [];
    const nodePorts = new Set(((spec.ports ?? []) as JsonObject[]).map((p) => p.nodePort as number));
    spec.healthCheckNodePort ||= before?.healthCheckNodePort || this.#givePort(nodePorts);
    return this.#refusePort(spec.healthCheckNodePort, 'spec.healthCheckNodePort', key);
  }

  #follow(event: StorageEvent): void {
    const key = keyOf(event.object);
    if (event.previous !== undefined) this.#mark(event.previous as JsonObject, undefined);
    if (event.type !== 'DELETED') this.#mark(event.object as JsonObject, key);
  }

  #mark(service: JsonObject, key: string | undefined): void {
    const { clusterIPs = [], ports = [], healthCheckNodePort } = service.spec ?? {};
    const nodePorts = [...ports.map((p: JsonObject) => p.nodePort), healthCheckNodePort].filter(Boolean);
    for (const ip of clusterIPs) {
      if (ip === 'None') continue;
      if (key === undefined) this.#usedIps.delete(canonical(ip));
      else this.#usedIps.set(canonical(ip), key);
      for (const changed of this.#listeners) changed(canonical(ip));
    }
    for (const port of nodePorts) {
      if (key === undefined) this.#usedPorts.delete(port);
      else this.#usedPorts.set(port, key);
    }
  }
}
