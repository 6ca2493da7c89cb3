/**
 * Regular expressions in RE2's syntax, which Kubernetes' are, by JavaScript's engine. What the two write differently is
 * rewritten: ends of text, flags within, classes of POSIX and of Unicode, named groups, characters that stand for themselves.
 */

import { BoundedRegExp } from './bounded-match.ts';

const posix: Record<string, string> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7F',
  blank: '\\t ',
  cntrl: '\\x00-\\x1F\\x7F',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`\\{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};

const literally = (text: string) => text.replaceAll(/[$()*+./?[\\\]^{|}]/g, '\\$&');

interface Rewrite {
  /** Within a class of characters, or without; both when absent. */
  inClass?: boolean;
  pattern: RegExp;
  to: string | ((match: RegExpExecArray) => string);
}

/** The first that matches is taken. Sticky: each is tried where the reading stands. */
const rewrites: readonly Rewrite[] = [
  { inClass: false, pattern: /\\A/y, to: '(?<![\\s\\S])' },
  { inClass: false, pattern: /\\z/y, to: '(?![\\s\\S])' },
  { pattern: /\\a/y, to: '\\x07' },
  { inClass: false, pattern: /\\Q([\s\S]*?)(?:\\E|$)/y, to: ([, text]) => literally(text!) },
  { pattern: /\\([pP])([A-Z])/y, to: ([, p, name]) => `\\${p}{${name}}` },
  { pattern: /\\([pP])\{\^([^}]*)\}/y, to: ([, p, name]) => `\\${p === 'p' ? 'P' : 'p'}{${name}}` },
  { pattern: /\\([pP])\{(\w{3,})\}/y, to: ([, p, name]) => `\\${p}{Script=${name}}` },
  { pattern: /\\x\{([0-9A-Fa-f]+)\}/y, to: ([, code]) => `\\u{${code}}` },
  // JavaScript's \s has more than the ASCII of RE2's.
  { inClass: true, pattern: /\\s/y, to: '\\t\\n\\f\\r ' },
  { inClass: false, pattern: /\\s/y, to: '[\\t\\n\\f\\r ]' },
  { inClass: false, pattern: /\\S/y, to: '[^\\t\\n\\f\\r ]' },
  { inClass: true, pattern: /\\-/y, to: '\\-' },
  { pattern: /\\([A-Za-z0-9$()*+./?[\\\]^{|}])/y, to: ([text]) => text },
  { pattern: /\\([\s\S])/y, to: ([, text]) => text! },
  { inClass: true, pattern: /\[:(\w+):\]/y, to: ([text, name]) => posix[name!] ?? text },
  { inClass: true, pattern: /\[/y, to: '\\[' },
  // Beside a class within the class, a hyphen is a character.
  { inClass: true, pattern: /-(?=\\[dswDSWpP])/y, to: '\\-' },
  { inClass: true, pattern: /(?<=\\[dswDSW]|\\[pP]\{\w+\}|:\])-(?!\])/y, to: '\\-' },
  { inClass: false, pattern: /\(\?P</y, to: '(?<' },
  // A brace that opens no repetition stands for itself, and so does what closes nothing.
  { inClass: false, pattern: /\{\d+(?:,\d*)?\}/y, to: ([text]) => text },
  { inClass: false, pattern: /[{}\]]/y, to: ([text]) => `\\${text}` },
];

const classStart = /\[\^?\]?/y;
const flagged = /\(\?([ims]+)\)/y;

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** The expression as JavaScript writes it, and the flags that it begins with. */
function translate(text: string): { source: string; flags: string } {
  const flags = matchAt(flagged, text, 0);
  /** Of each open group, how many groups within were opened for flags, which hold to its end. */
  const groups = [0];
  let out = '';
  let inClass = false;
  let at = flags?.[0].length ?? 0;
  const take = (from: string, to: string) => {
    at += from.length;
    out += to;
  };
  while (at < text.length) {
    const inner = inClass ? null : matchAt(flagged, text, at);
    const opening = inClass ? null : matchAt(classStart, text, at);
    const rewrite = rewrites.find((r) => r.inClass !== !inClass && matchAt(r.pattern, text, at) !== null);
    if (inner !== null) {
      groups[groups.length - 1]!++;
      take(inner[0], `(?${inner[1]}:`);
    } else if (opening !== null) {
      inClass = true;
      // A bracket that closes at once stands for itself.
      take(opening[0], opening[0].replace(/\]$/, '\\]'));
    } else if (rewrite !== undefined) {
      const match = matchAt(rewrite.pattern, text, at)!;
      if (match[0].startsWith('(')) groups.push(0);
      take(match[0], typeof rewrite.to === 'string' ? rewrite.to : rewrite.to(match));
    } else {
      const c = text[at]!;
      if (inClass && c === ']') inClass = false;
      if (!inClass && c === '(') groups.push(0);
      take(c, !inClass && c === ')' ? ')'.repeat(1 + (groups.pop() ?? 0)) : c);
    }
  }
  return { source: out + ')'.repeat(groups[0] ?? 0), flags: flags?.[1] ?? '' };
}

/** What RE2 does not have; JavaScript's would be taken for what it means there. */
const foreign = /(?<!\\)(?:\\\\)*(\(\?<?[=!]|\\[1-9]|\(\?<(?![A-Za-z_]\w*>))/;

function compile(pattern: string, flags: string): RegExp | Error {
  const unknown = foreign.exec(pattern)?.[1];
  if (unknown !== undefined)
    return new Error(`error parsing regexp: invalid or unsupported Perl syntax: \`${unknown}\``);
  const translation = translate(pattern);
  try {
    return new BoundedRegExp(translation.source, `u${translation.flags}${flags}`);
  } catch (error) {
    return new Error(`error parsing regexp: ${(error as Error).message}`);
  }
}

const compiled = new Map<string, RegExp | Error>();
const maxKept = 10_000;

/** Compiled once; matching may throw PatternTimeout. `flags` are JavaScript's own. Throws Error for what is no expression. */
export function goRegExp(pattern: string, flags = ''): RegExp {
  const key = `${flags}/${pattern}`;
  let known = compiled.get(key);
  if (known === undefined) {
    known = compile(pattern, flags);
    if (compiled.size >= maxKept) compiled.clear();
    compiled.set(key, known);
  }
  if (known instanceof Error) throw known;
  return known;
}
