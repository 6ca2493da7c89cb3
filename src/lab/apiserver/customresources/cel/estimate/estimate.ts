/**
 * What an expression costs at most, told from its text and the schema that it is about (cel-go, checker/cost.go): rules that
 * could hold up the server are not accepted in the first place. Where the original guesses, so does this, and equally: what
 * is accepted depends on it.
 */
import { type CallCost, callCost, type Operand, operatorCost } from './functions.ts';
import { fixed, type Size, times, union, unknownSize } from './size.ts';
import type { SizedType } from './sized-type.ts';

/** A part of a checked expression. */
export interface EstimatedNode {
  op: string;
  args: unknown;
  checkedType?: { name: string; kind: string };
}

interface Place {
  type: SizedType | undefined;
}

interface Estimate {
  cost: number;
  size?: Size | undefined;
  place?: Place | undefined;
  /** Of the elements of a list that an expression makes. */
  element?: Size | undefined;
}

interface Local {
  place?: Place | undefined;
  size?: Size | undefined;
}

/** What is computed is nowhere in the schema: the original then looks for its parts at the root. */
const scalars = /^(bool|int|uint|double|google\.protobuf\.(Timestamp|Duration))$/;
const fixedByType = (node: EstimatedNode) =>
  scalars.test(/^optional<(.+)>$/.exec(node.checkedType?.name ?? '')?.[1] ?? node.checkedType?.name ?? '')
    ? fixed(1)
    : undefined;

function literalSize(value: unknown): Size {
  if (typeof value === 'string') return fixed([...value].length);
  return fixed(value instanceof Uint8Array ? value.length : 1);
}

/** Of what each round of a macro does beside its expressions, what comes before and after, and whether its result is a list. */
const macros: Record<string, { each: number; around: number; makes?: 'list' | 'map' }> = {
  all: { each: 3, around: 1 },
  exists: { each: 4, around: 1 },
  exists_one: { each: 2, around: 2 },
  existsOne: { each: 2, around: 2 },
  map: { each: 12, around: 11, makes: 'list' },
  transformList: { each: 12, around: 11, makes: 'list' },
  filter: { each: 13, around: 11, makes: 'list' },
  transformMap: { each: 2, around: 31, makes: 'map' },
  transformMapEntry: { each: 2, around: 31, makes: 'map' },
};

const isName = (node: EstimatedNode | undefined) => node?.op === 'id';

class Estimator {
  readonly #root: SizedType;
  readonly #locals = new Map<string, Local[]>();

  constructor(root: SizedType) {
    this.#root = root;
  }

  of(node: EstimatedNode): Estimate {
    const { op, args } = node;
    switch (op) {
      case 'value':
        return { cost: 0, size: literalSize(args) };
      case 'id':
        return this.#name(args as string, node);
      case '.':
        return this.#field(args as [EstimatedNode, string], node);
      case '.?':
        return { cost: 1 + this.of((args as [EstimatedNode])[0]).cost, size: fixedByType(node) };
      case '[]':
        return this.#index(args as [EstimatedNode, EstimatedNode], node);
      case 'list':
        return this.#list(args as EstimatedNode[]);
      case 'map':
        return this.#map(args as [EstimatedNode, EstimatedNode][]);
      case '?:':
        return this.#choice(args as [EstimatedNode, EstimatedNode, EstimatedNode]);
      case 'call':
        return this.#call(args as [string, EstimatedNode[]], node);
      case 'rcall':
        return this.#method(args as [string, EstimatedNode, EstimatedNode[]], node);
      default:
        return this.#operator(op, (Array.isArray(args) ? args : [args]) as EstimatedNode[], node);
    }
  }

