/** Values of templates, and the functions that templates may call (Go's text/template, and CoreDNS's parseInt). */

/** A Map is Go's map: what it lacks is empty. A plain object is a struct: what it lacks is an error. */
export type Value =
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly Value[]
  | ReadonlyMap<string, Value>
  | { readonly [field: string]: Value | ((...args: Value[]) => Value) };

/** Go's idea of what holds: everything but false, 0, nil and what is empty. */
export function holds(value: Value): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Map) return value.size > 0;
  return typeof value === 'object' ? value !== null : Boolean(value);
}

/** As Go prints it. */
export function printed(value: Value): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(printed).join(' ')}]`;
  if (value instanceof Map)
    return `map[${[...value].map(([key, one]) => `${key}:${printed(one)}`).join(' ')}]`;
  return typeof value === 'object'
    ? `{${Object.values(value)
        .map((one) => printed(one as Value))
        .join(' ')}}`
    : String(value);
}

const comparable = (value: Value) => (typeof value === 'bigint' ? Number(value) : value) as number | string;

export const functions: Readonly<Record<string, (...args: Value[]) => Value>> = {
  parseInt: (text = '', base = 10, bits = 64) => parseUint(String(text), Number(base), Number(bits)),
  index: (of = null, ...keys) => keys.reduce(indexed, of),
  len: (of = '') => {
    if (typeof of === 'string') return Buffer.byteLength(of);
    if (Array.isArray(of)) return of.length;
    if (of instanceof Map) return of.size;
    throw new Error(`${printed(of)} has no length`);
  },
  slice: (of = '', from = 0, to) => {
    if (typeof of !== 'string' && !Array.isArray(of)) throw new Error(`${printed(of)} cannot be sliced`);
    return of.slice(Number(from), to === undefined ? undefined : Number(to)) as Value;
  },
  print: (...args) => args.map(printed).join(''),
  println: (...args) => `${args.map(printed).join(' ')}\n`,
  printf: (format = '', ...args) => formatted(String(format), args),
  and: (...args) => args.find((one) => !holds(one)) ?? args.at(-1) ?? null,
  or: (...args) => args.find(holds) ?? args.at(-1) ?? null,
  not: (one = null) => !holds(one),
  eq: (one = null, ...others) => others.some((other) => comparable(one) === comparable(other)),
  ne: (one = null, other = null) => comparable(one) !== comparable(other),
  lt: (one = null, other = null) => comparable(one) < comparable(other),
  le: (one = null, other = null) => comparable(one) <= comparable(other),
  gt: (one = null, other = null) => comparable(one) > comparable(other),
  ge: (one = null, other = null) => comparable(one) >= comparable(other),
};

function indexed(of: Value, key: Value): Value {
  if (of instanceof Map) return of.get(String(key)) ?? '';
  if (!Array.isArray(of)) throw new Error(`${printed(of)} cannot be indexed`);
  const found = of[Number(key)] as Value | undefined;
  if (found === undefined) throw new Error(`index ${printed(key)} is out of range`);
  return found;
}

/** Go's strconv.ParseUint: digits of the base alone, and no more than fits into so many bits. */
function parseUint(text: string, base: number, bits: number): bigint {
  const digits = '0123456789abcdefghijklmnopqrstuvwxyz'.slice(0, base);
  const lower = text.toLowerCase();
  if (lower === '' || [...lower].some((digit) => !digits.includes(digit)))
    throw new Error(`"${text}" is no number of base ${base}`);
  const value = [...lower].reduce((sum, digit) => sum * BigInt(base) + BigInt(digits.indexOf(digit)), 0n);
  if (value >= 1n << BigInt(bits || 64)) throw new Error(`"${text}" does not fit into ${bits} bits`);
  return value;
}

/** %s %v %d %x %q with width, and %%. */
function formatted(format: string, args: readonly Value[]): string {
  let next = 0;
  return format.replaceAll(
    /%(-?)(0?)(\d*)([svdxXq%])/g,
    (_whole, left: string, zero: string, width: string, verb: string) => {
      if (verb === '%') return '%';
      const value = args[next++] ?? '';
      const text = verbText(verb, value);
      return left === '-'
        ? text.padEnd(Number(width))
        : text.padStart(Number(width), zero === '0' ? '0' : ' ');
    },
  );
}

function verbText(verb: string, value: Value): string {
  if (verb === 'q') return JSON.stringify(String(value));
  if (verb !== 'x' && verb !== 'X') return printed(value);
  const hex =
    typeof value === 'string' ? Buffer.from(value).toString('hex') : BigInt(value as number).toString(16);
  return verb === 'X' ? hex.toUpperCase() : hex;
}
