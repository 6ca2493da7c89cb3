/**
 * What calls cost at most, beside their operands (cel-go, checker/cost.go; apiserver, cel/library/cost.go). What is not here
 * costs one step.
 */
import { fixed, multiplied, plus, type Size, times, traversal, unknownSize } from './size.ts';
import type { SizedType } from './sized-type.ts';

/** What is known of an operand. */
export interface Operand {
  /** As the environment names it: `string`, `list<int>`, `dyn`. */
  type: string;
  size: Size;
  /** Where it is in the schema, if it is. */
  place?: { type: SizedType | undefined } | undefined;
  /** Where it is written out. */
  literal?: unknown;
}

export interface CallCost {
  cost: number;
  /** Of the result. */
  size?: Size;
}

/** The receiver comes first where there is one. */
type CostOf = (operands: readonly Operand[]) => CallCost;

const none: Operand = { type: 'dyn', size: unknownSize };
const at = (operands: readonly Operand[], i: number): Operand => operands[i] ?? none;

const isText = (type: string) => type === 'string' || type === 'bytes';

const traversed: CostOf = (operands) => ({ cost: traversal(at(operands, 0).size) });
const traversedTwice: CostOf = (operands) => ({ cost: traversal(at(operands, 0).size, 0.2) });
/** Of the same size again. */
const kept: CostOf = (operands) => ({ cost: traversal(at(operands, 0).size), size: at(operands, 0).size });
const argument: CostOf = (operands) => ({ cost: traversal(at(operands, 1).size) });

/** Comparing each with another one. */
const compared: CostOf = ([list = none]) => {
  const items = /^list<(.+)>$/.exec(list.type)?.[1];
  if (items === undefined && list.type !== 'list') return { cost: traversal(list.size) };
  const { items: sized } = list.place?.type ?? {};
  const item = sized === undefined ? unknownSize : { min: 0, max: sized.max };
  return { cost: times(list.size.max, 1 + (isText(items ?? '') ? traversal(item) : 0)) };
};

const matched: CostOf = ([text = none, pattern = none]) => ({
  cost: times(traversal(plus(text.size, fixed(1))), traversal(pattern.size, 0.25)),
  size: { min: 0, max: text.size.max },
});

const contained: CostOf = ([text = none, part = none]) => ({
  cost: times(traversal(text.size), traversal(part.size)),
});

const pairs =
  (factor: number): CostOf =>
  ([a = none, b = none]) => ({ cost: times(a.size.max, b.size.max) * factor + 1 });

const split: CostOf = ([text = none, , limit]) => ({
  cost: traversal(text.size, 0.2),
  size: { min: 0, max: typeof limit?.literal === 'bigint' ? Number(limit.literal) : text.size.max },
});

const joined: CostOf = ([list = none, separator]) => {
  const { items } = list.place?.type ?? {};
  const texts = multiplied(list.size, items === undefined ? unknownSize : { min: 0, max: items.max });
  const gaps = { min: Math.max(0, list.size.min - 1), max: Math.max(0, list.size.max - 1) };
  const size = separator === undefined ? texts : plus(texts, multiplied(separator.size, gaps));
  return { cost: traversal(size), size };
};

/** How long a text can become, and how long it stays at least. */
const replaced: CostOf = ([text = none, old = none, by = none]) => {
  const longest = () => {
    if (old.size.min === 0) return times(text.size.max + 1, by.size.max) + text.size.max;
    if (by.size.max <= old.size.min) return text.size.max;
    return times(Math.ceil(text.size.max / old.size.min), by.size.max);
  };
  const shortest = () => {
    if (old.size.max === 0) return times(text.size.min + 1, by.size.min) + text.size.min;
    if (old.size.max <= by.size.min) return text.size.min;
    return times(Math.ceil(text.size.min / old.size.max), by.size.min);
  };
  return { cost: traversal(text.size, 0.2), size: { min: shortest(), max: longest() } };
};

