/**
 * Another service proxy on the node: what kube-proxy's connections and rules leave in the kernel when Tendril takes its
 * place, and whether it is back, as an upgrade by kubeadm brings it. What is looked at needs no more rights than the agent
 * has; it is looked at again every minute.
 */
import type { Store } from '../kube/client/store.ts';
import type { Service } from '../kube/types.ts';
import type { TranslatedConnection } from '../linux/conntrack/conntrack.ts';
import type { RouteNetlink } from '../linux/netlink/route-netlink.ts';
import type { Nftables } from '../linux/nftables/nftables.ts';
import { parseRuleset } from '../linux/nftables/ruleset.ts';
import { formatIp } from '../net/ip.ts';
import { BoundedRunner } from '../util/bounded-runner.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';

/** What the kernel tells of others; tests give another. */
export interface OtherProxyKernel {
  /** Connections of the node's namespace whose destination the kernel translates. */
  translated(): Promise<TranslatedConnection[]>;
  /** Connections that IPVS sends on, which translates without conntrack's knowing. */
  viaIpvs(): number;
  /** TCP ports that somebody listens on. */
  listening(): number[];
}

export interface OtherProxyStatus {
  /** kube-proxy's process answers on this node. */
  runs: boolean;
  /** What of its rules is in the kernel: `table ip kube-proxy`, `interface kube-ipvs0`. */
  rules: string[];
  /** To Services, translated by the kernel. */
  connections: number;
}

export interface OtherProxyOptions {
  kernel: OtherProxyKernel;
  nftables: Pick<Nftables, 'tables' | 'describe'>;
  netlink: Pick<RouteNetlink, 'link'>;
  services: Pick<Store<Service>, 'hasSynced' | 'list'>;
  /** Whether connections go on that are not ours is another matter than before. */
  onChange: () => void;
  logger: Logger;
  clock: Clock;
}

/** kube-proxy's metricsBindAddress unless it is configured. */
const metricsPort = 10_249;
const dummyLink = 'kube-ipvs0';
const everyMs = 60_000;

export class OtherProxy {
  readonly #options: OtherProxyOptions;
  readonly #runner: BoundedRunner;
  #status: OtherProxyStatus = { runs: false, rules: [], connections: 0 };
  #firstFailed = false;
  #cancel = () => {};

  constructor(options: OtherProxyOptions) {
    this.#options = options;
    const { clock } = options;
    this.#runner = new BoundedRunner({
      run: () => this.look(),
      minIntervalMs: 1000,
      onError: (error) => this.#cannotSee(error),
      clock,
    });
  }

  /**
   * Before the datapath is attached, which leaves alone what began before. Never fails: a kernel that does not tell of its
   * connections, or rules that go while they are read, keep no node from its Services. `start` tries again then.
   */
  async lookFirst(): Promise<void> {
    try {
      await this.look();
    } catch (error) {
      this.#cannotSee(error);
      this.#firstFailed = true;
    }
  }

  /** @throws TendrilError where the kernel does not tell */
  async look(): Promise<void> {
    const { kernel, netlink } = this.#options;
    const before = this.#status;
    const viaIpvs = netlink.link(dummyLink) !== undefined;
    const connections = (await this.#connections()) + (viaIpvs ? kernel.viaIpvs() : 0);
    // Known from now on, whatever becomes of the rest.
    this.#status = { ...before, connections };
    if (connections > 0 !== before.connections > 0) this.#options.onChange();
    const rules = await this.#rules();
    if (viaIpvs) rules.push(`interface ${dummyLink}`);
    this.#status = { runs: kernel.listening().includes(metricsPort), rules, connections };
    this.#tell(before);
  }

  #cannotSee(error: unknown): void {
    this.#options.logger.warn('cannot see whether another proxy serves the node', { error });
  }

  start(): void {
    if (this.#firstFailed) this.#runner.request();
    this.#firstFailed = false;
    this.#cancel = this.#options.clock.after(everyMs, () => {
      this.#runner.request();
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
    this.#runner.stop();
  }

  status(): OtherProxyStatus {
    return this.#status;
  }

  /** Of Services, once they are known: a host port's connections are nobody's that will be gone. */
  async #connections(): Promise<number> {
    const { kernel, services } = this.#options;
    const all = await kernel.translated();
    if (all.length === 0 || !services.hasSynced) return all.length;
    const isServed = servedBy(services.list());
    return all.filter(isServed).length;
  }

  /** Chains of iptables (its nft variant) are in tables that everybody uses; kube-proxy's canary is in mangle. */
  async #rules(): Promise<string[]> {
    const { nftables } = this.#options;
    const tables = await nftables.tables(undefined);
    const found = tables.filter((table) => /^ip6? kube-proxy$/.test(table)).map((table) => `table ${table}`);
    for (const table of tables.filter((each) => /^ip6? mangle$/.test(each))) {
      const { chains } = parseRuleset(await nftables.describe(undefined, table));
      if (chains.some(({ name }) => name === canary)) found.push(`chain ${table} ${canary}`);
    }
    return found;
  }

  /** Once for each change: a network that two proxies serve works, until their views differ. */
  #tell(before: OtherProxyStatus): void {
    const { logger } = this.#options;
    const now = this.#status;
    if (now.runs && !before.runs)
      logger.warn('kube-proxy runs on this node beside Tendril, which serves all Services', {
        rules: now.rules,
        remedy: 'remove its DaemonSet, then its rules: tendril install --replace-kube-proxy',
      });
    if (!now.runs && before.runs) logger.info('kube-proxy does not run on this node any more');
  }
}

const canary = 'KUBE-PROXY-CANARY';

const protocols: Record<number, string> = { 6: 'TCP', 17: 'UDP', 132: 'SCTP' };

/** Whether the client asked for a Service: an address of one, or a NodePort. Pure. */
export function servedBy(services: readonly Service[]): (connection: TranslatedConnection) => boolean {
  const addresses = new Set<string>();
  const nodePorts = new Set<string>();
  for (const { spec, status } of services) {
    const ingress = status?.loadBalancer?.ingress ?? [];
    for (const ip of [
      ...(spec?.clusterIPs ?? []),
      ...(spec?.externalIPs ?? []),
      ...ingress.map((each) => each.ip),
    ])
      if (ip) addresses.add(ip);
    for (const { nodePort, protocol = 'TCP' } of spec?.ports ?? [])
      if (nodePort) nodePorts.add(`${protocol} ${nodePort}`);
  }
  return ({ original }) =>
    addresses.has(formatIp(original.destination)) ||
    nodePorts.has(`${protocols[original.protocol]} ${original.destinationPort}`);
}
