/**
 * Expressions of the plugins `view` and `template`: a part of the language expr (expr-lang.org), which CoreDNS uses.
 * Compiled once: what kinds of values cannot go together is an error then, as there.
 */
import { goRegExp } from '../corefile/go-regexp.ts';
import { type Token, tokensOf } from './lexer.ts';
import { operators } from './operators.ts';
import {
  builtins,
  type ExpressionFunction,
  type ExpressionValue,
  fits,
  type Kind,
  type Names,
} from './values.ts';

/** The expression's value. @throws Error where its values make no sense */
export type Expression<Context> = (context: Context) => ExpressionValue;

export interface Compiled<Context> {
  gives: Kind;
  value: Expression<Context>;
}

/** @throws Error saying what is wrong with the text */
export function compileExpression<Context>(text: string, names: Names<Context>): Compiled<Context> {
  const parser = new Parser<Context>(tokensOf(text), names);
  const { gives, run, constant: _ } = parser.whole();
  return { gives, value: (context) => run({ context, items: [] }) };
}

interface Scope<Context> {
  context: Context;
  /** What `#` is, the innermost last. */
  items: ExpressionValue[];
}

interface Node<Context> {
  gives: Kind;
  run(scope: Scope<Context>): ExpressionValue;
  /** Of a literal. */
  constant?: ExpressionValue;
}

type ListWork = (
  list: ExpressionValue[],
  test: (item: ExpressionValue) => ExpressionValue,
) => ExpressionValue;

/** Functions whose second argument is asked of every item, `#`. */
const listFunctions: Readonly<Record<string, { gives: Kind; work: ListWork }>> = {
  all: { gives: 'bool', work: (list, test) => list.every((item) => isTrue(test(item))) },
  any: { gives: 'bool', work: (list, test) => list.some((item) => isTrue(test(item))) },
  none: { gives: 'bool', work: (list, test) => !list.some((item) => isTrue(test(item))) },
  one: { gives: 'bool', work: (list, test) => list.filter((item) => isTrue(test(item))).length === 1 },
  filter: { gives: 'array', work: (list, test) => list.filter((item) => isTrue(test(item))) },
  count: { gives: 'number', work: (list, test) => list.filter((item) => isTrue(test(item))).length },
  map: { gives: 'array', work: (list, test) => list.map(test) },
};

function isTrue(value: ExpressionValue): boolean {
  if (typeof value !== 'boolean') throw new Error('a condition is true or false');
  return value;
}

const literals: Readonly<Record<string, ExpressionValue>> = { true: true, false: false, nil: null };
const unaryBinds: Readonly<Record<string, number>> = { not: 50, '!': 50, '-': 90, '+': 90 };
/** How deep an expression may be nested. */
const maxDepth = 200;

