/**
 * The healthCheckNodePorts of this node: one port for each Service that asks for it, on which a load balancer learns
 * whether the node has ready endpoints of it, as from kube-proxy (pkg/proxy/healthcheck, ServiceHealthServer).
 */
import type { Family } from '../../net/ip.ts';
import { describeError } from '../../util/errors.ts';
import type { HealthCheck } from '../model/service-state.ts';
import type { Answer, OpenPort, PortAddress } from './http-port.ts';

export interface ServiceHealthPortsOptions {
  openPort: OpenPort;
  /** Addresses of a family on which the node answers. */
  addresses(family: Family): readonly PortAddress[];
  /** Services are kept up with. */
  isHealthy(): boolean;
  /** Told once of each failure, until it is another one. */
  onFailure(service: string, error: unknown): void;
}

interface Open {
  where: string;
  check: HealthCheck;
  port: AsyncDisposable;
}

export class ServiceHealthPorts {
  readonly #options: ServiceHealthPortsOptions;
  readonly #open = new Map<string, Open>();
  readonly #problems = new Map<string, string>();

  constructor(options: ServiceHealthPortsOptions) {
    this.#options = options;
  }

  /** What cannot be opened is a problem until it can; the others are open then. Calls must not overlap. */
  async sync(checks: ReadonlyMap<string, HealthCheck>): Promise<void> {
    for (const [service, { where }] of this.#open)
      if (where !== this.#whereOf(checks.get(service))) await this.#close(service);
    for (const service of this.#problems.keys()) if (!checks.has(service)) this.#problems.delete(service);
    for (const [service, check] of checks) {
      const open = this.#open.get(service);
      if (open === undefined) await this.#tryOpen(service, check);
      else open.check = check;
    }
  }

  /** Messages by Service. */
  problems(): ReadonlyMap<string, string> {
    return this.#problems;
  }

  async close(): Promise<void> {
    for (const service of [...this.#open.keys()]) await this.#close(service);
  }

  async #close(service: string): Promise<void> {
    const open = this.#open.get(service);
    this.#open.delete(service);
    await open?.port[Symbol.asyncDispose]();
  }

  async #tryOpen(service: string, check: HealthCheck): Promise<void> {
    const at = { port: check.port, addresses: this.#addressesOf(check) };
    try {
      const port = await this.#options.openPort(at, ({ family }) => this.#answer(service, family));
      this.#open.set(service, { where: this.#whereOf(check), check, port });
      this.#problems.delete(service);
    } catch (error) {
      const problem = describeError(error);
      if (this.#problems.get(service) !== problem) this.#options.onFailure(service, error);
      this.#problems.set(service, problem);
    }
  }

  #answer(service: string, family: Family): Answer {
    const count = this.#open.get(service)?.check.localEndpoints[family] ?? 0;
    const healthy = this.#options.isHealthy();
    const [namespace, name] = service.split('/');
    const body = { service: { namespace, name }, localEndpoints: count, serviceProxyHealthy: healthy };
    return {
      ok: count > 0 && healthy,
      headers: { 'X-Load-Balancing-Endpoint-Weight': String(count) },
      body: JSON.stringify(body, undefined, '\t'),
    };
  }

  #addressesOf({ families }: HealthCheck): PortAddress[] {
    return families.flatMap((family) => this.#options.addresses(family));
  }

  #whereOf(check: HealthCheck | undefined): string {
    if (check === undefined) return '';
    return [check.port, ...this.#addressesOf(check).map(({ host }) => host)].join();
  }
}
