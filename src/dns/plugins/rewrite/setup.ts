/** `rewrite [continue|stop] FIELD ...`: changes queries on their way in, and their answers on the way out. */
import { afterward } from '../../chain.ts';
import type { Directive, Place } from '../../corefile/directive.ts';
import { corefileError } from '../../corefile/options.ts';
import type { Message } from '../../message/message.ts';
import { classNumber, typeNumber } from '../../message/names-of-numbers.ts';
import type { PluginContext, PluginSetup, Query, Served } from '../../plugin.ts';
import { cnameRule, rcodeRule, ttlRule } from './answer-rules.ts';
import { edns0Rule } from './edns0-rule.ts';
import { nameRule } from './name-rule.ts';
import type { AnswerRule, Apply, RewriteRule } from './rule.ts';

export const setup: PluginSetup = (directives, context) => {
  const rules = directives.map((directive) => ruleOf(directive, context));
  return {
    handler: {
      name: 'rewrite',
      serve: (query, next): Served => {
        const { asked, answerRules } = rewritten(query, rules);
        if (asked === query && answerRules.length === 0) return next();
        return afterward(next(asked), (answer) => {
          if (answer === undefined) return undefined;
          return applied({ ...answer, questions: query.message.questions }, answerRules);
        });
      },
    },
  };
};

function rewritten(query: Query, rules: readonly RewriteRule[]): { asked: Query; answerRules: AnswerRule[] } {
  const answerRules: AnswerRule[] = [];
  let asked = query;
  for (const { stop, apply } of rules) {
    const done = apply(asked);
    if (done === undefined) continue;
    asked = done.query;
    answerRules.push(...done.answerRules);
    if (stop) break;
  }
  return { asked, answerRules };
}

/** The rules of an answer run backwards: the last change of the query is the first to be undone. */
function applied(answer: Message, rules: readonly AnswerRule[]): Message | Promise<Message> {
  const backwards = rules.toReversed();
  const perRecord = backwards.flatMap((rule) => ('record' in rule ? [rule.record] : []));
  const change = (records: Message['answers']) =>
    perRecord.length === 0
      ? records
      : records.map((record) => perRecord.reduce((one, rule) => rule(one), record));
  let message: Message | Promise<Message> = {
    ...answer,
    answers: change(answer.answers),
    authorities: change(answer.authorities),
    additionals: change(answer.additionals),
  };
  for (const rule of backwards)
    if ('message' in rule)
      message = message instanceof Promise ? message.then(rule.message) : rule.message(message);
  return message;
}

const modes = ['continue', 'stop'];

/** A rule stands in the directive's line, or in its block, whose lines are then read as one. */
function ruleOf({ args, block = [], at }: Directive, context: PluginContext): RewriteRule {
  const words = args.length < 2 ? [...args, ...block.flatMap((line) => [line.name, ...line.args])] : args;
  const mode = words[0]?.toLowerCase() ?? '';
  const [field = '', ...rest] = modes.includes(mode) ? words.slice(1) : words;
  if (field === '')
    throw corefileError(at, 'rewrite takes a field: name, type, class, edns0, ttl, cname, rcode');
  return { stop: mode !== 'continue', apply: applyOf(field.toLowerCase(), rest, { at, context }) };
}

function applyOf(
  field: string,
  args: readonly string[],
  { at, context }: { at: Place; context: PluginContext },
): Apply {
  switch (field) {
    case 'name':
      return nameRule(args, at);
    case 'type':
      return typeRule(args, at);
    case 'class':
      return classRule(args, at);
    case 'edns0':
      return edns0Rule(args, at);
    case 'ttl':
      return ttlRule(args, at);
    case 'rcode':
      return rcodeRule(args, at);
    case 'cname':
      return cnameRule(args, context.resolve, at);
    case 'answer':
      throw corefileError(at, 'an answer rule stands behind a name rule');
    default:
      throw corefileError(at, `"${field}" is none of name, type, class, edns0, ttl, cname, rcode`);
  }
}

function typeRule(args: readonly string[], at: Place): Apply {
  const { from, to } = numbersOf(args, { at, what: 'type', number: typeNumber });
  return (query) =>
    query.type === from
      ? { query: { ...withQuestion(query, { type: to }), type: to }, answerRules: [] }
      : undefined;
}

function classRule(args: readonly string[], at: Place): Apply {
  const { from, to } = numbersOf(args, { at, what: 'class', number: classNumber });
  return (query) =>
    query.message.questions[0]!.class === from
      ? { query: withQuestion(query, { class: to }), answerRules: [] }
      : undefined;
}

function numbersOf(
  args: readonly string[],
  { at, what, number }: { at: Place; what: string; number: (name: string) => number | undefined },
): { from: number; to: number } {
  if (args.length !== 2) throw corefileError(at, `a ${what} rule takes two of them, here are ${args.length}`);
  const [from, to] = args.map((word) => {
    const value = number(word.toUpperCase());
    if (value === undefined) throw corefileError(at, `"${word}" is no ${what}`);
    return value;
  });
  return { from: from!, to: to! };
}

function withQuestion(query: Query, change: { type?: number; class?: number }): Query {
  const [question] = query.message.questions;
  return { ...query, message: { ...query.message, questions: [{ ...question!, ...change }] } };
}
