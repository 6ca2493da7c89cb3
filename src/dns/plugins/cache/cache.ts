/**
 * Keeps answers and gives them again until they end (RFC 2308, RFC 8767). A named deviation from CoreDNS: answers
 * of the plugin `kubernetes` are never kept, so that a change of the cluster is seen at once; they cost no more
 * than a look into this cache.
 */
import type { Clock } from '../../../util/clock.ts';
import { afterward } from '../../chain.ts';
import { kindOf } from '../../message/answer-kind.ts';
import { responseCodes } from '../../message/constants.ts';
import type { Message, ResourceRecord } from '../../message/message.ts';
import { isBelow } from '../../message/name.ts';
import type { Answer, DnsPlugin, Query, Served } from '../../plugin.ts';
import { answersQuestion, kindForCache, lifetime, matches, mayBeKept } from './answer.ts';
import type { CacheCounters, CacheMetrics } from './cache-metrics.ts';
import { Item } from './item.ts';
import { ItemStore } from './item-store.ts';
import type { CacheOptions } from './options.ts';

export interface CacheContext {
  options: CacheOptions;
  clock: Clock;
  metrics: CacheMetrics;
}

/** Plugins whose answers change without notice, and are as near as this cache. */
const neverKept = 'kubernetes';

type Next = (query?: Query) => Served;

