/**
 * The fields of a cron expression, read as robfig/cron v3 does, which Kubernetes uses: its five fields, names of months and
 * days, `?` for `*`, and its words for what is wrong.
 */

export interface FieldRange {
  first: number;
  last: number;
  names?: readonly string[];
}

/** `minute hour day-of-month month day-of-week` */
export const fieldRanges: readonly FieldRange[] = [
  { first: 0, last: 59 },
  { first: 0, last: 23 },
  { first: 1, last: 31 },
  {
    first: 1,
    last: 12,
    names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  },
  { first: 0, last: 6, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
];

export interface Field {
  values: ReadonlySet<number>;
  /** Said with a star and no step: days of the month and of the week mean other things then. */
  star: boolean;
}

/** Throws Error. */
export function parseField(text: string, range: FieldRange): Field {
  const parts = text.split(',').filter((part) => part !== '');
  const parsed = parts.map((part) => parsePart(part, range));
  return {
    values: new Set(parsed.flatMap(({ values }) => values)),
    star: parsed.some(({ star }) => star),
  };
}

/** `*`, `5`, `1-5`, each with a step: `1-5/2`; `5/2` goes to the end. */
function parsePart(text: string, range: FieldRange): { values: number[]; star: boolean } {
  const [span = '', stepText, ...moreSteps] = text.split('/');
  if (moreSteps.length > 0) throw new Error(`too many slashes: ${text}`);
  const { first, last, star } = parseSpan(span, text, { range, stepped: stepText !== undefined });
  const step = stepText === undefined ? 1 : parseNumber(stepText);
  if (first < range.first)
    throw new Error(`beginning of range (${first}) below minimum (${range.first}): ${text}`);
  if (last > range.last) throw new Error(`end of range (${last}) above maximum (${range.last}): ${text}`);
  if (first > last) throw new Error(`beginning of range (${first}) beyond end of range (${last}): ${text}`);
  if (step === 0) throw new Error(`step of range should be a positive number: ${text}`);
  const values: number[] = [];
  for (let value = first; value <= last; value += step) values.push(value);
  return { values, star: star && step === 1 };
}

function parseSpan(
  span: string,
  whole: string,
  { range, stepped }: { range: FieldRange; stepped: boolean },
): { first: number; last: number; star: boolean } {
  const [low = '', high, ...more] = span.split('-');
  if (low === '*' || low === '?') return { first: range.first, last: range.last, star: true };
  const first = parseValue(low, range);
  if (more.length > 0) throw new Error(`too many hyphens: ${whole}`);
  const last = high === undefined ? (stepped ? range.last : first) : parseValue(high, range);
  return { first, last, star: false };
}

function parseValue(text: string, { names, first }: FieldRange): number {
  const index = names?.indexOf(text.toLowerCase()) ?? -1;
  return index >= 0 ? index + first : parseNumber(text);
}

function parseNumber(text: string): number {
  if (!/^[+-]?\d+$/.test(text))
    throw new Error(
      `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  const value = Number(text);
  if (value < 0) throw new Error(`negative number (${value}) not allowed: ${text}`);
  return value;
}
