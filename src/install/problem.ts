/** What stands against an installation, or should be known before it. */
import { TendrilError } from '../util/errors.ts';

export interface Problem {
  /** What is wrong; with the node's name before it where it is one's. */
  what: string;
  /** What to do about it. */
  remedy: string;
  /** The network works in spite of it, or most of it does. */
  warning?: true;
}

/** @throws TendrilError NOT_READY with all of them, each with its remedy, warnings left out */
export function refuse(what: string, problems: readonly Problem[]): void {
  const grave = grouped(problems.filter(({ warning }) => !warning));
  if (grave.length === 0) return;
  const lines = grave.map(({ what, remedy }) => `\n  ${what}\n    ${remedy}`);
  throw new TendrilError('NOT_READY', `${what}:${lines.join('')}`);
}

/** The same of many nodes once, with all their names. */
export function grouped(problems: readonly Problem[]): Problem[] {
  const groups = new Map<string, { nodes: string[]; problem: Problem }>();
  for (const problem of problems) {
    const [, node, rest] = /^(\S+): ([\s\S]*)$/.exec(problem.what) ?? [undefined, undefined, problem.what];
    const key = JSON.stringify([rest, problem.remedy, problem.warning]);
    const group = groups.get(key) ?? { nodes: [], problem: { ...problem, what: rest! } };
    if (node !== undefined) group.nodes.push(node);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ nodes, problem }) => ({
    ...problem,
    what: nodes.length > 0 ? `${nodes.join(', ')}: ${problem.what}` : problem.what,
  }));
}