export function cachePlugin({ options, clock, metrics }: CacheContext): DnsPlugin {
  const { stale, prefetch, keepTtl, preferPositive } = options;
  const positive = new ItemStore<Item>(options.success.capacity);
  const negative = new ItemStore<Item>(options.denial.capacity);

  function serve(query: Query, next: Next): Served {
    if (!options.zones.some((zone) => isBelow(query.name, zone))) return next();
    const now = clock.monotonic();
    const count = metrics.of(query.listener ?? '');
    count.request();
    const key = keyOf(query);
    const item = find(key, now, count);
    if (item === undefined) return fetch(query, next, key);
    if (item.ttl(now) <= 0) return serveStale(query, next, { item, key, now });
    if (prefetch.amount > 0 && shouldPrefetch(item, now)) refreshBehind(query, next, { item, key });
    return fromItem(item, query, now);
  }

  function fromItem(item: Item, query: Query, now: number): Message {
    return item.reply(query, keepTtl ? item.lifetime : Math.max(0, item.ttl(now)));
  }

  function usable(item: Item | undefined, now: number): item is Item {
    if (item === undefined) return false;
    const ttl = item.ttl(now);
    return ttl > 0 || (stale !== undefined && -ttl < Math.trunc(stale.upTo));
  }

  /** A denial first, but a SERVFAIL never hides an answer that is still good. */
  function find(key: string, now: number, count: CacheCounters): Item | undefined {
    const yes = positive.get(key);
    const no = negative.get(key);
    const good = preferPositive && stale !== undefined ? yes?.answeringItem() : undefined;
    if (usable(good, now)) return counted(good, count.hitSuccess);
    if (usable(no, now)) {
      if (no.answer.rcode === responseCodes.SERVFAIL && usable(yes, now))
        return counted(yes, count.hitSuccess);
      return counted(no, count.hitDenial);
    }
    if (usable(yes, now)) return counted(yes, count.hitSuccess);
    count.miss();
    return undefined;
  }

  /** Asks those behind, and keeps what they say. */
  function fetch(query: Query, next: Next, key: string): Served {
    const asked = refreshQuery(query);
    return afterward(next(asked), (answer) => answer && capped(query, keep(asked, answer, key)));
  }

  /** AD is left to those who asked for it (RFC 6840 sections 5.7, 5.8). */
  function capped({ message }: Query, answer: Message): Message {
    const wanted = message.authenticData || message.edns?.dnssecOk;
    return answer.authenticData && !wanted ? { ...answer, authenticData: false } : answer;
  }

  /** Keeps an answer if it may be kept; the same answer, its TTLs cut to what the cache will tell later. */
  function keep(query: Query, answer: Message, key: string, behind = false): Message {
    if (query.reached?.plugin === neverKept) return answer;
    const now = clock.monotonic();
    const kind = kindForCache(answer, Math.trunc(clock.now() / 1000));
    const seconds = lifetime(answer, kind, options);
    const cut = withTtl(answer, Math.trunc(seconds));
    if (seconds <= 0 || !mayBeKept(answer, kind)) return cut;
    const count = metrics.of(query.listener ?? '');
    if (!matches(query, answer)) {
      count.drop();
      return cut;
    }
    const item = new Item(cut, { lifetime: Math.trunc(seconds), storedAt: now });
    const denial = kind === 'NXDOMAIN' || kind === 'NODATA' || kind === 'SERVERERROR';
    const { except } = denial ? options.denial : options.success;
    if (except.some((zone) => isBelow(query.name, zone))) return cut;
    if (denial) {
      if (negative.set(key, item)) count.evictedDenial();
    } else keepPositive(key, item, { count, behind });
    count.sizes(positive.size, negative.size);
    return cut;
  }

  function keepPositive(
    key: string,
    item: Item,
    { count, behind }: { count: CacheCounters; behind: boolean },
  ): void {
    if (preferPositive && !item.answering) item.lastKnownGood = positive.get(key)?.answeringItem();
    if (positive.set(key, item)) count.evictedSuccess();
    if (preferPositive ? item.answering : behind) negative.delete(key);
  }

  function shouldPrefetch(item: Item, now: number): boolean {
    const hits = item.hit(now, prefetch.withinMs);
    return hits >= prefetch.amount && item.ttl(now) <= Math.ceil((prefetch.percentage / 100) * item.lifetime);
  }

  /** Asks anew without making anybody wait; one at a time for each item. */
  function refreshBehind(query: Query, next: Next, { item, key }: { item: Item; key: string }): void {
    const recheckMs = item.ttl(clock.monotonic()) <= 0 ? (stale?.recheckMs ?? 0) : 0;
    if (!item.beginRefresh(clock.monotonic())) return;
    metrics.of(query.listener ?? '').prefetch();
    const end = (refreshed: boolean) => {
      const now = clock.monotonic();
      item.endRefresh(now, { refreshed, recheckMs });
      if (refreshed) (negative.get(key) ?? positive.get(key))?.takeHitsOf(item, now);
    };
    void refresh(query, next, key, true).then(
      (answer) => end(answer !== undefined),
      () => end(false),
    );
  }

  /** What those behind say now, kept; undefined where it is no fit replacement for what was known. */
  async function refresh(query: Query, next: Next, key: string, behind: boolean): Promise<Answer> {
    const asked: Query = {
      ...refreshQuery(query),
      ...(behind && { reached: { plugin: '' }, metadata: undefined }),
    };
    const answer = await next(asked);
    if (answer === undefined || answer.truncated || !matches(asked, answer)) return undefined;
    if (preferPositive && !(kindOf(answer) === 'NOERROR' && answersQuestion(answer))) {
      keep(asked, answer, key, true);
      return undefined;
    }
    const settled = answer.rcode === responseCodes.NOERROR || answer.rcode === responseCodes.NXDOMAIN;
    if (!settled || ['OTHERERROR', 'META', 'UPDATE'].includes(kindOf(answer))) return undefined;
    return keep(asked, answer, key, behind);
  }

  function serveStale(query: Query, next: Next, found: { item: Item; key: string; now: number }): Served {
    const { item, key, now } = found;
    const { verify, timeoutMs, recheckMs, ttl } = stale!;
    const give = (): Message => {
      metrics.of(query.listener ?? '').servedStale();
      return item.reply(query, ttl > 0 ? ttl : keepTtl ? item.lifetime : 0);
    };
    if (!verify) {
      refreshBehind(query, next, found);
      return give();
    }
    if (recheckMs > 0 && !item.beginRefresh(now)) return give();
    const verified = refresh(query, next, key, timeoutMs > 0)
      .catch(() => undefined)
      .then((answer) => {
        if (recheckMs > 0) item.endRefresh(clock.monotonic(), { refreshed: answer !== undefined, recheckMs });
        return answer;
      });
    const chosen = timeoutMs > 0 ? withinTime(verified, timeoutMs) : verified;
    return chosen.then((answer) =>
      answer === undefined ? give() : capped(query, { ...answer, id: query.message.id }),
    );
  }

  /** Undefined where it takes longer; it goes on all the same. */
  function withinTime(answer: Promise<Answer>, ms: number): Promise<Answer> {
    return new Promise((resolve) => {
      const cancel = clock.after(ms, () => resolve(undefined));
      void answer.then(resolve).finally(cancel);
    });
  }

  return { name: 'cache', serve };
}

/** Signed and unchecked answers differ from others, and what an upstream tells without recursion is nobody else's. */
function keyOf({ name, type, message }: Query): string {
  const flags =
    (message.edns?.dnssecOk ? 1 : 0) +
    (message.checkingDisabled ? 2 : 0) +
    (message.recursionDesired ? 0 : 4);
  return `${type} ${flags} ${message.questions[0]!.class} ${name}`;
}

/** Asks for AD, so that what is kept serves those who ask for it too; and finds out who answers. */
function refreshQuery(query: Query): Query {
  return {
    ...query,
    message: { ...query.message, authenticData: true },
    reached: query.reached ?? { plugin: '' },
  };
}

function withTtl(answer: Message, ttl: number): Message {
  const cut = (records: readonly ResourceRecord[]) =>
    records.map((record) => (record.ttl === ttl ? record : { ...record, ttl }));
  return {
    ...answer,
    answers: cut(answer.answers),
    authorities: cut(answer.authorities),
    additionals: cut(answer.additionals),
  };
}

function counted(item: Item, count: () => void): Item {
  count();
  return item;
}
