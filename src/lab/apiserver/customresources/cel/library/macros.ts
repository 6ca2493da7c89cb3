/**
 * Macros that the language has and the environment lacks: over two variables (cel-go, ext/comprehensions.go), sortBy, those
 * of optional values; and has() of any selection.
 */
import { Optional } from '@marcbachmann/cel-js';
import type { Environment } from '@marcbachmann/cel-js/evaluator';
import { compareValues } from './collections.ts';
import { formatText } from './format-text.ts';

/** What the environment gives to macros, as far as these use it. */
export interface Node {
  op: string;
  args: unknown;
}
export interface CelType {
  kind: string;
  name: string;
  keyType?: CelType;
  valueType?: CelType;
}
export interface Scope {
  forkWithVariable(name: string, type: CelType): Scope;
  reuse(parent: Scope): Scope;
  setIterValue(value: unknown, evaluator: Evaluator): Scope;
}
export interface Checker {
  check(node: Node, scope: Scope): CelType;
  getType(name: string): CelType;
  registry: {
    getListType(type: CelType): CelType;
    getMapType(k: CelType, v: CelType): CelType;
    getOptionalType(t: CelType): CelType;
  };
  createError(code: string, message: string, node: Node): Error;
}
export interface Evaluator {
  run(node: Node, scope: Scope): unknown;
}
interface Call {
  args: Node[];
  receiver: Node;
}

function nameIn(node: Node): string {
  if (node.op === 'id') return node.args as string;
  throw new Error('argument must be a simple name');
}

function requireType(checker: Checker, node: Node, scope: Scope, wanted: string): void {
  const type = checker.check(node, scope);
  if (type.kind !== 'dyn' && type.name !== wanted)
    throw checker.createError('invalid_argument', `expected type '${wanted}' but found '${type.name}'`, node);
}

/** The keys and values of a map; of a list, its indexes and items. */
function entriesOf(range: unknown): Iterable<[unknown, unknown]> {
  if (Array.isArray(range)) return range.map((item, i) => [BigInt(i), item]);
  return range instanceof Map ? range : Object.entries(range as object);
}

/** Something done for each pair of a range. */
interface PairMacro {
  /** Of its last argument, or of all after the names. */
  typeCheck(checker: Checker, expressions: readonly Node[], scope: Scope, range: CelType): CelType;
  evaluate(
    pairs: Iterable<[unknown, unknown]>,
    run: (pair: [unknown, unknown], expression: number) => unknown,
  ): unknown;
}

function pairTypes(checker: Checker, range: CelType): [CelType, CelType] {
  const dyn = checker.getType('dyn');
  if (range.kind === 'list') return [checker.getType('int'), range.valueType ?? dyn];
  return range.kind === 'map' ? [range.keyType ?? dyn, range.valueType ?? dyn] : [dyn, dyn];
}

function expandPairs(macro: PairMacro): (call: Call) => object {
  return ({ args, receiver }) => {
    const [first, second, ...expressions] = args as [Node, Node, ...Node[]];
    const names = [nameIn(first), nameIn(second)] as const;
    let outer: Scope;
    let inner: Scope;
    return {
      async: false,
      typeCheck(checker: Checker, _: unknown, scope: Scope) {
        const range = checker.check(receiver, scope);
        const [keys, values] = pairTypes(checker, range);
        outer = scope.forkWithVariable(names[0], keys);
        inner = outer.forkWithVariable(names[1], values);
        return macro.typeCheck(checker, expressions, inner, range);
      },
      evaluate(evaluator: Evaluator, _: unknown, scope: Scope) {
        const pairs = entriesOf(evaluator.run(receiver, scope));
        const around = outer.reuse(scope);
        const within = inner.reuse(around);
        return macro.evaluate(pairs, ([key, value], expression) => {
          around.setIterValue(key, evaluator);
          within.setIterValue(value, evaluator);
          return evaluator.run(expressions[expression]!, within);
        });
      },
    };
  };
}

function isBool(checker: Checker, expressions: readonly Node[], scope: Scope): CelType {
  requireType(checker, expressions[0]!, scope, 'bool');
  return checker.getType('bool');
}

