/**
 * Regular expressions that end. RE2, which Kubernetes has, looks at every character once; JavaScript's engine tries again,
 * without end for `^(a+)+$`. Where that could be, the engine is given a time.
 */
import { type Context, createContext, Script } from 'node:vm';

/** Longer than any expression takes that does not try again and again. */
const limitMs = 100;

/** The part of the time that it has worked at least, where it is given up. */
const worked = 0.8;

export class PatternTimeout extends Error {
  constructor(source: string) {
    super(`matching '${source}' takes longer than ${limitMs} ms`);
  }
}

/** Shorter texts end soon whatever the expression is. */
const shortText = 24;
const longText = 1000;
const repeatedGroup = /\)[*+{]/;
const repetition = /[*+{]/;

function mayBacktrack(source: string, text: string): boolean {
  if (text.length <= shortText) return false;
  return repeatedGroup.test(source) || (text.length > longText && repetition.test(source));
}

let context: (Context & { run?: () => unknown }) | undefined;
const script = new Script('run()');

/** The engine is stopped by the clock; on a busy machine that says little of how long it has worked. */
function inTime<T>(source: string, run: () => T): T {
  context ??= createContext({});
  context.run = run;
  try {
    for (let timeout = limitMs; ; timeout *= 4) {
      const before = process.threadCpuUsage();
      try {
        return script.runInContext(context, { timeout }) as T;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
        const { user, system } = process.threadCpuUsage(before);
        if (user + system >= 1000 * limitMs * worked) throw new PatternTimeout(source);
      }
    }
  } finally {
    context.run = undefined;
  }
}

/** All that matches with one goes through exec(). It throws PatternTimeout. */
export class BoundedRegExp extends RegExp {
  override exec(text: string): RegExpExecArray | null {
    const run = () => super.exec(text);
    return mayBacktrack(this.source, text) ? inTime(this.source, run) : run();
  }
}
