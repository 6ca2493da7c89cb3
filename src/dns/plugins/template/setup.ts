/** `template CLASS TYPE [ZONES...] { ... }`: answers that are made from the name that is asked for. */
import { afterward } from '../../chain.ts';
import type { Directive, Place } from '../../corefile/directive.ts';
import { type GoRegExp, goRegExp, regularExpression } from '../../corefile/go-regexp.ts';
import {
  corefileError,
  countArguments,
  fallthroughZones,
  onlyArgument,
  unknownOption,
  wholeNumber,
  zonesOf,
} from '../../corefile/options.ts';
import { recordTypes, responseCodes } from '../../message/constants.ts';
import { type Message, type ResourceRecord, replyTo } from '../../message/message.ts';
import { canonicalName, isBelow } from '../../message/name.ts';
import { className, classNumber, rcodeNumber, typeName, typeNumber } from '../../message/names-of-numbers.ts';
import { parseRecord } from '../../message/presentation.ts';
import type { PluginContext, PluginSetup, Query, Served } from '../../plugin.ts';
import type { Value } from './go-functions.ts';
import { compileTemplate, type GoTemplate } from './go-template.ts';
import { type TemplateData, type TemplateMetrics, templateMetrics } from './template-metrics.ts';
import { TemplateVariables } from './variables.ts';

const sections = ['answer', 'additional', 'authority'] as const;
type Section = (typeof sections)[number];

interface RecordTemplate {
  text: string;
  make: GoTemplate;
}

interface Template {
  class: number;
  type: number;
  zones: readonly string[];
  patterns: GoRegExp[];
  variables: TemplateVariables;
  texts: Record<Section, RecordTemplate[]>;
  rcode: number;
  /** RFC 8914. */
  error?: { code: number; reason: string };
  fallthrough: readonly string[];
}

const any = 255;
const everyName = goRegExp('.*');
const extendedErrorOption = 15;
const defaultTtl = 3600;
const maxExpressionLength = 10_000;

export const setup: PluginSetup = (directives, context) => {
  const templates = directives.map((directive) => templateOf(directive, context));
  const zones = templates.flatMap((template) => template.zones);
  const counters = templateMetrics(context);

  return {
    handler: {
      name: 'template',
      serve: (query, next): Served => {
        if (!zones.some((zone) => isBelow(query.name, zone))) return next();
        for (const template of templates) {
          if (!concerns(template, query)) continue;
          const data = dataFor(template, query);
          if (data === 'failed') return replyTo(query.message, { rcode: responseCodes.SERVFAIL });
          if (data !== undefined) {
            counters.matched(query, data);
            return answerOf(template, { query, data, counters }, context);
          }
          if (!template.fallthrough.some((zone) => isBelow(query.name, zone)))
            return replyTo(query.message, { rcode: responseCodes.SERVFAIL });
        }
        return next();
      },
    },
  };
};

function concerns(template: Template, { name, type, message }: Query): boolean {
  const asked = message.questions[0]!.class;
  return (
    template.zones.some((zone) => isBelow(name, zone)) &&
    (template.class === any || asked === any || asked === template.class) &&
    (template.type === any || type === any || type === template.type)
  );
}

/** What the templates see; undefined where no expression fits the name, or a condition is not true. */
function dataFor(template: Template, query: Query): TemplateData | 'failed' | undefined {
  const { name, type, message, client } = query;
  const dotted = `${name}.`;
  for (const pattern of template.patterns) {
    const match = pattern.match(dotted);
    if (match === undefined) continue;
    const groups = new Map([...match.groups.map((text, i) => [String(i), text] as const), ...match.named]);
    const variables = template.variables.of({ query, groups });
    if (variables === 'failed') return 'failed';
    if (variables === false) return undefined;
    const question = message.questions[0]!;
    const asked = { Name: `${question.name}.`, Qtype: question.type, Qclass: question.class };
    const zone = template.zones.filter((one) => isBelow(name, one)).sort((a, b) => b.length - a.length)[0]!;
    return {
      Zone: `${zone}.`,
      Name: dotted,
      Regex: pattern.source,
      Class: className(question.class === any ? template.class : question.class),
      Type: typeName(type === any ? template.type : type),
      Match: [...match.groups],
      Group: groups,
      Message: {
        Id: message.id,
        RecursionDesired: message.recursionDesired,
        CheckingDisabled: message.checkingDisabled,
        Question: [asked],
      },
      Question: asked,
      Remote: client.address,
      Var: variables as Map<string, Value>,
      Meta: (label) => query.metadata?.get(String(label)) ?? '',
    };
  }
  return undefined;
}

interface Match {
  query: Query;
  data: TemplateData;
  counters: TemplateMetrics;
}