/** An error counts only where no other pair decides. */
function decide(
  pairs: Iterable<[unknown, unknown]>,
  test: (pair: [unknown, unknown]) => unknown,
  decisive: boolean,
): boolean {
  let failure: unknown;
  for (const pair of pairs) {
    try {
      if (test(pair) === decisive) return decisive;
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  return !decisive;
}

const all: PairMacro = {
  typeCheck: isBool,
  evaluate: (pairs, run) => decide(pairs, (pair) => run(pair, 0), false),
};
const exists: PairMacro = {
  typeCheck: isBool,
  evaluate: (pairs, run) => decide(pairs, (pair) => run(pair, 0), true),
};
const existsOne: PairMacro = {
  typeCheck: isBool,
  evaluate: (pairs, run) => [...pairs].filter((pair) => run(pair, 0) === true).length === 1,
};

/** With two expressions the first says which pairs are taken. */
function taken(
  pairs: Iterable<[unknown, unknown]>,
  run: (pair: [unknown, unknown], expression: number) => unknown,
  filtered: boolean,
): [unknown, unknown][] {
  return [...pairs].filter((pair) => !filtered || run(pair, 0) === true);
}

function transformed(
  filtered: boolean,
  typeOf: (checker: Checker, result: CelType, range: CelType) => CelType,
  collect: (results: [key: unknown, result: unknown][]) => unknown,
): PairMacro {
  const last = filtered ? 1 : 0;
  return {
    typeCheck(checker, expressions, scope, range) {
      if (filtered) requireType(checker, expressions[0]!, scope, 'bool');
      return typeOf(checker, checker.check(expressions[last]!, scope), range);
    },
    evaluate: (pairs, run) =>
      collect(taken(pairs, run, filtered).map((pair) => [pair[0], run(pair, last)] as [unknown, unknown])),
  };
}

const toList = (filtered: boolean) =>
  transformed(
    filtered,
    (checker, result) => checker.registry.getListType(result),
    (results) => results.map(([, result]) => result),
  );
const toMap = (filtered: boolean) =>
  transformed(
    filtered,
    (checker, result, range) => checker.registry.getMapType(pairTypes(checker, range)[0], result),
    (results) => new Map(results),
  );

function mergedEntries(results: [unknown, unknown][]): Map<unknown, unknown> {
  const merged = new Map<unknown, unknown>();
  for (const [key, value] of results.flatMap(([, entry]) => [...entriesOf(entry)])) {
    if (merged.has(key)) throw new Error(`insert failed: key ${key} already exists`);
    merged.set(key, value);
  }
  return merged;
}

const toEntries = (filtered: boolean) => transformed(filtered, (_, result) => result, mergedEntries);

const pairMacros: [string, PairMacro][] = [
  ['list.all(ast, ast, ast): bool', all],
  ['list.exists(ast, ast, ast): bool', exists],
  ['list.existsOne(ast, ast, ast): bool', existsOne],
  ['list.exists_one(ast, ast, ast): bool', existsOne],
  ['list.transformList(ast, ast, ast): list<dyn>', toList(false)],
  ['list.transformList(ast, ast, ast, ast): list<dyn>', toList(true)],
  ['list.transformMap(ast, ast, ast): map', toMap(false)],
  ['list.transformMap(ast, ast, ast, ast): map', toMap(true)],
  ['list.transformMapEntry(ast, ast, ast): map', toEntries(false)],
  ['list.transformMapEntry(ast, ast, ast, ast): map', toEntries(true)],
];

/** Something done with one variable: an item of a list, or what an optional holds. */
function expandOne(
  scopeType: (checker: Checker, receiver: CelType) => CelType,
  typeOf: (checker: Checker, result: CelType, receiver: CelType) => CelType,
  evaluate: (value: unknown, run: (item: unknown) => unknown) => unknown,
): (call: Call) => object {
  return ({ args, receiver }) => {
    const name = nameIn(args[0]!);
    const expression = args[1]!;
    let inner: Scope;
    return {
      async: false,
      typeCheck(checker: Checker, _: unknown, scope: Scope) {
        const type = checker.check(receiver, scope);
        inner = scope.forkWithVariable(name, scopeType(checker, type));
        return typeOf(checker, checker.check(expression, inner), type);
      },
      evaluate(evaluator: Evaluator, _: unknown, scope: Scope) {
        const value = evaluator.run(receiver, scope);
        const within = inner.reuse(scope);
        return evaluate(value, (item) => evaluator.run(expression, within.setIterValue(item, evaluator)));
      },
    };
  };
}

/** Texts of values of any types, which a list may not hold. */
function expandFormat({ args, receiver }: Call): object {
  const list = args[0]!;
  const items = list.op === 'list' ? (list.args as Node[]) : undefined;
  return {
    async: false,
    typeCheck(checker: Checker, _: unknown, scope: Scope) {
      requireType(checker, receiver, scope, 'string');
      for (const node of items ?? [list]) checker.check(node, scope);
      return checker.getType('string');
    },
    evaluate(evaluator: Evaluator, _: unknown, scope: Scope) {
      const template = evaluator.run(receiver, scope) as string;
      const values = items?.map((node) => evaluator.run(node, scope)) ?? evaluator.run(list, scope);
      return formatText(template, values as unknown[]);
    },
  };
}

const held = (checker: Checker, type: CelType) => type.valueType ?? checker.getType('dyn');

function sortBy(list: unknown, keyOf: (item: unknown) => unknown): unknown {
  const keyed = (list as unknown[]).map((item) => ({ item, key: keyOf(item) }));
  return keyed.sort((a, b) => compareValues(a.key, b.key)).map(({ item }) => item);
}

export function registerMacros(environment: Environment): void {
  const register = (signature: string, expand: (call: Call) => object) =>
    environment.registerFunction(signature, expand as never, { async: false });
  for (const [signature, macro] of pairMacros) register(signature, expandPairs(macro));
  register('string.format(ast): string', expandFormat);
  register(
    'list.sortBy(ast, ast): list<dyn>',
    expandOne(held, (_, __, list) => list, sortBy),
  );
  register(
    'optional.optMap(ast, ast): optional<dyn>',
    expandOne(
      held,
      (checker, result) => checker.registry.getOptionalType(result),
      (value, run) =>
        (value as Optional).hasValue() ? Optional.of(run((value as Optional).value())) : value,
    ),
  );
  register(
    'optional.optFlatMap(ast, ast): optional<dyn>',
    expandOne(
      held,
      (_, result) => result,
      (value, run) => ((value as Optional).hasValue() ? run((value as Optional).value()) : value),
    ),
  );
}

/** has(e.f): whether the field is there; the environment takes only chains of fields for e. */
export function hasMacro(argument: Node): object {
  const [operand, field] = argument.args as [Node, string];
  return {
    async: false,
    typeCheck(checker: Checker, _: unknown, scope: Scope) {
      checker.check(argument, scope);
      return checker.getType('bool');
    },
    evaluate(evaluator: Evaluator, _: unknown, scope: Scope) {
      const given = evaluator.run(operand, scope);
      const value = given instanceof Optional ? given.orValue(undefined) : given;
      if (value instanceof Map) return value.has(field);
      return typeof value === 'object' && value !== null && Object.hasOwn(value, field);
    },
  };
}
