/** `log [NAMES...] [FORMAT] { class CLASSES... }`: a line for every query. */
import { afterward } from '../../chain.ts';
import type { Directive } from '../../corefile/directive.ts';
import { corefileError, countArguments, unknownOption, zonesOfText } from '../../corefile/options.ts';
import { combinedFormat, commonFormat, compileFormat, type Told } from '../../log-format.ts';
import { type AnswerClass, answerClasses, classOf, kindOf } from '../../message/answer-kind.ts';
import { responseCodes } from '../../message/constants.ts';
import { replyTo } from '../../message/message.ts';
import { isBelow } from '../../message/name.ts';
import type { Answer, PluginSetup, Query, Served } from '../../plugin.ts';

interface Rule {
  zone: string;
  classes: ReadonlySet<AnswerClass>;
  format: (told: Told) => string;
}

export const setup: PluginSetup = (directives, { clock, logger }) => {
  const rules = directives.flatMap(rulesOf);

  function tell(rule: Rule, query: Query, answer: Answer, startedAt: number): void {
    const kind = answer && kindOf(answer);
    const answerClass = kind && classOf(kind);
    if (kind && answerClass) query.metadata?.set('log/type', kind).set('log/class', answerClass);
    if (!rule.classes.has('all') && !(answerClass && rule.classes.has(answerClass))) return;
    logger.info(rule.format({ query, answer, durationMs: clock.monotonic() - startedAt }));
  }

  return {
    handler: {
      name: 'log',
      serve: (query, next): Served => {
        const rule = rules.find(({ zone }) => isBelow(query.name, zone));
        if (rule === undefined) return next();
        const startedAt = clock.monotonic();
        // What throws becomes SERVFAIL further up: the line says so already.
        const failed = (error: unknown): never => {
          tell(rule, query, replyTo(query.message, { rcode: responseCodes.SERVFAIL }), startedAt);
          throw error;
        };
        const told = (answer: Answer): Answer => {
          tell(rule, query, answer, startedAt);
          return answer;
        };
        let served: Served;
        try {
          served = next();
        } catch (error) {
          return failed(error);
        }
        return served instanceof Promise ? served.then(told, failed) : afterward(served, told);
      },
    },
  };
};

function rulesOf({ args, block = [], at }: Directive): Rule[] {
  const last = args.at(-1);
  const hasFormat = args.length > 1 && last!.includes('{');
  const text = hasFormat ? last! : commonFormat;
  const format = compileFormat(
    text.replaceAll('{common}', commonFormat).replaceAll('{combined}', combinedFormat),
  );
  const names = hasFormat ? args.slice(0, -1) : args;
  const listed = block.flatMap(classesOf);
  const classes = new Set<AnswerClass>(listed.length > 0 ? listed : ['all']);
  const zones = names.length === 0 ? [''] : names.flatMap((name) => zonesOfText(name, at));
  return zones.map((zone) => ({ zone, classes, format }));
}

function classesOf(line: Directive): AnswerClass[] {
  if (line.name !== 'class') throw unknownOption(line, 'log');
  countArguments(line, 1, Number.POSITIVE_INFINITY);
  return line.args.map((word) => {
    const found = answerClasses.find((one) => one === word);
    if (found === undefined)
      throw corefileError(line.at, `"${word}" is no class`, `There are ${answerClasses.join(', ')}.`);
    return found;
  });
}
