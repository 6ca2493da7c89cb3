/** `acl [ZONES...] { ACTION [type TYPE...] [net SOURCE...] }`: who may ask for what. */
import { type Cidr, cidrContains, tryParseCidr } from '../../../net/cidr.ts';
import { type Ip, tryParseIp } from '../../../net/ip.ts';
import type { Directive } from '../../corefile/directive.ts';
import { corefileError, zonesOf } from '../../corefile/options.ts';
import { responseCodes } from '../../message/constants.ts';
import { type Message, replyTo } from '../../message/message.ts';
import { isBelow } from '../../message/name.ts';
import { typeNumber } from '../../message/names-of-numbers.ts';
import type { PluginContext, PluginSetup, Query, Served } from '../../plugin.ts';

const actions = ['allow', 'block', 'filter', 'drop'] as const;
type Action = (typeof actions)[number];

interface Policy {
  action: Action;
  /** Absent: all. */
  types?: ReadonlySet<number>;
  sources?: readonly Cidr[];
}

interface Rule {
  zones: readonly string[];
  policies: readonly Policy[];
}

/** Extended DNS errors (RFC 8914): blocked, filtered. */
const extendedErrors = { block: 15, filter: 17 };
const extendedErrorOption = 15;

export const setup: PluginSetup = (directives, context) => {
  const rules = directives.map((directive) => ruleOf(directive, context));
  const count = countersOf(context);
  return {
    handler: {
      name: 'acl',
      serve: (query, next): Served => {
        for (const { zones, policies } of rules) {
          const zone = longestZone(zones, query.name);
          if (zone === undefined) continue;
          const action = actionFor(query, policies);
          if (action === 'allow') break;
          if (action === undefined) continue;
          count[action](query, zone);
          return action === 'drop' ? undefined : refusal(query, action);
        }
        count.allow(query);
        return next();
      },
    },
  };
};

function countersOf({ metrics, view }: PluginContext) {
  const counter = (what: string, help: string) =>
    metrics.counter({ name: `coredns_acl_${what}_requests_total`, help });
  const count = (metric: ReturnType<typeof counter>) => (query: Query, zone?: string) =>
    metric.inc({
      server: query.listener ?? '',
      ...(zone !== undefined && { zone: `${zone}.` }),
      view: view(),
    });
  return {
    block: count(counter('blocked', 'Counter of DNS requests being blocked.')),
    filter: count(counter('filtered', 'Counter of DNS requests being filtered.')),
    allow: count(counter('allowed', 'Counter of DNS requests being allowed.')),
    drop: count(counter('dropped', 'Counter of DNS requests being dropped.')),
  };
}

function longestZone(zones: readonly string[], name: string): string | undefined {
  return zones.filter((zone) => isBelow(name, zone)).sort((a, b) => b.length - a.length)[0];
}

/** The first policy that fits decides; a client without an address that can be read is blocked. */
function actionFor({ client, type }: Query, policies: readonly Policy[]): Action | undefined {
  const ip = tryParseIp(client.address.split('%')[0]!);
  if (ip === undefined) return 'block';
  return policies.find((policy) => fits(policy, ip, type))?.action;
}

function fits({ types, sources }: Policy, ip: Ip, type: number): boolean {
  if (types !== undefined && !types.has(type)) return false;
  return sources === undefined || sources.some((source) => cidrContains(source, ip));
}

function refusal({ message }: Query, action: 'block' | 'filter'): Message {
  const code = Buffer.of(0, extendedErrors[action]);
  return replyTo(message, {
    rcode: action === 'block' ? responseCodes.REFUSED : responseCodes.NOERROR,
    edns: {
      udpBytes: 4096,
      version: 0,
      dnssecOk: true,
      options: [{ code: extendedErrorOption, data: code }],
    },
  });
}

function ruleOf({ args, at, block = [] }: Directive, context: PluginContext): Rule {
  return { zones: zonesOf(args, context, at), policies: block.map(policyOf) };
}

function policyOf({ name, args, at }: Directive): Policy {
  const action = actions.find((one) => one === name.toLowerCase());
  if (action === undefined) throw corefileError(at, `"${name}" is none of ${actions.join(', ')}`);
  const policy: Policy = { action };
  for (const { section, words } of sectionsOf(args, at)) {
    if (words.includes('*')) continue;
    if (section === 'type')
      policy.types = new Set([...(policy.types ?? []), ...words.map((word) => typeOf(word, at))]);
    else policy.sources = [...(policy.sources ?? []), ...words.map((word) => sourceOf(word, at))];
  }
  return policy;
}

function sectionsOf(
  args: readonly string[],
  at: Directive['at'],
): { section: 'type' | 'net'; words: string[] }[] {
  const sections: { section: 'type' | 'net'; words: string[] }[] = [];
  for (const word of args) {
    const section = word.toLowerCase();
    if (section === 'type' || section === 'net') sections.push({ section, words: [] });
    else if (sections.length === 0) throw corefileError(at, `"${word}" is neither type nor net`);
    else sections.at(-1)!.words.push(word);
  }
  const bare = sections.find(({ words }) => words.length === 0);
  if (bare !== undefined) throw corefileError(at, `nothing follows ${bare.section}`);
  return sections;
}

function typeOf(word: string, at: Directive['at']): number {
  const type = typeNumber(word);
  if (type === undefined)
    throw corefileError(at, `"${word}" is no record type`, 'Write it in capitals: A, AAAA, MX …');
  return type;
}

function sourceOf(word: string, at: Directive['at']): Cidr {
  const cidr = tryParseCidr(word.includes('/') ? word : `${word}/${word.includes(':') ? 128 : 32}`);
  if (cidr === undefined) throw corefileError(at, `"${word}" is neither an address nor a CIDR`);
  return cidr;
}
