/** Asks other servers for what no plugin before it answers, as CoreDNS's `forward` does. */
import { randomInt } from 'node:crypto';
import { systemClock } from '../../../util/clock.ts';
import { TendrilError } from '../../../util/errors.ts';
import { MetricRegistry } from '../../../util/metrics.ts';
import { responseCodes } from '../../message/constants.ts';
import { type Edns, type Message, newQuery, replyTo } from '../../message/message.ts';
import { isBelow } from '../../message/name.ts';
import type { Answer, DnsPlugin, Query, Served } from '../../plugin.ts';
import { createForwardMetrics } from './forward-metrics.ts';
import { type ForwardOptions, forwardDefaults } from './options.ts';
import { createPolicy, shuffled } from './policy.ts';
import { Upstream, type UpstreamContext, type UpstreamProtocol } from './upstream.ts';

/** How long a query may be tried, whatever its tries take each. */
const overallMs = 5000;
/** Queries under way where the Corefile names no number, or 0: each has a socket and some 10 KB for up to 5 s. */
export const unnamedMaxConcurrent = 4096;
const cookieOption = 10;

export class Forwarder {
  readonly #options: ForwardOptions;
  readonly #context: UpstreamContext;
  readonly #order: (upstreams: readonly Upstream[]) => readonly Upstream[];
  #upstreams: readonly Upstream[];
  #underWay = 0;

  constructor(options: ForwardOptions, context: UpstreamContext) {
    this.#options = options;
    this.#context = context;
    this.#order = createPolicy(options.policy);
    this.#upstreams = this.#make(options);
  }

  /** Takes other upstreams for those it was made with: host names have become addresses. */
  replaceUpstreams(upstreams: ForwardOptions['upstreams']): void {
    this.#upstreams = this.#make({ ...this.#options, upstreams });
  }

  close(): void {
    for (const upstream of this.#upstreams) upstream.close();
  }

  matches(name: string): boolean {
    const { from, except } = this.#options;
    if (!isBelow(name, from)) return false;
    return name === from || !except.some((zone) => isBelow(name, zone));
  }

  /**
   * The upstreams' answer, or `next`'s where the answer is one that the next forwarder is to be asked for.
   * @throws TendrilError DNS_UPSTREAM where none answers
   */
  serve(query: Query, next?: () => Served): Served {
    const maxConcurrent = this.#options.maxConcurrent || unnamedMaxConcurrent;
    if (this.#underWay >= maxConcurrent) {
      this.#context.metrics.rejected();
      return replyTo(query.message, { rcode: responseCodes.REFUSED });
    }
    this.#underWay++;
    return this.#forward(query, next).finally(() => {
      this.#underWay--;
    });
  }

  async #forward(query: Query, next?: () => Served): Promise<Answer> {
    const answer = await this.#tryUpstreams(query);
    if (next !== undefined && this.#leavesToNext(answer)) return await next();
    const edns = answer.edns && withoutCookie(answer.edns);
    return { ...answer, id: query.message.id, questions: query.message.questions, edns };
  }

  async #tryUpstreams(query: Query): Promise<Message> {
    const { monotonic } = this.#context.clock;
    const deadline = monotonic() + overallMs;
    const list = this.#order(this.#upstreams);
    const { maxConnectAttempts = 2 * list.length, failoverRcodes } = this.#options;
    const walk = new HealthyWalk(list);
    let failures = 0;
    let failovers = 0;
    let failure: unknown;
    while (monotonic() < deadline && (maxConnectAttempts === 0 || failures < maxConnectAttempts)) {
      const upstream = walk.next() ?? this.#noneHealthy();
      if (upstream === undefined) break;
      query.metadata?.set('forward/upstream', upstream.label);
      try {
        const answer = await this.#ask(upstream, query);
        if (failoverRcodes.includes(answer.rcode) && ++failovers < list.length) continue;
        return answer;
      } catch (error) {
        failure = error;
        failures++;
        upstream.checkHealth();
      }
    }
    throw failure ?? noneHealthy();
  }

  /** With all of them down, checks may be what is broken: any may be tried. */
  #noneHealthy(): Upstream | undefined {
    this.#context.metrics.allUnhealthy();
    return this.#options.failfast ? undefined : shuffled(this.#upstreams)[0];
  }

  async #ask(upstream: Upstream, query: Query): Promise<Message> {
    const { forceTcp, preferUdp } = this.#options;
    const protocol: UpstreamProtocol = forceTcp
      ? 'tcp'
      : preferUdp || query.transport === 'udp'
        ? 'udp'
        : 'tcp';
    const asked = questionOf(query);
    const answer = await upstream.ask(asked, protocol);
    // Without prefer_udp the client learns that the answer is cut off, and asks by TCP itself.
    if (answer.truncated && protocol === 'udp' && preferUdp)
      return await upstream.ask({ ...asked, id: randomInt(0x10000) }, 'tcp');
    return answer;
  }

  #leavesToNext({ rcode, answers }: Message): boolean {
    const { nextRcodes, nextOnNodata } = this.#options;
    return (
      nextRcodes.includes(rcode) || (nextOnNodata && rcode === responseCodes.NOERROR && answers.length === 0)
    );
  }

  #make(options: ForwardOptions): Upstream[] {
    return options.upstreams
      .filter(({ isName }) => !isName)
      .map((address) => new Upstream(address, options, this.#context));
  }
}

/** Goes round the list, past those that are down; undefined where all of them are. */
class HealthyWalk {
  readonly #list: readonly Upstream[];
  #at = 0;

  constructor(list: readonly Upstream[]) {
    this.#list = list;
  }

  next(): Upstream | undefined {
    for (let tried = 0; tried < this.#list.length; tried++) {
      const upstream = this.#list[this.#at++ % this.#list.length]!;
      if (!upstream.down) return upstream;
    }
    return undefined;
  }
}

function noneHealthy(): TendrilError {
  return new TendrilError('DNS_UPSTREAM', 'no DNS server that queries are forwarded to is healthy', {
    remedy: 'See that they serve and can be reached from here.',
  });
}

/** A cookie is one between two hops (RFC 7873): neither the client's nor the upstream's is passed on. */
function withoutCookie(edns: Edns): Edns {
  return { ...edns, options: edns.options.filter(({ code }) => code !== cookieOption) };
}

/** The client's query under a random id. */
function questionOf({ message }: Query): Message {
  const { questions, recursionDesired, checkingDisabled, authenticData, edns } = message;
  return newQuery(randomInt(0x10000), questions[0]!, {
    questions,
    recursionDesired,
    checkingDisabled,
    authenticData,
    ...(edns && { edns: withoutCookie(edns) }),
  });
}

export interface SimpleForwardOptions {
  upstreams: readonly { address: string; port: number }[];
  /** Per try. */
  timeoutMs?: number;
}

/** Forwards everything in turn to some servers; truncated answers are asked for again over TCP. */
export function forwardPlugin({ upstreams, timeoutMs = 2000 }: SimpleForwardOptions): DnsPlugin {
  const addresses = upstreams.map(({ address, port }) => ({
    transport: 'dns' as const,
    host: address,
    port,
  }));
  const options: ForwardOptions = {
    ...forwardDefaults(addresses),
    readTimeoutMs: timeoutMs,
    policy: 'round_robin',
    preferUdp: true,
    maxFails: 0,
  };
  const metrics = createForwardMetrics(new MetricRegistry());
  const forwarder = new Forwarder(options, { clock: systemClock, metrics });
  return {
    name: 'forward',
    serve: (query, next) => (upstreams.length === 0 ? next() : forwarder.serve(query)),
  };
}
