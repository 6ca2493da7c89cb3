/** The operators of expressions: how tightly they bind, what they take and what they make of it. */
import { type ExpressionValue, fits, type Kind } from './values.ts';

export interface Operator {
  /** The larger, the tighter. */
  binds: number;
  rightToLeft?: boolean;
  /** What it gives for operands of these kinds; undefined where they do not go together. */
  gives(left: Kind, right: Kind): Kind | undefined;
  apply(left: () => ExpressionValue, right: () => ExpressionValue): ExpressionValue;
}

type Apply = (left: never, right: never) => ExpressionValue;

const both =
  (kind: Kind, result: Kind) =>
  (left: Kind, right: Kind): Kind | undefined =>
    fits(left, kind) && fits(right, kind) ? result : undefined;

function simple(binds: number, gives: Operator['gives'], apply: Apply): Operator {
  const check = (value: ExpressionValue, other: ExpressionValue) => {
    const kinds = [kindOf(value), kindOf(other)] as const;
    if (gives(...kinds) === undefined) throw new Error(`${kinds.join(' and ')} do not go together`);
  };
  return {
    binds,
    gives,
    apply: (left, right) => {
      const [one, other] = [left(), right()];
      check(one, other);
      return apply(one as never, other as never);
    },
  };
}

const kindOf = (value: ExpressionValue): Kind => {
  if (value === null) return 'any';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : (typeof value as 'string' | 'number');
};

const arithmetic = both('number', 'number');
const ofStrings = both('string', 'bool');
const comparable = (left: Kind, right: Kind): Kind | undefined => (fits(left, right) ? 'bool' : undefined);
const ordered = (left: Kind, right: Kind): Kind | undefined =>
  ofStrings(left, right) ?? both('number', 'bool')(left, right);

function added(left: Kind, right: Kind): Kind | undefined {
  if (left === 'any' && right === 'any') return 'any';
  return both('string', 'string')(left, right) ?? arithmetic(left, right);
}

export function isSame(left: ExpressionValue, right: ExpressionValue): boolean {
  if (!Array.isArray(left) || !Array.isArray(right)) return left === right;
  return left.length === right.length && left.every((one, i) => isSame(one, right[i]!));
}

/** The longest list that `1..n` may make. */
const longestRange = 10_000;

function range(from: number, to: number): number[] {
  if (to - from > longestRange) throw new Error(`${from}..${to} is too long`);
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
}

const logical = (binds: number, decides: boolean): Operator => ({
  binds,
  gives: both('bool', 'bool'),
  apply: (left, right) => {
    for (const side of [left, right]) {
      const value = side();
      if (typeof value !== 'boolean') throw new Error('"and" and "or" take what is true or false');
      if (value === decides) return decides;
    }
    return !decides;
  },
});

const power: Operator = { ...simple(100, arithmetic, (a: number, b: number) => a ** b), rightToLeft: true };
const or = logical(10, true);
const and = logical(15, false);

export const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['or', or],
  ['||', or],
  ['and', and],
  ['&&', and],
  ['==', simple(20, comparable, (a: ExpressionValue, b: ExpressionValue) => isSame(a, b))],
  ['!=', simple(20, comparable, (a: ExpressionValue, b: ExpressionValue) => !isSame(a, b))],
  ['<', simple(20, ordered, (a: number, b: number) => a < b)],
  ['>', simple(20, ordered, (a: number, b: number) => a > b)],
  ['<=', simple(20, ordered, (a: number, b: number) => a <= b)],
  ['>=', simple(20, ordered, (a: number, b: number) => a >= b)],
  ['in', simple(20, (_, right) => (fits(right, 'array') ? 'bool' : undefined), (a: ExpressionValue, list: ExpressionValue[]) => list.some((one) => isSame(one, a)))], // biome-ignore format: a table
  ['contains', simple(20, ofStrings, (a: string, b: string) => a.includes(b))],
  ['startsWith', simple(20, ofStrings, (a: string, b: string) => a.startsWith(b))],
  ['endsWith', simple(20, ofStrings, (a: string, b: string) => a.endsWith(b))],
  ['..', simple(25, both('number', 'array'), range)],
  ['+', simple(30, added, (a: number, b: number) => a + b)],
  ['-', simple(30, arithmetic, (a: number, b: number) => a - b)],
  ['*', simple(60, arithmetic, (a: number, b: number) => a * b)],
  ['/', simple(60, arithmetic, (a: number, b: number) => a / b)],
  ['%', simple(60, arithmetic, remainder)],
  ['^', power],
  ['**', power],
  ['??', { binds: 500, gives: (_, right) => right, apply: (left, right) => left() ?? right() }],
]);

function remainder(a: number, b: number): number {
  if (b === 0) throw new Error('divided by zero');
  return a % b;
}