class Parser<Context> {
  readonly #tokens: readonly Token[];
  readonly #names: Names<Context>;
  #next = 0;
  #predicates = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], names: Names<Context>) {
    this.#tokens = tokens;
    this.#names = names;
  }

  whole(): Node<Context> {
    const node = this.#expression(0);
    const { kind, text } = this.#peek();
    if (kind !== 'end') throw new Error(`"${text}" is not expected there`);
    return node;
  }

  #peek(): Token {
    return this.#tokens[this.#next]!;
  }

  #take(): Token {
    return this.#tokens[this.#next++]!;
  }

  #accept(text: string): boolean {
    const { kind, text: found } = this.#peek();
    if (kind !== 'operator' || found !== text) return false;
    this.#next++;
    return true;
  }

  #expect(text: string): void {
    if (!this.#accept(text)) throw new Error(`"${text}" is expected before "${this.#peek().text}"`);
  }

  #expression(binds: number): Node<Context> {
    if (++this.#depth > maxDepth) throw new Error('it is nested too deeply');
    let left = this.#unary();
    for (;;) {
      const joined = this.#joined(left, binds);
      if (joined === undefined) break;
      left = joined;
    }
    this.#depth--;
    return binds === 0 ? this.#conditional(left) : left;
  }

  /** What the operator that follows makes of the left side; undefined where none does that binds as tightly. */
  #joined(left: Node<Context>, binds: number): Node<Context> | undefined {
    const { kind, text } = this.#peek();
    if (kind !== 'operator') return undefined;
    if (text === '|') return binds === 0 ? this.#piped(left) : undefined;
    if (text === 'not') return this.#negated(left, binds);
    if (text === 'matches') return binds <= 20 ? this.#matches(left) : undefined;
    const operator = operators.get(text);
    if (operator === undefined || operator.binds < binds) return undefined;
    this.#next++;
    const right = this.#expression(operator.binds + (operator.rightToLeft ? 0 : 1));
    const gives = operator.gives(left.gives, right.gives);
    if (gives === undefined) throw new Error(`${text} does not take ${left.gives} and ${right.gives}`);
    return { gives, run: (scope) => operator.apply(() => left.run(scope), () => right.run(scope)) }; // biome-ignore format: one line
  }

  /** `a not in b`, `a not matches b` … */
  #negated(left: Node<Context>, binds: number): Node<Context> | undefined {
    if (binds > 20) return undefined;
    this.#next++;
    const { text } = this.#peek();
    const joined = ['in', 'matches', 'contains', 'startsWith', 'endsWith'].includes(text)
      ? this.#joined(left, 20)
      : undefined;
    if (joined === undefined) throw new Error(`"not" is not expected before "${text}"`);
    return { gives: 'bool', run: (scope) => !joined.run(scope) };
  }

  #matches(left: Node<Context>): Node<Context> {
    this.#next++;
    const right = this.#expression(21);
    if (!fits(left.gives, 'string') || !fits(right.gives, 'string'))
      throw new Error(`matches does not take ${left.gives} and ${right.gives}`);
    const fixed = typeof right.constant === 'string' ? goRegExp(right.constant) : undefined;
    return {
      gives: 'bool',
      run: (scope) => (fixed ?? goRegExp(String(right.run(scope)))).test(String(left.run(scope))),
    };
  }

  #conditional(condition: Node<Context>): Node<Context> {
    if (!this.#accept('?')) return condition;
    if (!fits(condition.gives, 'bool')) throw new Error('what stands before "?" is true or false');
    const yes = this.#expression(0);
    this.#expect(':');
    const no = this.#expression(0);
    const gives = yes.gives === no.gives ? yes.gives : 'any';
    return { gives, run: (scope) => (isTrue(condition.run(scope)) ? yes : no).run(scope) };
  }

  #piped(first: Node<Context>): Node<Context> {
    this.#next++;
    const { kind, text } = this.#take();
    if (kind !== 'name') throw new Error(`"${text}" is no function`);
    return this.#behind(this.#call(text, [first]));
  }

  #unary(): Node<Context> {
    const { kind, text } = this.#peek();
    const binds = kind === 'operator' ? unaryBinds[text] : undefined;
    if (binds === undefined) return this.#behind(this.#primary());
    this.#next++;
    const operand = this.#expression(binds);
    if (text === 'not' || text === '!') {
      if (!fits(operand.gives, 'bool')) throw new Error(`${text} does not take ${operand.gives}`);
      return { gives: 'bool', run: (scope) => !isTrue(operand.run(scope)) };
    }
    if (!fits(operand.gives, 'number')) throw new Error(`${text} does not take ${operand.gives}`);
    return { gives: 'number', run: (scope) => Number(operand.run(scope)) * (text === '-' ? -1 : 1) };
  }

  /** Indices and slices. */
  #behind(node: Node<Context>): Node<Context> {
    let whole = node;
    while (this.#accept('[')) whole = this.#indexed(whole);
    return whole;
  }

  #indexed(list: Node<Context>): Node<Context> {
    const bound = () => (['number', 'name', 'string'].includes(this.#peek().kind) || !/^[:\]]$/.test(this.#peek().text) ? this.#expression(1) : undefined); // biome-ignore format: one line
    const from = bound();
    const isSlice = this.#accept(':');
    const to = isSlice ? bound() : undefined;
    this.#expect(']');
    if (isSlice) {
      const sliced = (scope: Scope<Context>) =>
        (list.run(scope) as string | ExpressionValue[]).slice(
          (from?.run(scope) ?? undefined) as number | undefined,
          (to?.run(scope) ?? undefined) as number | undefined,
        );
      return { gives: list.gives, run: sliced };
    }
    if (from === undefined) throw new Error('an index is missing');
    return { gives: 'any', run: (scope) => itemOf(list.run(scope), from.run(scope)) };
  }

  #primary(): Node<Context> {
    const { kind, text } = this.#take();
    if (kind === 'number') return literal('number', Number(text));
    if (kind === 'string') return literal('string', text);
    if (kind === 'name') return this.#named(text);
    if (kind === 'operator' && text === '(') {
      const inside = this.#expression(0);
      this.#expect(')');
      return inside;
    }
    if (kind === 'operator' && text === '[') return this.#list();
    if (kind === 'operator' && text === '#' && this.#predicates > 0)
      return { gives: 'any', run: ({ items }) => items.at(-1)! };
    throw new Error(`"${text}" is not expected there`);
  }

  #list(): Node<Context> {
    const items = this.#until(']');
    return { gives: 'array', run: (scope) => items.map((item) => item.run(scope)) };
  }

  #until(end: string): Node<Context>[] {
    const items: Node<Context>[] = [];
    while (!this.#accept(end)) {
      if (items.length > 0) {
        this.#expect(',');
        if (this.#accept(end)) break;
      }
      items.push(this.#expression(0));
    }
    return items;
  }

  #named(name: string): Node<Context> {
    if (Object.hasOwn(literals, name)) return literal(name === 'nil' ? 'any' : 'bool', literals[name]!);
    const { kind, text } = this.#peek();
    if (kind === 'operator' && text === '(') return this.#call(name, []);
    const variable = this.#names.variables?.get(name);
    if (variable === undefined) throw new Error(`there is no "${name}"`);
    return { gives: variable.gives, run: ({ context }) => variable.read(context) };
  }

  #call(name: string, first: Node<Context>[]): Node<Context> {
    this.#expect('(');
    if (Object.hasOwn(listFunctions, name)) return this.#ofEach(name, first[0]);
    const args = [...first, ...this.#until(')')];
    const own = this.#names.functions.get(name);
    const builtin = own === undefined ? builtins.get(name) : undefined;
    if (own === undefined && builtin === undefined) throw new Error(`there is no function "${name}"`);
    checkArguments(name, own ?? builtin!, args);
    const values = (scope: Scope<Context>) => args.map((arg) => arg.run(scope)) as never[];
    return {
      gives: (own ?? builtin!).gives,
      run: (scope) => {
        const given = values(scope);
        checkValues(name, (own ?? builtin!).takes, given);
        return own === undefined ? builtin!.call(...given) : own.call(scope.context, ...given);
      },
    };
  }

  #ofEach(name: string, piped: Node<Context> | undefined): Node<Context> {
    const list = piped ?? this.#expression(0);
    if (!fits(list.gives, 'array')) throw new Error(`${name} takes an array`);
    if (piped === undefined) this.#expect(',');
    this.#predicates++;
    const braces = this.#accept('{');
    const test = this.#expression(0);
    if (braces) this.#expect('}');
    this.#predicates--;
    this.#expect(')');
    const { gives, work } = listFunctions[name]!;
    return {
      gives,
      run: ({ context, items }) =>
        work(list.run({ context, items }) as ExpressionValue[], (item) =>
          test.run({ context, items: [...items, item] }),
        ),
    };
  }
}

function literal<Context>(gives: Kind, constant: ExpressionValue): Node<Context> {
  return { gives, constant, run: () => constant };
}

function itemOf(list: ExpressionValue, index: ExpressionValue): ExpressionValue {
  const item = (list as ExpressionValue[]).at(Number(index));
  if (item === undefined) throw new Error(`there is no item ${index}`);
  return item;
}

type Signature = Pick<ExpressionFunction, 'takes' | 'optional'>;

function checkArguments(
  name: string,
  { takes, optional = 0 }: Signature,
  args: readonly { gives: Kind }[],
): void {
  if (args.length > takes.length || args.length < takes.length - optional)
    throw new Error(`${name} takes ${takes.length} argument(s), here are ${args.length}`);
  const wrong = args.findIndex(({ gives }, i) => !fits(gives, takes[i]!));
  if (wrong >= 0) throw new Error(`${name} takes ${takes[wrong]}, not ${args[wrong]!.gives}`);
}

function checkValues(name: string, takes: readonly Kind[], values: readonly ExpressionValue[]): void {
  for (const [i, value] of values.entries()) {
    const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
    if (takes[i] !== 'any' && takes[i] !== kind) throw new Error(`${name} takes ${takes[i]}, not ${kind}`);
  }
}
