/**
 * What evaluating costs, counted as it goes on (cel-go, interpreter/runtimecost.go; apiserver, cel/library/cost.go): a step
 * each for what is read and called, more for what looks through texts and lists. An expression that costs more than its
 * limit is ended, so that no rule holds up the server.
 */

/** Of one expression: about 0.1 s. */
export const perCallLimit = 1_000_000;
/** Of all rules of an object, or of a policy with one binding: about 1 s (apis/cel/config.go). */
export const objectBudget = 10_000_000;
export const matchConditionsBudget = 2_500_000;

export class CostExceeded extends Error {
  constructor() {
    super('operation cancelled: actual cost limit exceeded');
  }
}

/** No expression is evaluated any more with it. */
export class OutOfBudget extends Error {
  constructor() {
    super('validation failed due to running out of cost budget, no further validation rules will be run');
  }
}

/** What several expressions may cost together. */
export class CostBudget {
  #left: number;

  constructor(limit: number) {
    this.#left = limit;
  }

  /** Throws OutOfBudget. */
  charge(cost: number): void {
    this.#left -= cost;
    if (this.#left < 0) throw new OutOfBudget();
  }
}

/** Of the expression that is being evaluated: one at a time, as evaluation is synchronous. */
let spent = 0;
let budgetInUse: CostBudget | undefined;
/** Thrown at every further step too: what goes on past errors, as all() and || do, ends soon. */
const exceeded = new CostExceeded();

function spend(cost: number): void {
  spent += cost;
  if (spent > perCallLimit) throw exceeded;
}

/** What has taken so long is not to be tried again. */
export function exhaust(): never {
  spent = Number.POSITIVE_INFINITY;
  throw exceeded;
}

/**
 * Runs an expression that has been metered; variables that it reads are expressions of their own, out of the same budget.
 * Throws CostExceeded, OutOfBudget.
 */
export function metered<T>(run: () => T, budget = budgetInUse): T {
  const outer = { spent, budgetInUse };
  spent = 0;
  budgetInUse = budget;
  try {
    const value = run();
    if (spent > perCallLimit) throw exceeded;
    return value;
  } finally {
    const own = spent;
    ({ spent, budgetInUse } = outer);
    budget?.charge(Math.min(own, perCallLimit));
  }
}

interface MeteredNode {
  op: string;
  args: unknown;
  meta: {
    alternate?: MeteredNode;
    macro?: { evaluate: Evaluate };
    evaluate: Evaluate;
  };
  evaluate: Evaluate;
}
type Evaluate = (evaluator: unknown, node: unknown, scope: unknown) => unknown;

function sizeOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  if (value instanceof Uint8Array) return value.length;
  if (value instanceof Map || value instanceof Set) return value.size;
  // An optional's, whose class would load the engine with every lab.
  const { orValue } = (value ?? {}) as { orValue?: (other: unknown) => unknown };
  return typeof orValue === 'function' ? sizeOf(orValue.call(value, undefined)) : 1;
}

/** A tenth of a step for every element that is looked at. */
const traversal = (size: number) => Math.ceil(size * 0.1);

type CostOf = (sizes: readonly number[]) => number;
const all: CostOf = (sizes) => sizes.reduce((sum, size) => sum + traversal(size), 0);
const least: CostOf = (sizes) => traversal(Math.min(...sizes));
const each: CostOf = (sizes) => sizes[0] ?? 1;
const product: CostOf = ([a = 1, b = 1]) => traversal(a) * traversal(b);
/** Of a text by an expression. */
const matching: CostOf = ([text = 1, pattern = 1]) => traversal(text + 1) * Math.ceil(pattern * 0.25);
const pairs: CostOf = ([a = 1, b = 1]) => a * b;

const operators: Record<string, CostOf> = {
  '==': least,
  '!=': least,
  '<': least,
  '<=': least,
  '>': least,
  '>=': least,
  '+': all,
  in: (sizes) => sizes[1] ?? 1,
};

