/**
 * Regular expressions of Corefiles: Go's, by a port of its engine. Time grows with the text's length and no faster, whatever the
 * expression is, where JavaScript's engine tries again without end for `^(a+)+$`, and a name that anybody asks for could stop the server.
 */
import { RE2JS } from 're2js';
import type { Place } from './directive.ts';
import { corefileError } from './options.ts';

export interface GoMatch {
  /** The whole match, then each group; empty where the group has no part in it, as Go has it. */
  groups: readonly string[];
  named: ReadonlyMap<string, string>;
}

export interface GoRegExp {
  /** As it was written. */
  readonly source: string;
  /** How many groups it has, named and not. */
  readonly groupCount: number;
  /** Whether it matches anywhere in the text. */
  test(text: string): boolean;
  /** The leftmost match; undefined for none. */
  match(text: string): GoMatch | undefined;
}

/** @throws Error for what Go does not take: lookaheads, backreferences, more than 1000 repetitions … */
export function goRegExp(source: string): GoRegExp {
  const compiled = RE2JS.compile(source);
  const groupCount = compiled.groupCount();
  const names = Object.entries(compiled.namedGroups());
  return {
    source,
    groupCount,
    test: (text) => compiled.test(text),
    match: (text) => {
      const matcher = compiled.matcher(text);
      if (!matcher.find()) return undefined;
      const groups = Array.from({ length: groupCount + 1 }, (_, i) => matcher.group(i) ?? '');
      return { groups, named: new Map(names.map(([name, index]) => [name, groups[index]!])) };
    },
  };
}

/** The same of a Corefile. @throws COREFILE */
export function regularExpression(text: string, at: Place): GoRegExp {
  try {
    return goRegExp(text);
  } catch (cause) {
    throw corefileError(at, `"${text}" is no regular expression`, String(cause));
  }
}