  #at(place: Place, node: EstimatedNode): Size | undefined {
    return place.type === undefined ? fixedByType(node) : { min: 0, max: place.type.max };
  }

  #name(name: string, node: EstimatedNode): Estimate {
    const local = this.#locals.get(name)?.at(-1);
    const place = local === undefined ? { type: this.#root } : local.place;
    return { cost: 1, place, size: place ? this.#at(place, node) : (fixedByType(node) ?? local?.size) };
  }

  #field([operand, field]: [EstimatedNode, string], node: EstimatedNode): Estimate {
    const { cost, place: of } = this.of(operand);
    const kind = operand.checkedType?.kind;
    const place = { type: of === undefined ? this.#root : of.type?.fields?.get(field) };
    const own = kind === 'dyn' || kind === 'optional' ? 0 : 1;
    return { cost: cost + own, place, size: this.#at(place, node) };
  }

  #itemsOf({ place }: Estimate): Place {
    return { type: place === undefined ? this.#root : place.type?.items };
  }

  #index([operand, index]: [EstimatedNode, EstimatedNode], node: EstimatedNode): Estimate {
    const of = this.of(operand);
    const place = this.#itemsOf(of);
    return { cost: 1 + of.cost + this.of(index).cost, place, size: of.element ?? this.#at(place, node) };
  }

  #list(items: readonly EstimatedNode[]): Estimate {
    const estimates = items.map((item) => this.of(item));
    const sizes = estimates.map(({ size }) => size ?? unknownSize);
    return {
      cost: 10 + estimates.reduce((sum, { cost }) => sum + cost, 0),
      size: fixed(items.length),
      element: sizes.length === 0 ? fixed(0) : sizes.reduce(union),
    };
  }

  #map(entries: readonly [EstimatedNode, EstimatedNode][]): Estimate {
    const estimates = entries.flat().map((part) => this.of(part));
    return { cost: 30 + estimates.reduce((sum, { cost }) => sum + cost, 0), size: fixed(entries.length) };
  }

  #choice([condition, yes, no]: [EstimatedNode, EstimatedNode, EstimatedNode]): Estimate {
    const [a, b] = [this.of(yes), this.of(no)];
    return {
      cost: this.of(condition).cost + Math.max(a.cost, b.cost),
      size: union(a.size ?? unknownSize, b.size ?? unknownSize),
      element: a.element && b.element && union(a.element, b.element),
    };
  }

  #operand(node: EstimatedNode, { size, place }: Estimate): Operand {
    const literal = node.op === 'value' ? node.args : undefined;
    return { type: node.checkedType?.name ?? 'dyn', size: size ?? unknownSize, place, literal };
  }

  #applied(
    nodes: readonly EstimatedNode[],
    node: EstimatedNode,
    costOf: (operands: Operand[]) => CallCost,
  ): Estimate {
    const estimates = nodes.map((part) => this.of(part));
    const { cost, size } = costOf(nodes.map((part, i) => this.#operand(part, estimates[i]!)));
    const own = estimates.reduce((sum, estimate) => sum + estimate.cost, cost);
    return { cost: own, size: fixedByType(node) ?? size };
  }

  #operator(op: string, nodes: readonly EstimatedNode[], node: EstimatedNode): Estimate {
    return this.#applied(nodes, node, (operands) => operatorCost(op, operands));
  }

  #call([name, nodes]: [string, EstimatedNode[]], node: EstimatedNode): Estimate {
    if (name === 'has') {
      const [selection] = nodes as [EstimatedNode];
      return { cost: this.of((selection.args as [EstimatedNode])[0]).cost, size: fixed(1) };
    }
    if (name === 'dyn') {
      const { cost, size, element } = this.of(nodes[0]!);
      return { cost: cost + 1, size, element };
    }
    // As a method it looks through a text; as a function nobody has given it a cost.
    const as = name.startsWith('matches') ? '' : name;
    return this.#applied(nodes, node, (operands) => callCost(as, operands));
  }

  #method([name, receiver, nodes]: [string, EstimatedNode, EstimatedNode[]], node: EstimatedNode): Estimate {
    if (Object.hasOwn(macros, name) && isName(nodes[0])) return this.#macro(name, receiver, nodes);
    if (name.startsWith('opt') && isName(nodes[0])) return this.#whereHeld(receiver, nodes);
    if (isName(receiver) && receiver.checkedType?.name.endsWith('.Functions'))
      return this.#applied(nodes, node, (operands) => callCost(`${receiver.args}.${name}`, operands));
    return this.#applied([receiver, ...nodes], node, (operands) => callCost(name, operands));
  }

  #macro(name: string, receiver: EstimatedNode, nodes: readonly EstimatedNode[]): Estimate {
    const { each, around, makes } = macros[name]!;
    const range = this.of(receiver);
    const pairs = isName(nodes[1]) && nodes.length > 2;
    const names = nodes.slice(0, pairs ? 2 : 1).map(({ args }) => args as string);
    const steps = this.#within(this.#variables(names, range), () =>
      nodes.slice(names.length).map((part) => this.of(part)),
    );
    const count = range.size ?? unknownSize;
    const own = steps.reduce((sum, { cost }) => sum + cost, each);
    const element = name === 'filter' ? this.#at(this.#itemsOf(range), receiver) : steps.at(-1)!.size;
    return {
      cost: range.cost + around + times(count.max, own),
      size: makes === undefined ? fixed(1) : count,
      element: makes === 'list' ? (element ?? unknownSize) : undefined,
    };
  }

  /** A map is gone through by its keys, unless there are two variables: then the second is the value. */
  #variables(names: readonly string[], range: Estimate): [string, Local][] {
    const items = this.#itemsOf(range);
    const keys = range.place?.type?.keys;
    if (names.length === 1) return [[names[0]!, { place: keys ? { type: keys } : items }]];
    return [
      [names[0]!, { place: { type: keys } }],
      [names[1]!, { place: items }],
    ];
  }

  /** optMap and optFlatMap: once, with what an optional holds. */
  #whereHeld(receiver: EstimatedNode, [variable, expression]: readonly EstimatedNode[]): Estimate {
    const { cost } = this.of(receiver);
    const bound = this.#within([[variable!.args as string, {}]], () => this.of(expression!));
    return { cost: cost + 1 + 1 + 10 + cost + 1 + bound.cost };
  }

  #within<T>(variables: readonly [string, Local][], estimate: () => T): T {
    for (const [name, local] of variables) this.#locals.set(name, [...(this.#locals.get(name) ?? []), local]);
    const result = estimate();
    for (const [name] of variables) this.#locals.get(name)!.pop();
    return result;
  }
}

/** At most, in steps, where `self` is of the type. */
export function estimateCost(expression: EstimatedNode, self: SizedType): number {
  return new Estimator(self).of(expression).cost;
}
