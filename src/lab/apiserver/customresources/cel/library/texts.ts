/** Texts (cel-go, ext/strings.go; apiserver, cel/library/regex.go) and conversions to them. */
import type { Duration } from '@marcbachmann/cel-js/evaluator';
import { PatternTimeout } from '../../schema/bounded-match.ts';
import { goRegExp } from '../../schema/patterns.ts';
import { exhaust } from '../cost.ts';
import { secondsText, timeText } from '../time.ts';
import type { Library } from './library.ts';

/** Characters are counted, not JavaScript's units. */
const characters = (text: string) => [...text];

function charAt(text: string, index: bigint): string {
  const all = characters(text);
  if (index < 0n || index > BigInt(all.length)) throw new Error(`index out of range: ${index}`);
  return all[Number(index)] ?? '';
}

function replace(text: string, from: string, to: string, limit = -1n): string {
  if (limit < 0n) return text.replaceAll(from, () => to);
  const parts = text.split(from);
  const count = Math.min(Number(limit), parts.length - 1);
  return [parts.slice(0, count + 1).join(to), ...parts.slice(count + 1)].join(from);
}

/** What takes too long ends the expression, as any cost beyond the limit does. */
function matching<T>(match: () => T): T {
  try {
    return match();
  } catch (error) {
    if (error instanceof PatternTimeout) exhaust();
    throw error;
  }
}

const matches = (text: string, pattern: string) => matching(() => goRegExp(pattern).test(text));

function find(text: string, pattern: string): string {
  return matching(() => goRegExp(pattern).exec(text)?.[0] ?? '');
}

function findAll(text: string, pattern: string, limit = -1n): string[] {
  const found = matching(() => [...text.matchAll(goRegExp(pattern, 'g'))].map(([match]) => match));
  return limit < 0n ? found : found.slice(0, Number(limit));
}

const escapes: Record<string, string> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

const quote = (text: string) => `"${text.replaceAll(/[\p{Cc}\\"]/gu, (c) => escapes[c] ?? c)}"`;

export const texts: Library = {
  namespaces: { strings: { 'quote(string): string': quote } },
  functions: {
    'string.charAt(int): string': charAt,
    'string.replace(string, string): string': (text: string, from: string, to: string) =>
      replace(text, from, to),
    'string.replace(string, string, int): string': replace,
    // Rules' own names are changed to these, where the environment's function is another (expression.ts).
    'string.asciiUpper(): string': (text: string) => text.replaceAll(/[a-z]/g, (c) => c.toUpperCase()),
    'string.asciiLower(): string': (text: string) => text.replaceAll(/[A-Z]/g, (c) => c.toLowerCase()),
    'string.matchesGo(string): bool': matches,
    'matchesGo(string, string): bool': matches,
    'string.find(string): string': find,
    'string.findAll(string): list<string>': (text: string, pattern: string) => findAll(text, pattern),
    'string.findAll(string, int): list<string>': findAll,
    'string(google.protobuf.Duration): string': secondsText,
    'string(google.protobuf.Timestamp): string': timeText,
    'int(google.protobuf.Timestamp): int': (time: Date) => BigInt(Math.floor(time.getTime() / 1000)),
    'timestamp(google.protobuf.Timestamp): google.protobuf.Timestamp': (time: Date) => time,
    'duration(google.protobuf.Duration): google.protobuf.Duration': (duration: Duration) => duration,
  },
};
