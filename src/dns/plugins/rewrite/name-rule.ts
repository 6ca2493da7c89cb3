/** `name [exact|prefix|suffix|substring|regex] FROM TO [answer auto | answer name|value FROM TO]...` */
import type { Place } from '../../corefile/directive.ts';
import { corefileError } from '../../corefile/options.ts';
import type { ResourceRecord } from '../../message/message.ts';
import { canonicalName, labelsOf } from '../../message/name.ts';
import type { Query } from '../../plugin.ts';
import { dotted, expression, isMatchType, matchTypes, replacer } from './match.ts';
import type { AnswerRule, Apply } from './rule.ts';

type Change = (name: string) => string;

/** @throws COREFILE */
export function nameRule(args: readonly string[], at: Place): Apply {
  if (args.length < 2) throw corefileError(at, 'a name rule takes a name and what becomes of it');
  const [type, from, to, ...rest] =
    args.length === 2 ? ['exact', ...args] : [args[0]!.toLowerCase(), ...args.slice(1)];
  if (!isMatchType(type!)) throw corefileError(at, `"${args[0]}" is none of ${matchTypes.join(', ')}`);
  const { auto, rules } = answerRulesOf(rest, at);
  const texts = { from: type === 'regex' ? from! : dotted(from!), to: dotted(to!) };
  if (type === 'exact') expression(texts.to, at, texts.from);
  const change = replacer(type, texts, at);
  // The suffix is turned back in any name; other rules turn back only the name that they made.
  const back = type === 'suffix' ? suffixChange(texts.to, texts.from) : undefined;
  return (query) => {
    const before = dotted(query.name);
    const after = change(before);
    if (after === undefined) return undefined;
    const automatic = auto || type === 'exact' ? bothWays(back ?? remap(after, before)) : [];
    return { query: renamed(query, after), answerRules: [...automatic, ...rules] };
  };
}

/** @throws Error where the new name is none: the query then fails */
function renamed(query: Query, to: string): Query {
  const name = to.slice(0, -1);
  try {
    labelsOf(name.endsWith('.') ? `${name}.` : name);
  } catch (cause) {
    throw new Error(`the name after the rewrite of ${query.name}, "${to}", is none`, { cause });
  }
  const [question] = query.message.questions;
  return {
    ...query,
    name: canonicalName(name),
    message: { ...query.message, questions: [{ ...question!, name }] },
  };
}

const bothWays = (change: Change): AnswerRule[] => [owners(change), values(change)];

function owners(change: Change): AnswerRule {
  return { record: (record) => ({ ...record, name: changed(record.name, change) }) };
}

/** Names that records of these types lead to. */
function values(change: Change): AnswerRule {
  return {
    record: (record): ResourceRecord => {
      const { data } = record;
      if ('target' in data) return { ...record, data: { ...data, target: changed(data.target, change) } };
      if ('primary' in data) return { ...record, data: { ...data, primary: changed(data.primary, change) } };
      return record;
    },
  };
}

/** Case is kept where nothing changes. */
function changed(name: string, change: Change): string {
  const text = name.endsWith('.') ? name : `${name}.`;
  const after = change(text);
  return after === text ? name : after.slice(0, -1);
}

/** The one name, and those below it. */
function remap(from: string, to: string): Change {
  return (name) => {
    if (name === from) return to;
    return name.endsWith(`.${from}`) ? name.slice(0, name.length - from.length) + to : name;
  };
}

function suffixChange(from: string, to: string): Change {
  return (name) => (name.endsWith(from) ? name.slice(0, name.length - from.length) + to : name);
}

function answerRulesOf(args: readonly string[], at: Place): { auto: boolean; rules: AnswerRule[] } {
  const rules: AnswerRule[] = [];
  let auto = false;
  let names = 0;
  if (args.length === 1) throw corefileError(at, `"${args[0]}" says too little: answer auto, name or value`);
  if (args.length > 0 && args[0] !== 'answer') throw corefileError(at, `"${args[0]}" is not answer`);
  for (let i = 0; i < args.length; ) {
    if (args[i] === 'answer') i++;
    const kind = args[i++];
    if (kind === 'auto') {
      auto = true;
      continue;
    }
    if (kind !== 'name' && kind !== 'value')
      throw corefileError(at, `"${kind ?? ''}" is no answer rule`, 'There are auto, name and value.');
    const [from, to] = args.slice(i, i + 2);
    if (from === undefined || to === undefined)
      throw corefileError(at, `answer ${kind} takes a pattern and a name`);
    i += 2;
    const target = dotted(to);
    expression(from, at, to);
    const replace = replacer('regex', { from, to: target }, at);
    const change: Change = (name) => replace(name) ?? name;
    if (kind === 'name') names++;
    rules.push(kind === 'name' ? owners(change) : values(change));
  }
  if (auto && names > 0) throw corefileError(at, 'answer auto and answer name contradict each other');
  return { auto, rules };
}
