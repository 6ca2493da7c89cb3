/** `var NAME EXPRESSION` and `expr EXPRESSION` of `template`: values and conditions of each query that fits its expressions. */
import type { Directive } from '../../corefile/directive.ts';
import { corefileError, countArguments } from '../../corefile/options.ts';
import { compileExpression, type Expression } from '../../expression/parser.ts';
import { queryFunctions } from '../../expression/query-functions.ts';
import { builtins, type ExpressionValue, type Kind, type Names } from '../../expression/values.ts';
import type { Query } from '../../plugin.ts';

export interface Asked {
  query: Query;
  /** What the regular expression's groups are, by number and name. */
  groups: ReadonlyMap<string, string>;
}

interface Scope extends Asked {
  values: Map<string, ExpressionValue>;
}

/** `false`: a condition is not true; `'failed'`: something made no sense. */
export type Evaluated = ReadonlyMap<string, ExpressionValue> | false | 'failed';

export class TemplateVariables {
  readonly #functions: Map<string, { takes: readonly Kind[]; gives: Kind; call(scope: Scope, ...args: never[]): ExpressionValue }>; // biome-ignore format: one line
  readonly #variables = new Map<string, { gives: Kind; value: Expression<Scope> }>();
  readonly #conditions: Expression<Scope>[] = [];

  constructor() {
    const ofQuery = [...queryFunctions].map(([name, { takes, gives, call }]) => {
      const asked = { takes, gives, call: ({ query }: Scope, ...args: never[]) => call(query, ...args) };
      return [name, asked] as const;
    });
    this.#functions = new Map(ofQuery);
    this.#functions.set('group', {
      takes: ['any'],
      gives: 'string',
      call: ({ groups }: Scope, name: ExpressionValue) => groups.get(String(name)) ?? '',
    });
  }

  /** A `var` line. Those that come later may use it. @throws COREFILE */
  add(line: Directive): void {
    countArguments(line, 2, Number.POSITIVE_INFINITY);
    const [name, ...words] = line.args as [string, ...string[]];
    if (!/^[A-Za-z_]\w*$/.test(name)) throw corefileError(line.at, `"${name}" is no name of a variable`);
    if (reserved.has(name) || builtins.has(name) || this.#functions.has(name))
      throw corefileError(line.at, `the name "${name}" means something else already`);
    this.#variables.set(name, this.#compile(words, line));
  }

  /** An `expr` line. @throws COREFILE */
  addCondition(line: Directive): void {
    countArguments(line, 1, Number.POSITIVE_INFINITY);
    this.#conditions.push(this.#compile(line.args, line).value);
  }

  /** The variables' values where all conditions are true. */
  of(asked: Asked): Evaluated {
    const scope: Scope = { ...asked, values: new Map() };
    try {
      for (const [name, { value }] of this.#variables) scope.values.set(name, value(scope));
      return this.#conditions.every((condition) => condition(scope) === true) && scope.values;
    } catch {
      return 'failed';
    }
  }

  #compile(words: readonly string[], { at }: Directive): { gives: Kind; value: Expression<Scope> } {
    const text = words.join(' ');
    const variables: Names<Scope>['variables'] = new Map(
      [...this.#variables].map(([name, { gives }]) => [
        name,
        { gives, read: ({ values }: Scope) => values.get(name)! },
      ]),
    );
    try {
      return compileExpression<Scope>(text, { functions: this.#functions, variables });
    } catch (cause) {
      throw corefileError(at, `"${text}" is no expression: ${(cause as Error).message}`);
    }
  }
}

const reserved = new Set(
  `true false nil not and or in matches contains startsWith endsWith let if else all any none one filter count
   map`.split(/\s+/),
);