/** Comparing addresses, and reading the other one where it is a text. */
const within =
  (cost: number): CostOf =>
  (operands) => ({
    cost: cost + (at(operands, 1).type === 'string' ? traversal(at(operands, 1).size) : 0),
  });

const converted: CostOf = ([value = none]) => {
  if (value.type !== 'bytes' && value.type !== 'dyn') return { cost: 1 };
  return { cost: traversal(value.size), size: { min: Math.floor(value.size.min / 4), max: value.size.max } };
};

const named = (names: string, cost: CostOf) => names.split(' ').map((name) => [name, cost] as const);

const byName: Record<string, CostOf> = Object.fromEntries([
  ...named('isSorted sum max min indexOf lastIndexOf', compared),
  ...named('url jsonpatch.escapeKey lowerAscii upperAscii asciiLower asciiUpper substring trim', kept),
  ...named('cidr isIP isCIDR ip quantity isQuantity semver isSemver format', traversed),
  ...named('ip.isCanonical', traversedTwice),
  ...named('startsWith endsWith', argument),
  ...named('find findAll matches matchesGo', matched),
  ...named('contains', contained),
  ...named('sets.contains sets.intersects', pairs(1)),
  ...named('sets.equivalent', pairs(2)),
  ...named('split', split),
  ...named('join', joined),
  ...named('replace', replaced),
  ...named('containsIP', within(4)),
  ...named('containsCIDR', within(7)),
  ...named('string', converted),
  ...named('validate', (operands) => ({ cost: Math.ceil(traversal(at(operands, 1).size) * 32) })),
  ...named('bytes', ([text = none]) => ({
    cost: traversal(text.size),
    size: { min: text.size.min, max: text.size.max * 4 },
  })),
  ...named('strings.quote', ([text = none]) => ({
    cost: traversal(text.size),
    size: { min: text.size.min + 2, max: text.size.max * 2 + 2 },
  })),
]);

export function callCost(name: string, operands: readonly Operand[]): CallCost {
  return Object.hasOwn(byName, name) ? byName[name]!(operands) : { cost: 1 };
}

/** Values that are compared in one step. */
const small = /\b(Quantity|IP|CIDR|Semver|URL)$/;

const smaller: CostOf = ([a = none, b = none]) => ({
  cost: traversal(fixed(Math.min(a.size.max, b.size.max))),
});

const equal: CostOf = (operands) =>
  operands.every(({ type }) => small.test(type)) ? { cost: 1 } : smaller(operands);

/** Only texts are looked through; what may be anything may be one. */
const ordered: CostOf = (operands) => {
  if (operands.some(({ type }) => isText(type))) return smaller(operands);
  return operands.every(({ type }) => type === 'dyn')
    ? { cost: Math.max(1, smaller(operands).cost) }
    : { cost: 1 };
};

const added: CostOf = ([a = none, b = none]) => {
  const size = plus(a.size, b.size);
  const types = [a.type, b.type];
  if (types.some((type) => type.startsWith('list'))) return { cost: 1, size };
  if (types.some(isText)) return { cost: traversal(size), size };
  return types.every((type) => type === 'dyn') ? { cost: Math.max(1, traversal(size)), size } : { cost: 1 };
};

const found: CostOf = ([, range = none]) => ({
  cost: range.type.startsWith('map')
    ? 1
    : range.type === 'dyn'
      ? Math.max(1, range.size.max)
      : range.size.max,
});

const operators: Record<string, CostOf> = {
  '==': equal,
  '!=': smaller,
  '<': ordered,
  '<=': ordered,
  '>': ordered,
  '>=': ordered,
  '+': added,
  in: found,
  '&&': () => ({ cost: 0 }),
  '||': () => ({ cost: 0 }),
};

export function operatorCost(operator: string, operands: readonly Operand[]): CallCost {
  return Object.hasOwn(operators, operator) ? operators[operator]!(operands) : { cost: 1 };
}
