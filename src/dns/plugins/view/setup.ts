/** `view NAME { expr EXPRESSION }`: the server block is for the queries alone that all its expressions are true of. */

import type { Directive } from '../../corefile/directive.ts';
import { corefileError, onlyArgument, onlyDirective, unknownOption } from '../../corefile/options.ts';
import { compileExpression, type Expression } from '../../expression/parser.ts';
import { queryFunctions } from '../../expression/query-functions.ts';
import type { PluginSetup, Query } from '../../plugin.ts';

export const setup: PluginSetup = (directives) => {
  const directive = onlyDirective(directives);
  const name = onlyArgument(directive);
  const conditions = (directive.block ?? []).map(conditionOf);
  return {
    settings: {
      view: { name, matches: (query) => conditions.every((condition) => holds(condition, query)) },
    },
    collect: (query) => void query.metadata?.set('view/name', name),
    handler: { name: 'view', serve: (_query, next) => next() },
  };
};

function conditionOf(line: Directive): Expression<Query> {
  if (line.name !== 'expr') throw unknownOption(line, 'view');
  const text = line.args.join(' ');
  try {
    return compileExpression(text, { functions: queryFunctions }).value;
  } catch (cause) {
    throw corefileError(line.at, `"${text}" is no expression: ${(cause as Error).message}`);
  }
}

/** What fails is not true, nor is anything else but true. */
function holds(condition: Expression<Query>, query: Query): boolean {
  try {
    return condition(query) === true;
  } catch {
    return false;
  }
}
