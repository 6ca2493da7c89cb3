/**
 * Label and field selectors: as objects (`spec.selector`) and as text (`a=b,c in (x,y),!d`).
 * Semantics: kubernetes.io/docs/concepts/overview/working-with-objects/labels.
 */
import { TendrilError } from '../util/errors.ts';

export type Labels = Readonly<Record<string, string>>;
export type LabelPredicate = (labels: Labels | undefined) => boolean;

export interface LabelSelectorRequirement {
  key: string;
  operator: string;
  values?: readonly string[];
}

/** metav1.LabelSelector: an empty one selects everything, an absent one nothing. */
export interface LabelSelector {
  matchLabels?: Labels;
  matchExpressions?: readonly LabelSelectorRequirement[];
}

export const matchesNothing: LabelPredicate = () => false;

/** A label's value; what objects inherit (`constructor`) is no label. */
function valueIn(labels: Labels | undefined, key: string): string | undefined {
  return labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/** One requirement as a function. `NotIn`, `!=` and `DoesNotExist` also hold where the label is absent. */
export function compileRequirement({ key, operator, values = [] }: LabelSelectorRequirement): LabelPredicate {
  const one = values.length === 1 ? values[0] : undefined;
  const set = new Set(values);
  const isIn = (value: string | undefined) => value !== undefined && set.has(value);
  switch (operator) {
    case 'In':
      return one !== undefined
        ? (labels) => valueIn(labels, key) === one
        : (labels) => isIn(valueIn(labels, key));
    case 'NotIn':
      return (labels) => !isIn(valueIn(labels, key));
    case 'Exists':
      return (labels) => valueIn(labels, key) !== undefined;
    case 'DoesNotExist':
      return (labels) => valueIn(labels, key) === undefined;
    case 'Gt':
      return (labels) => compareIntegers(valueIn(labels, key), one) > 0;
    case 'Lt':
      return (labels) => compareIntegers(valueIn(labels, key), one) < 0;
    default:
      throw new TendrilError('BAD_INPUT', `"${operator}" is not a label selector operator`);
  }
}

/** NaN, which is neither above nor below, where a side is not an integer. */
function compareIntegers(a: string | undefined, b: string | undefined): number {
  const integer = (text: string | undefined) => (text && /^-?\d+$/.test(text) ? Number(text) : Number.NaN);
  return integer(a) - integer(b);
}

export function allOf(predicates: readonly LabelPredicate[]): LabelPredicate {
  if (predicates.length === 1) return predicates[0]!;
  return (labels) => predicates.every((holds) => holds(labels));
}

/** A LabelSelector as a function. */
export function compileSelector(selector: LabelSelector | undefined | null): LabelPredicate {
  if (selector === undefined || selector === null) return matchesNothing;
  return allOf([
    ...Object.entries(selector.matchLabels ?? {}).map(([key, value]) =>
      compileRequirement({ key, operator: 'In', values: [value] }),
    ),
    ...(selector.matchExpressions ?? []).map(compileRequirement),
  ]);
}

/** The plain map of Services and ReplicationControllers; an empty or absent one selects nothing. */
export function compileSimpleSelector(selector: Labels | undefined | null): LabelPredicate {
  if (!selector || Object.keys(selector).length === 0) return matchesNothing;
  return compileSelector({ matchLabels: selector });
}

const termPattern =
  /^\s*(?:(!)\s*([\w./-]+)|([\w./-]+)\s*(?:(==|=|!=|>|<)\s*([\w.-]*)|(in|notin)\s*\(([^()]*)\))?)\s*$/;
const symbols: Record<string, string> = {
  '=': 'In',
  '==': 'In',
  '!=': 'NotIn',
  '>': 'Gt',
  '<': 'Lt',
  in: 'In',
  notin: 'NotIn',
};

/** Reads `a=b,c!=d,e in (x,y),f notin (z),g,!h,i>3`. Throws BAD_INPUT, naming the part that does not parse. */
export function parseLabelSelector(text: string): LabelSelectorRequirement[] {
  if (text.trim() === '') return [];
  return splitOutsideParentheses(text).map((term) => {
    const m = termPattern.exec(term);
    if (m === null)
      throw new TendrilError('BAD_INPUT', `unable to parse label selector "${text}": "${term.trim()}"`);
    const [, not, absent, key, symbol, value, set, values] = m;
    if (not !== undefined) return { key: absent!, operator: 'DoesNotExist' };
    if (symbol !== undefined) return { key: key!, operator: symbols[symbol]!, values: [value!] };
    if (set !== undefined) {
      return { key: key!, operator: symbols[set]!, values: values!.split(',').map((v) => v.trim()) };
    }
    return { key: key!, operator: 'Exists' };
  });
}

function splitOutsideParentheses(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')') depth--;
    else if (text[i] === ',' && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...parts, text.slice(start)];
}

/** A selector text as a function. */
export function compileLabelSelectorText(text: string): LabelPredicate {
  return allOf(parseLabelSelector(text).map(compileRequirement));
}

/** The text form of a LabelSelector, as `kubectl get -l` takes it. */
export function formatSelector(selector: LabelSelector): string {
  const terms = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    if (operator === 'Exists') terms.push(key);
    else if (operator === 'DoesNotExist') terms.push(`!${key}`);
    else terms.push(`${key} ${operator.toLowerCase()} (${values.join(',')})`);
  }
  return terms.join(',');
}

export interface FieldRequirement {
  path: string;
  equals: boolean;
  value: string;
}

/** Reads `spec.nodeName=node-1,status.phase!=Failed`; `\,` and `\=` stand for themselves. Throws BAD_INPUT. */
export function parseFieldSelector(text: string): FieldRequirement[] {
  if (text.trim() === '') return [];
  return text.split(/(?<!\\),/).map((term) => {
    const m = /^([^=!]+)(!=|==|=)(.*)$/s.exec(term);
    if (m === null) throw new TendrilError('BAD_INPUT', `invalid field selector "${text}": "${term}"`);
    return { path: m[1]!.trim(), equals: m[2] !== '!=', value: m[3]!.replace(/\\(.)/g, '$1') };
  });
}

/** The text of a field; '' where it is absent, as the API server compares it. */
export function fieldValue(object: object, path: string): string {
  let at: unknown = object;
  for (const part of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return '';
    at = (at as Record<string, unknown>)[part];
  }
  return at === undefined || at === null ? '' : String(at);
}

/** A field selector text as a function. */
export function compileFieldSelectorText(text: string): (object: object) => boolean {
  const requirements = parseFieldSelector(text);
  return (object) => requirements.every((r) => (fieldValue(object, r.path) === r.value) === r.equals);
}
