/**
 * Regular expressions that end. RE2, which Kubernetes has, looks at every character once; JavaScript's engine tries again,
 * without end for `^(a+)+$`. Where that could be, the engine is given a time.
 */
import { type Context, createContext, Script } from 'node:vm';

/** Longer than any expression takes that does not try again and again. */
const limitMs = 100;

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

function inTime<T>(source: string, run: () => T): T {
  context ??= createContext({});
  context.run = run;
  try {
    return script.runInContext(context, { timeout: limitMs }) as T;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === 'ERR_SCRIPT_EXECUTION_TIMEOUT' ? new PatternTimeout(source) : error;
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
