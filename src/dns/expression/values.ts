/** What expressions work on: values, their kinds, and functions with the kinds of their arguments. */

export type ExpressionValue = string | number | boolean | null | ExpressionValue[];

/** What is known of a value before it is there. */
export type Kind = 'string' | 'number' | 'bool' | 'array' | 'any';

export interface ExpressionFunction {
  /** The kinds of its arguments; with `optional` the last of them may be missing. */
  takes: readonly Kind[];
  optional?: number;
  gives: Kind;
  /** @throws Error where arguments make no sense */
  call(...args: never[]): ExpressionValue;
}

export interface Names<Context> {
  /** Functions that tell of what the expression is asked about. */
  functions: ReadonlyMap<string, Omit<ExpressionFunction, 'call'> & { call(context: Context, ...args: never[]): ExpressionValue }>; // biome-ignore format: one line
  /** Variables, by name. */
  variables?: ReadonlyMap<string, { gives: Kind; read(context: Context): ExpressionValue }>;
}

export const fits = (kind: Kind, wanted: Kind): boolean =>
  kind === wanted || kind === 'any' || wanted === 'any';

export function kindOfValue(value: ExpressionValue): Kind {
  if (typeof value === 'string') return 'string';
  if (typeof value === 'number') return 'number';
  if (typeof value === 'boolean') return 'bool';
  return Array.isArray(value) ? 'array' : 'any';
}

/** Those of expr's own that names, addresses and labels need. */
export const builtins: ReadonlyMap<string, ExpressionFunction> = new Map<string, ExpressionFunction>([
  ['len', { takes: ['any'], gives: 'number', call: lengthOf }],
  ['lower', { takes: ['string'], gives: 'string', call: (text: string) => text.toLowerCase() }],
  ['upper', { takes: ['string'], gives: 'string', call: (text: string) => text.toUpperCase() }],
  ['trim', { takes: ['string'], gives: 'string', call: (text: string) => text.trim() }],
  ['trimPrefix', { takes: ['string', 'string'], gives: 'string', call: (text: string, start: string) => text.startsWith(start) ? text.slice(start.length) : text }], // biome-ignore format: a table
  ['trimSuffix', { takes: ['string', 'string'], gives: 'string', call: (text: string, end: string) => end !== '' && text.endsWith(end) ? text.slice(0, -end.length) : text }], // biome-ignore format: a table
  ['hasPrefix', { takes: ['string', 'string'], gives: 'bool', call: (text: string, start: string) => text.startsWith(start) }], // biome-ignore format: a table
  ['hasSuffix', { takes: ['string', 'string'], gives: 'bool', call: (text: string, end: string) => text.endsWith(end) }], // biome-ignore format: a table
  ['indexOf', { takes: ['string', 'string'], gives: 'number', call: (text: string, part: string) => text.indexOf(part) }], // biome-ignore format: a table
  ['replace', { takes: ['string', 'string', 'string'], gives: 'string', call: (text: string, from: string, to: string) => text.split(from).join(to) }], // biome-ignore format: a table
  [
    'split',
    { takes: ['string', 'string'], gives: 'array', call: (text: string, at: string) => text.split(at) },
  ],
  ['join', { takes: ['array', 'string'], optional: 1, gives: 'string', call: (list: string[], between = '') => list.join(between) }], // biome-ignore format: a table
  ['string', { takes: ['any'], gives: 'string', call: (value: ExpressionValue) => String(value) }],
  ['int', { takes: ['any'], gives: 'number', call: wholeNumber }],
]);

function lengthOf(value: ExpressionValue): number {
  if (typeof value === 'string') return [...value].length;
  if (Array.isArray(value)) return value.length;
  throw new Error('len takes a string or an array');
}

function wholeNumber(value: ExpressionValue): number {
  const number = typeof value === 'string' && !/^[-+]?\d+$/.test(value) ? Number.NaN : Number(value);
  if (typeof value === 'boolean' || Number.isNaN(number)) throw new Error(`"${value}" is no whole number`);
  return Math.trunc(number);
}
