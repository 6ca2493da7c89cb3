/** `errors`: logs what went wrong in the plugins behind it; many alike are counted and told once (`consolidate`). */

import type { Clock } from '../../../util/clock.ts';
import { describeError } from '../../../util/errors.ts';
import type { Level, Logger } from '../../../util/logger.ts';
import type { Directive } from '../../corefile/directive.ts';
import { type GoRegExp, regularExpression } from '../../corefile/go-regexp.ts';
import {
  corefileError,
  countArguments,
  durationMs,
  onlyDirective,
  unknownOption,
} from '../../corefile/options.ts';
import { typeName } from '../../message/names-of-numbers.ts';
import type { Answer, PluginSetup, Query } from '../../plugin.ts';

const maxExpressionLength = 10_000;
const levels: Readonly<Record<string, Level>> = {
  warning: 'warn',
  error: 'error',
  info: 'info',
  debug: 'debug',
};

interface Consolidation {
  periodMs: number;
  period: string;
  pattern: GoRegExp;
  text: string;
  level: Level;
  showFirst: boolean;
}

export const setup: PluginSetup = (directives, { clock, logger }) => {
  const directive = onlyDirective(directives);
  const { args, at, block = [] } = directive;
  countArguments(directive, 0, 1);
  if (args.length === 1 && args[0] !== 'stdout')
    throw corefileError(at, `errors are not written to "${args[0]}"`);
  const counters: ErrorCounter[] = [];
  let stacktrace = false;
  for (const line of block) {
    if (line.name === 'stacktrace') stacktrace = true;
    else if (line.name === 'consolidate') counters.push(new ErrorCounter(consolidation(line), clock, logger));
    else throw unknownOption(line, 'errors');
  }

  function report(query: Query, error: unknown): void {
    const text = describeError(error);
    const counter = counters.find((one) => one.matches(text));
    if (counter?.take()) return;
    const stack = stacktrace && error instanceof Error ? { stack: error.stack } : {};
    logger[counter?.level ?? 'error'](`${query.name}. ${typeName(query.type)}: ${text}`, stack);
  }
  function rethrow(query: Query, error: unknown): never {
    report(query, error);
    throw error;
  }

  return {
    settings: { stacktrace },
    close: () => {
      for (const counter of counters) counter.stop();
    },
    handler: {
      name: 'errors',
      serve: (query, next) => {
        try {
          const served = next();
          return served instanceof Promise ? served.catch((error): Answer => rethrow(query, error)) : served;
        } catch (error) {
          return rethrow(query, error);
        }
      },
    },
  };
};

/** Errors alike within one period. */
class ErrorCounter {
  readonly #options: Consolidation;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #count = 0;
  #cancel = () => {};
  #stopped = false;

  constructor(options: Consolidation, clock: Clock, logger: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
  }

  get level(): Level {
    return this.#options.level;
  }

  matches(text: string): boolean {
    return this.#options.pattern.test(text);
  }

  /** Counts one; false where it is to be told at once all the same. */
  take(): boolean {
    if (this.#stopped) return false;
    this.#count++;
    if (this.#count > 1) return true;
    this.#cancel = this.#clock.after(this.#options.periodMs, () => this.#tell());
    return !this.#options.showFirst;
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
    this.#tell();
  }

  #tell(): void {
    const { level, text, period, showFirst } = this.#options;
    const count = this.#count;
    this.#count = 0;
    if (count > (showFirst ? 1 : 0))
      this.#logger[level](`${count} errors like '${text}' occurred in last ${period}`);
  }
}

/** `consolidate DURATION REGEXP [LEVEL] [show_first]` */
function consolidation(line: Directive): Consolidation {
  countArguments(line, 2, 4);
  const [period, text, ...rest] = line.args as [string, string, ...string[]];
  if (text.length > maxExpressionLength)
    throw corefileError(line.at, `a regular expression of more than ${maxExpressionLength} characters`);
  const [level, ...flags] = Object.hasOwn(levels, rest[0] ?? '') ? rest : [undefined, ...rest];
  const wrong = flags.find((flag) => flag !== 'show_first');
  if (wrong !== undefined)
    throw corefileError(line.at, `"${wrong}" is no option here: one level, then show_first`);
  return {
    periodMs: durationMs(period, line.at),
    period,
    pattern: regularExpression(text, line.at),
    text,
    level: level === undefined ? 'error' : levels[level]!,
    showFirst: flags.length > 0,
  };
}
