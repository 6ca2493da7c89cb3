/** What `cache [TTL] [ZONES...] { ... }` may say. */
import type { Directive } from '../../corefile/directive.ts';
import {
  corefileError,
  countArguments,
  durationMs,
  onlyArgument,
  unknownOption,
  wholeNumber,
  zonesOf,
  zonesOfText,
} from '../../corefile/options.ts';
import type { PluginContext } from '../../plugin.ts';

/** What is kept of answers that say yes, or of those that say no. Times in seconds. */
export interface Bounds {
  capacity: number;
  maxTtl: number;
  minTtl: number;
  /** Zones whose answers are not kept. */
  except: readonly string[];
}

export interface ServeStale {
  /** How long after its end an answer may still be given, seconds. */
  upTo: number;
  /** Ask first, and give the stale answer only where that fails (or takes longer than `timeoutMs`, where not 0). */
  verify: boolean;
  timeoutMs: number;
  /** TTL of stale answers, seconds. */
  ttl: number;
  /** After a failed refresh none is tried for so long, ms. */
  recheckMs: number;
}

export interface CacheOptions {
  zones: readonly string[];
  success: Bounds;
  denial: Bounds;
  /** TTL of SERVFAIL, seconds. */
  failureTtl: number;
  /** Popular answers are asked for anew before they end; 0: none. */
  prefetch: { amount: number; withinMs: number; percentage: number };
  stale?: ServeStale;
  preferPositive: boolean;
  keepTtl: boolean;
}

const defaultCapacity = 10_000;
/** RFC 2308 section 7.1. */
const maxFailureMs = 300_000;
const any = { min: 0, max: 2 ** 31 - 1 };
const positive = { min: 1, max: any.max };

/** @throws COREFILE */
export function parseCacheOptions(directive: Directive, context: Pick<PluginContext, 'zones'>): CacheOptions {
  const { args, block = [], at } = directive;
  const ttl = /^-?\d+$/.test(args[0] ?? '') ? wholeNumber(args[0]!, positive, at) : undefined;
  const options: CacheOptions = {
    zones: zonesOf(ttl === undefined ? args : args.slice(1), context, at),
    success: { capacity: defaultCapacity, maxTtl: ttl ?? 3600, minTtl: 5, except: [] },
    denial: { capacity: defaultCapacity, maxTtl: ttl ?? 1800, minTtl: 5, except: [] },
    failureTtl: 5,
    prefetch: { amount: 0, withinMs: 60_000, percentage: 10 },
    preferPositive: false,
    keepTtl: false,
  };
  for (const line of block) {
    if (!Object.hasOwn(lines, line.name)) throw unknownOption(line, 'cache');
    lines[line.name]!(line, options);
  }
  const policy = block.filter(({ name }) => name === 'serve_stale_policy');
  if (policy.length > 1) throw corefileError(policy[1]!.at, 'serve_stale_policy stands twice');
  if (policy.length > 0 && options.stale === undefined)
    throw corefileError(policy[0]!.at, 'serve_stale_policy needs serve_stale');
  return options;
}

const lines: Readonly<Record<string, (line: Directive, options: CacheOptions) => void>> = {
  success: (line, options) => setBounds(line, options.success),
  denial: (line, options) => setBounds(line, options.denial),
  prefetch: (line, options) => {
    options.prefetch = prefetchOf(line);
  },
  serve_stale: (line, options) => {
    options.stale = serveStaleOf(line);
  },
  serve_stale_policy: (line, options) => {
    if (onlyArgument(line).toLowerCase() !== 'prefer_positive')
      throw corefileError(line.at, `"${line.args[0]}" is no policy`, 'There is prefer_positive.');
    options.preferPositive = true;
  },
  servfail: (line, options) => {
    const ms = durationMs(onlyArgument(line), line.at);
    if (ms > maxFailureMs)
      throw corefileError(line.at, 'SERVFAIL is kept for 5 minutes at the most (RFC 2308)');
    options.failureTtl = ms / 1000;
  },
  disable: (line, options) => {
    countArguments(line, 1, Number.POSITIVE_INFINITY);
    const [what, ...zones] = line.args;
    if (what !== 'success' && what !== 'denial')
      throw corefileError(line.at, `"${what}" is neither success nor denial`);
    options[what].except = zones.length === 0 ? [''] : zones.flatMap((zone) => zonesOfText(zone, line.at));
  },
  keepttl: (line, options) => {
    countArguments(line, 0);
    options.keepTtl = true;
  },
};

/** `success|denial CAPACITY [TTL] [MINTTL]` */
function setBounds(line: Directive, bounds: Bounds): void {
  countArguments(line, 1, Number.POSITIVE_INFINITY);
  const [capacity, maxTtl, minTtl] = line.args;
  bounds.capacity = wholeNumber(capacity!, any, line.at);
  if (maxTtl !== undefined) bounds.maxTtl = wholeNumber(maxTtl, positive, line.at);
  if (minTtl !== undefined) bounds.minTtl = wholeNumber(minTtl, any, line.at);
}

/** `prefetch AMOUNT [DURATION [PERCENTAGE%]]` */
function prefetchOf(line: Directive): CacheOptions['prefetch'] {
  countArguments(line, 1, 3);
  const [amount, within, percentage] = line.args;
  if (percentage !== undefined && !percentage.endsWith('%'))
    throw corefileError(line.at, `"${percentage}" is no percentage`, 'Write it as 10%.');
  return {
    amount: wholeNumber(amount!, any, line.at),
    withinMs: within === undefined ? 60_000 : durationMs(within, line.at),
    percentage:
      percentage === undefined ? 10 : wholeNumber(percentage.slice(0, -1), { min: 10, max: 90 }, line.at),
  };
}

/** `serve_stale [DURATION] [immediate [TTL [RECHECK]] | verify [TIMEOUT [TTL [RECHECK]]]]` */
function serveStaleOf(line: Directive): ServeStale {
  countArguments(line, 0, 5);
  const [upTo, mode = 'immediate', ...rest] = line.args;
  const verify = mode.toLowerCase() === 'verify';
  if (!verify && mode.toLowerCase() !== 'immediate')
    throw corefileError(line.at, `"${mode}" is neither immediate nor verify`);
  if (!verify && rest.length > 2)
    throw corefileError(line.at, 'immediate takes a TTL and a time between tries');
  const [timeout, ttl, recheck] = verify ? rest : [undefined, ...rest];
  const stale: ServeStale = {
    upTo: upTo === undefined ? 3600 : durationMs(upTo, line.at) / 1000,
    verify,
    timeoutMs: timeout === undefined ? 0 : durationMs(timeout, line.at),
    ttl: ttl === undefined ? 0 : durationMs(ttl, line.at) / 1000,
    recheckMs: recheck === undefined ? 0 : durationMs(recheck, line.at),
  };
  if (!Number.isInteger(stale.ttl) || stale.ttl >= 2 ** 32)
    throw corefileError(line.at, `"${ttl}" is no TTL`, 'It is in whole seconds, such as 30s.');
  if (stale.recheckMs > maxFailureMs)
    throw corefileError(line.at, 'the time between tries is 5 minutes at the most');
  return stale;
}