const names = (text: string, cost: CostOf) => text.split(' ').map((name) => [name, cost] as const);

const functions: Record<string, CostOf> = Object.fromEntries([
  ...names('contains', product),
  ...names('matches matchesGo find findAll', matching),
  ...names('isSorted sum max min indexOf lastIndexOf distinct sort sortBy reverse flatten', each),
  ...names('startsWith endsWith string bytes base64.encode timestamp duration', all),
  ...names('asciiLower asciiUpper lowerAscii upperAscii substring trim replace split join format quote', all),
  ...names('url isURL ip isIP cidr isCIDR quantity isQuantity semver isSemver escapeKey validate', all),
  ...names('intersects equivalent', pairs),
]);

/** Names of libraries, which functions are called through. */
const namespaces = new Set(['sets', 'strings', 'math', 'base64', 'jsonpatch', 'format', 'ip', 'cidr']);

function operandsOf({ op, args }: MeteredNode): MeteredNode[] {
  if (op === 'call') return (args as [string, MeteredNode[]])[1];
  if (op !== 'rcall') return args as MeteredNode[];
  const [, receiver, others] = args as [string, MeteredNode, MeteredNode[]];
  const isLibrary = receiver.op === 'id' && namespaces.has(receiver.args as string);
  return isLibrary ? others : [receiver, ...others];
}

function costOf({ op, args }: MeteredNode): CostOf | undefined {
  if (op !== 'call' && op !== 'rcall') return Object.hasOwn(operators, op) ? operators[op] : undefined;
  const [name, receiver] = args as [string, MeteredNode];
  if (name === 'contains' && receiver.op === 'id' && receiver.args === 'sets') return pairs;
  return Object.hasOwn(functions, name) ? functions[name] : undefined;
}

/** What a node costs in itself; literals nothing, what decides between others nothing. */
const base: Record<string, number> = { value: 0, '?:': 0, '&&': 0, '||': 0, list: 10, map: 30 };
/** What a comprehension does beside its expressions, for every element. */
const perElement = 3;
const comprehensions =
  /^(all|exists|existsOne|exists_one|map|filter|transformList|transformMap|transformMapEntry|sortBy|optMap|optFlatMap)$/;

/** Makes the parts of a checked expression count what they cost. */
export function meter(nodes: readonly MeteredNode[]): void {
  const extra = new Map<MeteredNode, number>();
  const sized = new Map<MeteredNode, (size: number) => void>();
  for (const node of nodes) {
    if (node.op === 'rcall' && comprehensions.test((node.args as [string])[0]))
      for (const part of operandsOf(node).slice(1)) extra.set(part, perElement);
  }
  for (const node of nodes) {
    const cost = costOf(node);
    const own = (base[node.op] ?? 1) + (extra.get(node) ?? 0);
    // A macro's arguments are no operands.
    const sizes: number[] = [];
    if (cost !== undefined)
      for (const [i, operand] of operandsOf(node).entries())
        sized.set(operand, (size) => {
          sizes[i] = size;
        });
    const after = cost && (() => spend(cost(sizes)));
    wrap(node, { own, after, sizeTo: () => sized.get(node) });
  }
}

function wrap(
  node: MeteredNode,
  {
    own,
    after,
    sizeTo,
  }: {
    own: number;
    after: (() => void) | undefined;
    sizeTo: () => ((size: number) => void) | undefined;
  },
): void {
  const { meta } = node;
  node.evaluate = (evaluator, ast, scope) => {
    spend(own);
    const { alternate, macro } = meta;
    const value = alternate
      ? alternate.evaluate(evaluator, alternate, scope)
      : macro
        ? macro.evaluate(evaluator, macro, scope)
        : meta.evaluate.call(node, evaluator, ast, scope);
    sizeTo()?.(sizeOf(value));
    after?.();
    return value;
  };
}
