/** "…".format([…]) (cel-go, ext/formatting.go): %s %d %f %e %b %x %X %o %%. */
import { Duration } from '@marcbachmann/cel-js/evaluator';
import { secondsText, timeText } from '../time.ts';

function nested(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : asText(value);
}

/** %s: anything. */
function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || typeof value !== 'object') return String(value);
  if (value instanceof Date) return timeText(value);
  if (value instanceof Duration) return secondsText(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (Array.isArray(value)) return `[${value.map(nested).join(', ')}]`;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  const sorted = entries.map(([k, v]) => `${nested(k)}:${nested(v)}`).sort();
  return `{${sorted.join(', ')}}`;
}

function inBase(value: unknown, base: 2 | 8 | 16, verb: string): string {
  if (typeof value === 'bigint') return value.toString(base);
  if (base === 2 && typeof value === 'boolean') return value ? '1' : '0';
  if (base === 16 && (typeof value === 'string' || value instanceof Uint8Array))
    return Buffer.from(value as string).toString('hex');
  throw new Error(`%${verb} does not take ${typeof value}`);
}

const superscripts = [...'⁰¹²³⁴⁵⁶⁷⁸⁹'];

/** As Go writes it for readers of English: 1.234568 × 10⁰⁴. */
function exponential(value: number, digits: number): string {
  const [mantissa, exponent = ''] = value.toExponential(digits).split('e');
  const power = exponent.replace(/^[+-]/, '').padStart(2, '0');
  const sign = exponent.startsWith('-') ? '⁻' : '';
  return `${mantissa} × 10${sign}${[...power].map((d) => superscripts[Number(d)]).join('')}`;
}

const decimal = (value: number, digits: number) =>
  value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });

function converted(verb: string, value: unknown, precision: number): string {
  switch (verb) {
    case 's':
      return asText(value);
    case 'd':
      if (typeof value === 'bigint') return String(value);
      throw new Error(`%d takes an integer, not ${typeof value}`);
    case 'f':
      return decimal(Number(value), precision);
    case 'e':
      return exponential(Number(value), precision);
    case 'b':
      return inBase(value, 2, verb);
    case 'o':
      return inBase(value, 8, verb);
    case 'x':
      return inBase(value, 16, verb);
    case 'X':
      return inBase(value, 16, verb).toUpperCase();
    default:
      throw new Error(`could not parse formatting clause: unrecognized formatting clause "${verb}"`);
  }
}

export function formatText(template: string, values: readonly unknown[]): string {
  let next = 0;
  return template.replaceAll(/%(?:%|(?:\.(\d+))?([A-Za-z]))/g, (clause, precision, verb) => {
    if (clause === '%%') return '%';
    if (next >= values.length) throw new Error(`index ${next} out of range`);
    return converted(verb, values[next++], precision === undefined ? 6 : Number(precision));
  });
}