/** @throws where a template fails, or makes no record: both are counted */
function answerOf(template: Template, match: Match, context: PluginContext): Served {
  const { rcode, error, texts } = template;
  const { query } = match;
  if (rcode === responseCodes.SERVFAIL) return replyTo(query.message, { rcode });
  const made = (section: Section) => texts[section].map((text) => recordFrom(text, section, match));
  const answers = made('answer');
  const options = error && [
    {
      code: extendedErrorOption,
      data: Buffer.concat([Buffer.of(error.code >> 8, error.code & 0xff), Buffer.from(error.reason)]),
    },
  ];
  const reply = replyTo(query.message, {
    authoritative: true,
    rcode,
    answers,
    additionals: made('additional'),
    authorities: made('authority'),
    ...(options && { edns: { udpBytes: 4096, version: 0, dnssecOk: true, options } }),
  });
  const address = query.type === recordTypes.A || query.type === recordTypes.AAAA;
  return address ? withTargets(reply, { query, context, from: 0 }) : reply;
}

/** Behind each alias what it leads to, so far as that can be found out. */
function withTargets(reply: Message, at: { query: Query; context: PluginContext; from: number }): Served {
  const { query, context } = at;
  for (let i = at.from; i < reply.answers.length; i++) {
    const { data } = reply.answers[i]!;
    if (data.type !== recordTypes.CNAME || !('target' in data)) continue;
    return afterward(targetOf(data.target, query, context), (answer) => {
      const added = answer?.answers ?? [];
      const answers = [...reply.answers.slice(0, i + 1), ...added, ...reply.answers.slice(i + 1)];
      const whole = { ...reply, answers, truncated: answer?.truncated ?? reply.truncated };
      return withTargets(whole, { query, context, from: i + 1 + added.length });
    });
  }
  return reply;
}

/** Undefined where it cannot be found out: the alias is answer enough. */
function targetOf(target: string, query: Query, { resolve }: PluginContext): Served {
  try {
    const found = resolve(query, { name: canonicalName(target), type: query.type });
    return found instanceof Promise ? found.catch(() => undefined) : found;
  } catch {
    return undefined;
  }
}

function recordFrom(
  { text, make }: RecordTemplate,
  section: Section,
  { query, data, counters }: Match,
): ResourceRecord {
  const failing = { section, template: text };
  const line = counters.counting('template', () => make(data as Value), { query, data, failing });
  return counters.counting('rr', () => recordOf(line), { query, data, failing });
}

/** Parentheses only join lines, and there is one. */
function recordOf(text: string): ResourceRecord {
  const line = text.replaceAll(/"(?:\\.|[^"\\])*"|[()]/g, (word) => (word.startsWith('"') ? word : ' '));
  return parseRecord(line, { ttl: defaultTtl });
}

function templateOf(directive: Directive, context: PluginContext): Template {
  countArguments(directive, 2, Number.POSITIVE_INFINITY);
  const [kind, type, ...zones] = directive.args as [string, string, ...string[]];
  const { at } = directive;
  const template: Template = {
    class: classNumber(kind) ?? failed(at, `"${kind}" is no class`),
    type: typeNumber(type) ?? failed(at, `"${type}" is no record type`),
    zones: zonesOf(zones, context, at),
    patterns: [],
    variables: new TemplateVariables(),
    texts: { answer: [], additional: [], authority: [] },
    rcode: responseCodes.NOERROR,
    fallthrough: [],
  };
  for (const line of directive.block ?? []) {
    if (!Object.hasOwn(lines, line.name)) throw unknownOption(line, 'template');
    lines[line.name]!(line, template);
  }
  if (template.patterns.length === 0) template.patterns.push(everyName);
  return template;
}

function failed(at: Place, problem: string): never {
  throw corefileError(at, problem);
}

const lines: Readonly<Record<string, (line: Directive, template: Template) => void>> = {
  match: (line, template) => {
    countArguments(line, 1, Number.POSITIVE_INFINITY);
    const tooLong = line.args.some(({ length }) => length > maxExpressionLength);
    if (tooLong) failed(line.at, `a regular expression of more than ${maxExpressionLength} characters`);
    template.patterns.push(...line.args.map((text) => regularExpression(text, line.at)));
  },
  answer: (line, { texts }) => texts.answer.push(...compiled(line)),
  additional: (line, { texts }) => texts.additional.push(...compiled(line)),
  authority: (line, { texts }) => texts.authority.push(...compiled(line)),
  rcode: (line, template) => {
    const text = onlyArgument(line);
    template.rcode = rcodeNumber(text) ?? failed(line.at, `"${text}" is no response code`);
  },
  ederror: (line, template) => {
    countArguments(line, 1, 2);
    template.error = {
      code: wholeNumber(line.args[0]!, { min: 0, max: 0xffff }, line.at),
      reason: line.args[1] ?? '',
    };
  },
  fallthrough: (line, template) => {
    template.fallthrough = fallthroughZones(line);
  },
  // CoreDNS takes it and does nothing with it.
  upstream: () => {},
  var: (line, { variables }) => variables.add(line),
  expr: (line, { variables }) => variables.addCondition(line),
};

function compiled(line: Directive): RecordTemplate[] {
  countArguments(line, 1, Number.POSITIVE_INFINITY);
  return line.args.map((text) => {
    try {
      return { text, make: compileTemplate(text) };
    } catch (cause) {
      throw corefileError(line.at, `"${text}" is no template`, String(cause));
    }
  });
}
