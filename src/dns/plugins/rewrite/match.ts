/** How rules recognise names, and make others of them. Names here are in lower case and end with a dot. */
import type { Place } from '../../corefile/directive.ts';
import { type GoRegExp, regularExpression } from '../../corefile/go-regexp.ts';
import { corefileError } from '../../corefile/options.ts';

export const matchTypes = ['exact', 'prefix', 'suffix', 'substring', 'regex'] as const;
export type MatchType = (typeof matchTypes)[number];

const maxExpressionLength = 10_000;

export function isMatchType(word: string): word is MatchType {
  return (matchTypes as readonly string[]).includes(word);
}

/** Lower case, with a final dot. */
export function dotted(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith('.') ? lower : `${lower}.`;
}

/** Whether a name is one that a rule is about. @throws COREFILE */
export function matcher(type: MatchType, from: string, at: Place): (name: string) => boolean {
  if (type === 'regex') {
    const pattern = expression(from, at);
    return (name) => pattern.test(name);
  }
  const text = dotted(from);
  if (type === 'prefix') return (name) => name.startsWith(text);
  if (type === 'suffix') return (name) => name.endsWith(text);
  return type === 'substring' ? (name) => name.includes(text) : (name) => name === text;
}

/** What becomes of a text; undefined where it does not match. @throws COREFILE */
export function replacer(
  type: MatchType,
  { from, to }: { from: string; to: string },
  at: Place,
): (text: string) => string | undefined {
  if (type === 'regex') return groupReplacer(expression(from, at, to), to);
  if (type === 'prefix') return (text) => (text.startsWith(from) ? to + text.slice(from.length) : undefined);
  if (type === 'suffix')
    return (text) => (text.endsWith(from) ? text.slice(0, text.length - from.length) + to : undefined);
  if (type === 'substring') return (text) => (text.includes(from) ? text.replaceAll(from, to) : undefined);
  return (text) => (text === from ? to : undefined);
}

/** `{0}` is the whole match, `{1}` the first group, and so on. */
function groupReplacer(pattern: GoRegExp, to: string): (text: string) => string | undefined {
  return (text) => {
    const groups = pattern.match(text)?.groups;
    return groups === undefined
      ? undefined
      : to.replaceAll(/\{(\d+)\}/g, (whole, index: string) =>
          Number(index) < groups.length ? groups[Number(index)]! : whole,
        );
  };
}

/** @throws COREFILE for one that is too long or wrong, or has fewer groups than `to` uses */
export function expression(text: string, at: Place, to = ''): GoRegExp {
  if (text.length > maxExpressionLength)
    throw corefileError(at, `a regular expression of more than ${maxExpressionLength} characters`);
  const pattern = regularExpression(text, at);
  const used = new Set(to.match(/\{\d{1,3}\}/g) ?? []).size;
  if (used > pattern.groupCount) throw corefileError(at, `"${to}" uses more groups than "${text}" has`);
  return pattern;
}
