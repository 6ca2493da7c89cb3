/**
 * What others ask this node's Services: load balancers on healthCheckNodePorts, and on /healthz and /livez of a port of
 * its own (10256 as kube-proxy's) whether new connections should come here.
 *
 * A port that is taken is a problem in the status and tried again; nothing else waits for it.
 */

import type { Node } from '../../kube/types.ts';
import { type Family, formatIp, type Ip } from '../../net/ip.ts';
import { BoundedRunner } from '../../util/bounded-runner.ts';
import type { Clock } from '../../util/clock.ts';
import { describeError } from '../../util/errors.ts';
import type { Logger } from '../../util/logger.ts';
import { type NodePortSelection, nodePortAddresses, selectsAll } from '../model/node-port-addresses.ts';
import type { HealthCheck, ServiceState } from '../model/service-state.ts';
import { type Answer, type OpenPort, openPort, type PortAddress } from './http-port.ts';
import { ProxyHealth } from './proxy-health.ts';
import { ServiceHealthPorts } from './service-health-ports.ts';

export interface ServiceHealthOptions {
  /** Of /healthz and /livez. */
  port: number;
  /** Of the cluster's Services. */
  families: readonly Family[];
  node: {
    addresses(): readonly Ip[];
    /** The own Node object; `unknown` while the API has not told of it. */
    object(): Node | undefined | 'unknown';
  };
  nodePortAddresses: NodePortSelection;
  /** A Service's healthCheckNodePort cannot be opened: for its events. */
  onFailure?: (service: string, message: string) => void;
  clock: Clock;
  logger: Logger;
  openPort?: OpenPort;
}

/** Told by the proxy of every change, and of every state that is in the kernel. */
export interface HealthListener {
  queued(): void;
  updated(state: ServiceState): void;
}

export interface ServiceHealth extends HealthListener, AsyncDisposable {
  start(): void;
  status(): { healthy: boolean; problems: readonly string[] };
}

/** kube-proxy's sync period: as often it tries a port that is taken. */
const retryMs = 30_000;
/** The cluster autoscaler's, before it deletes a node. */
const toBeDeletedTaint = 'ToBeDeletedByClusterAutoscaler';

export function createServiceHealth(options: ServiceHealthOptions): ServiceHealth {
  return new NodeServiceHealth(options);
}

/** Whether load balancers may send new connections here: not to a node that is deleted or about to be. */
export function isEligible(node: Node | undefined | 'unknown'): boolean {
  // An agent that starts while the API is away serves what the kernel holds.
  if (node === 'unknown') return true;
  if (node === undefined || node.metadata.deletionTimestamp !== undefined) return false;
  return !(node.spec?.taints ?? []).some(({ key }) => key === toBeDeletedTaint);
}

class NodeServiceHealth implements ServiceHealth {
  readonly #options: ServiceHealthOptions;
  readonly #open: OpenPort;
  readonly #health: ProxyHealth;
  readonly #ports: ServiceHealthPorts;
  readonly #runner: BoundedRunner;
  #checks: ReadonlyMap<string, HealthCheck> = new Map();
  #nodePort: AsyncDisposable | undefined;
  #nodeProblem: string | undefined;
  #cancelRetry = () => {};

  constructor(options: ServiceHealthOptions) {
    this.#options = options;
    this.#open = options.openPort ?? openPort;
    this.#health = new ProxyHealth(options);
    this.#ports = new ServiceHealthPorts({
      openPort: this.#open,
      addresses: (family) => this.#addresses(family),
      isHealthy: () => this.#health.isHealthy(),
      onFailure: (service, error) => {
        options.logger.error('a Service’s health check cannot be answered', { service, error });
        options.onFailure?.(service, describeError(error));
      },
    });
    this.#runner = new BoundedRunner({
      run: () => this.#sync(),
      clock: options.clock,
      onError: (error) => options.logger.error('health checks cannot be answered; trying again', { error }),
    });
  }

  start(): void {
    this.#runner.request();
  }

  queued(): void {
    this.#health.queued();
  }

  updated(state: ServiceState): void {
    this.#health.updated();
    // The state's map goes on with the next one.
    this.#checks = new Map(state.healthChecks);
    this.#runner.request();
  }

  status(): { healthy: boolean; problems: readonly string[] } {
    const services = [...this.#ports.problems()].map(([service, problem]) => `${service}: ${problem}`);
    return {
      healthy: this.#health.isHealthy(),
      problems: this.#nodeProblem === undefined ? services : [this.#nodeProblem, ...services],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancelRetry();
    this.#runner.stop();
    await this.#runner.idle();
    this.#cancelRetry();
    await this.#nodePort?.[Symbol.asyncDispose]();
    await this.#ports.close();
  }

  async #sync(): Promise<void> {
    this.#cancelRetry();
    await this.#openNodePort();
    await this.#ports.sync(this.#checks);
    if (this.status().problems.length > 0)
      this.#cancelRetry = this.#options.clock.after(retryMs, () => this.#runner.request());
  }

  async #openNodePort(): Promise<void> {
    const { port, families, logger } = this.#options;
    if (this.#nodePort !== undefined) return;
    const addresses = families.map((family) => ({ family, host: anyAddress[family] }));
    try {
      this.#nodePort = await this.#open({ port, addresses }, ({ path }) => this.#answer(path));
      this.#nodeProblem = undefined;
    } catch (error) {
      if (this.#nodeProblem === undefined) logger.error('the node’s health cannot be asked for', { error });
      this.#nodeProblem = describeError(error);
    }
  }

  #answer(path: string): Answer {
    if (path !== '/healthz' && path !== '/livez') return { ok: false, body: undefined };
    const eligible = path === '/healthz' ? isEligible(this.#options.node.object()) : undefined;
    const { ok, body } = this.#health.report(eligible);
    return { ok, body: JSON.stringify(body) };
  }

  #addresses(family: Family): PortAddress[] {
    const { nodePortAddresses: selection, node } = this.#options;
    if (selectsAll(selection, family)) return [{ family, host: anyAddress[family] }];
    return nodePortAddresses(selection, node.addresses())
      .filter((ip) => ip.family === family)
      .map((ip) => ({ family, host: formatIp(ip) }));
  }
}

const anyAddress = { 4: '0.0.0.0', 6: '::' } as const;
