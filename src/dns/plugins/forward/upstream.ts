/** One server that queries are forwarded to: how it is asked, and whether it is well. */
import { randomInt } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Clock } from '../../../util/clock.ts';
import { recordTypes } from '../../message/constants.ts';
import { type Message, newQuery } from '../../message/message.ts';
import { overUdp, type Target } from './exchange.ts';
import type { ForwardMetrics } from './forward-metrics.ts';
import type { ForwardOptions } from './options.ts';
import { StreamPool } from './stream-pool.ts';
import type { UpstreamAddress } from './upstream-address.ts';

export type UpstreamProtocol = 'udp' | 'tcp';

export interface UpstreamContext {
  clock: Pick<Clock, 'after' | 'monotonic'>;
  metrics: ForwardMetrics;
}

/** How long a health check waits for its reply. */
const checkTimeoutMs = 1000;

export class Upstream {
  /** As metrics and `forward/upstream` name it: `10.0.0.1:53`, `[::1]:53`. */
  readonly label: string;
  readonly #address: UpstreamAddress;
  readonly #target: Target;
  readonly #options: ForwardOptions;
  readonly #context: UpstreamContext;
  readonly #streams: StreamPool;
  /** Health checks that have failed in a row. */
  #fails = 0;
  #checking = false;
  #closed = false;
  #cancelCheck = () => {};

  constructor(address: UpstreamAddress, options: ForwardOptions, context: UpstreamContext) {
    const { host, port } = address;
    this.label = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
    this.#address = address;
    this.#target = { address: host, port, sourceAddress: options.sourceAddress };
    this.#options = options;
    this.#context = context;
    const proto = address.transport === 'tls' ? 'tcp-tls' : 'tcp';
    this.#streams = new StreamPool({
      target: this.#target,
      tls: address.transport === 'tls' ? tlsOptions(address, options) : undefined,
      expireMs: options.expireMs,
      maxAgeMs: options.maxAgeMs,
      maxIdle: options.maxIdleConns,
      after: (ms, fn) => context.clock.after(ms, fn),
      now: () => context.clock.monotonic(),
      onConnection: (reused) => context.metrics.connection(this.label, proto, reused),
    });
  }

  /** True where more health checks in a row have failed than are allowed. */
  get down(): boolean {
    return this.#options.maxFails > 0 && this.#fails > this.#options.maxFails;
  }

  /** @throws TendrilError DNS_UPSTREAM where no reply comes in time, or the server cannot be reached */
  async ask(asked: Message, protocol: UpstreamProtocol): Promise<Message> {
    const start = this.#context.clock.monotonic();
    const reply = await this.#exchange(asked, protocol, this.#options.readTimeoutMs);
    this.#context.metrics.answered(this.label, reply.rcode, (this.#context.clock.monotonic() - start) / 1000);
    return reply;
  }

  /** Asks after a failure, again and again until there is a reply: any will do. One round at a time. */
  checkHealth(): void {
    if (this.#checking || this.#closed || this.#options.maxFails === 0) return;
    this.#checking = true;
    void this.#checkUntilWell();
  }

  close(): void {
    this.#closed = true;
    this.#cancelCheck();
    this.#streams.close();
  }

  async #checkUntilWell(): Promise<void> {
    const { healthCheck, forceTcp } = this.#options;
    const question = { name: healthCheck.domain, type: recordTypes.NS };
    const asked = newQuery(randomInt(0x10000), question, { recursionDesired: healthCheck.recursionDesired });
    try {
      await this.#exchange(asked, forceTcp ? 'tcp' : 'udp', checkTimeoutMs);
      this.#fails = 0;
      this.#checking = false;
    } catch {
      this.#fails++;
      this.#context.metrics.checkFailed(this.label);
      if (this.#closed) return;
      this.#cancelCheck = this.#context.clock.after(
        healthCheck.intervalMs,
        () => void this.#checkUntilWell(),
      );
    }
  }

  #exchange(asked: Message, protocol: UpstreamProtocol, timeoutMs: number): Promise<Message> {
    if (this.#address.transport === 'tls' || protocol === 'tcp') return this.#streams.ask(asked, timeoutMs);
    // Every query has a socket, and so a port, of its own: there are no connections to be kept.
    this.#context.metrics.connection(this.label, 'udp', false);
    return overUdp(asked, this.#target, {
      timeoutMs,
      after: (ms, fn) => this.#context.clock.after(ms, fn),
    });
  }
}

/** Without a name the certificate must be for the address. */
function tlsOptions({ serverName }: UpstreamAddress, options: ForwardOptions): ConnectionOptions {
  const name = serverName ?? options.tlsServerName;
  return { ...options.tls, minVersion: 'TLSv1.2', ...(name && { servername: name }) };
}
