/** Rules that change nothing but the answer: `ttl`, `rcode` and `cname`. */
import type { Place } from '../../corefile/directive.ts';
import { corefileError, wholeNumber } from '../../corefile/options.ts';
import type { Message, ResourceRecord } from '../../message/message.ts';
import { rcodeNumber } from '../../message/names-of-numbers.ts';
import type { Query } from '../../plugin.ts';
import { dotted, isMatchType, matcher, matchTypes, replacer } from './match.ts';
import type { AnswerRule, Apply, Resolve } from './rule.ts';

const maxTtl = 2 ** 32 - 1;

/** `ttl [TYPE] NAME TTL|[MIN]-[MAX]` @throws COREFILE */
export function ttlRule(args: readonly string[], at: Place): Apply {
  const { names, rest } = namesOf('ttl', args, { at, values: 1 });
  const { min, max } = ttlRange(rest[0]!, at);
  const rule: AnswerRule = {
    record: (record) => {
      const ttl = Math.min(Math.max(record.ttl, min), max);
      return ttl === record.ttl ? record : { ...record, ttl };
    },
  };
  return (query) => (names(dotted(query.name)) ? { query, answerRules: [rule] } : undefined);
}

function ttlRange(text: string, at: Place): { min: number; max: number } {
  const number = (word: string) => wholeNumber(word, { min: 0, max: maxTtl }, at);
  const [low, high, ...more] = text.split('-') as [string, string | undefined];
  if (high === undefined) return { min: number(low), max: number(low) };
  const min = low === '' ? 0 : number(low);
  const max = high === '' ? 2 ** 31 - 1 : number(high);
  if (more.length > 0 || text === '-' || min > max) throw corefileError(at, `"${text}" is no range of TTLs`);
  return { min, max };
}

/** `rcode [TYPE] NAME FROM TO` @throws COREFILE */
export function rcodeRule(args: readonly string[], at: Place): Apply {
  const { names, rest } = namesOf('rcode', args, { at, values: 2 });
  const [from, to] = rest.map((word) => rcodeOf(word, at));
  const rule: AnswerRule = {
    message: (message) => (message.rcode === from ? { ...message, rcode: to! } : message),
  };
  return (query) => (names(dotted(query.name)) ? { query, answerRules: [rule] } : undefined);
}

function rcodeOf(word: string, at: Place): number {
  const code = /^\d+$/.test(word) ? Number(word) : rcodeNumber(word.toUpperCase());
  if (code === undefined || code > 23) throw corefileError(at, `"${word}" is no response code`);
  return code;
}

/** The names that a rule is about; its type may be left out, and is then `exact`. */
function namesOf(
  rule: string,
  args: readonly string[],
  { at, values }: { at: Place; values: number },
): { names: (name: string) => boolean; rest: readonly string[] } {
  const typed = args.length === values + 2;
  if (!typed && args.length !== values + 1)
    throw corefileError(at, `a ${rule} rule takes a name and ${values} more, here are ${args.length}`);
  const type = typed ? args[0]!.toLowerCase() : 'exact';
  if (!isMatchType(type)) throw corefileError(at, `"${args[0]}" is none of ${matchTypes.join(', ')}`);
  const [name, ...rest] = typed ? args.slice(1) : args;
  return { names: matcher(type, name!, at), rest };
}

/** `cname [TYPE] FROM TO`: the alias leads elsewhere, and that is asked for. @throws COREFILE */
export function cnameRule(args: readonly string[], resolve: Resolve, at: Place): Apply {
  if (args.length !== 2 && args.length !== 3) throw corefileError(at, 'a cname rule takes two names');
  const [type, from, to] = args.length === 2 ? ['exact', ...args] : args.map((word) => word.toLowerCase());
  if (!isMatchType(type!)) throw corefileError(at, `"${args[0]}" is none of ${matchTypes.join(', ')}`);
  const exact = type === 'exact';
  const change = replacer(
    type,
    { from: exact ? dotted(from!) : from!.toLowerCase(), to: exact ? dotted(to!) : to!.toLowerCase() },
    at,
  );
  return (query) => ({
    query,
    answerRules: [{ message: (message) => redirected(message, { query, change, resolve }) }],
  });
}

async function redirected(
  message: Message,
  {
    query,
    change,
    resolve,
  }: { query: Query; change: (name: string) => string | undefined; resolve: Resolve },
): Promise<Message> {
  const aliases: ResourceRecord[] = [];
  for (const record of message.answers) {
    if (record.data.type !== 5 || !('target' in record.data)) continue;
    const target = change(dotted(record.data.target))?.replace(/\.$/, '');
    if (target === undefined) {
      aliases.push(record);
      continue;
    }
    const found = await resolve(query, { name: target.toLowerCase(), type: query.type });
    if (found === undefined) return message;
    const alias = { ...record, data: { ...record.data, target } };
    return { ...message, answers: [...aliases, alias, ...found.answers], truncated: found.truncated };
  }
  return message;
}
