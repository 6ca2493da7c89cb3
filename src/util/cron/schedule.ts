/**
 * Schedules as cron has them, with the semantics of robfig/cron v3: five fields, `@daily` and the like, `@every 1h30m`,
 * `TZ=Europe/Zurich` in front. A time that clocks skip is skipped; one that they show twice comes twice.
 */
import { type Field, fieldRanges, parseField } from './fields.ts';
import { Zone } from './zone.ts';

export interface Schedule {
  /** The first time after this one, in ms since the epoch; undefined where none comes within five years. */
  next(after: number): number | undefined;
}

const minuteMs = 60_000;
const searchedYears = 5;

const descriptors: Record<string, string> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/** `timeZone` is the one where the text names none; the machine's own when absent. Throws Error saying what is wrong. */
export function parseSchedule(text: string, timeZone?: string): Schedule {
  if (text === '') throw new Error('empty spec string');
  const named = /^(?:CRON_)?TZ=(\S*)\s+(.*)$/.exec(text);
  if (named !== null) return parseIn(named[2]!.trim(), zoneNamed(named[1]!));
  if (/^(CRON_)?TZ=/.test(text)) throw new Error(`no schedule after the time zone: ${text}`);
  return parseIn(text, new Zone(timeZone));
}

function zoneNamed(name: string): Zone {
  try {
    return new Zone(name === '' ? 'UTC' : name);
  } catch {
    throw new Error(`provided bad location ${name}: unknown time zone ${name}`);
  }
}

function parseIn(text: string, zone: Zone): Schedule {
  if (text.startsWith('@every ')) return everySchedule(text.slice('@every '.length));
  if (text.startsWith('@') && !Object.hasOwn(descriptors, text))
    throw new Error(`unrecognized descriptor: ${text}`);
  const fields = (descriptors[text] ?? text).split(/\s+/).filter((field) => field !== '');
  if (fields.length !== fieldRanges.length)
    throw new Error(
      `expected exactly ${fieldRanges.length} fields, found ${fields.length}: [${fields.join(' ')}]`,
    );
  const parsed = fields.map((field, i) => parseField(field, fieldRanges[i]!));
  return new FieldSchedule(parsed as [Field, Field, Field, Field, Field], zone);
}

const unitMs: Record<string, number> = {
  h: 3_600_000,
  m: minuteMs,
  s: 1000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6,
};

/** Of a Go duration, of a second at the least, from the time asked about on. */
function everySchedule(text: string): Schedule {
  const parts = [...text.matchAll(/(\d+\.?\d*|\.\d+)(h|ms|m|s|us|µs|ns)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text.replace(/^[+-]/, ''))
    throw new Error(
      `failed to parse duration @every ${text}: time: invalid duration ${JSON.stringify(text)}`,
    );
  const total = parts.reduce((ms, [, count, unit]) => ms + Number(count) * unitMs[unit!]!, 0);
  const delay = text.startsWith('-') ? 1000 : Math.max(1000, Math.floor(total / 1000) * 1000);
  return { next: (after) => Math.floor(after / 1000) * 1000 + delay };
}

class FieldSchedule implements Schedule {
  readonly #fields: readonly [Field, Field, Field, Field, Field];
  readonly #zone: Zone;

  constructor(fields: readonly [Field, Field, Field, Field, Field], zone: Zone) {
    this.#fields = fields;
    this.#zone = zone;
  }

  next(after: number): number | undefined {
    const [minutes, hours, , months] = this.#fields;
    if (minutes.values.size === 0 || hours.values.size === 0) return undefined;
    let at = (Math.floor(after / minuteMs) + 1) * minuteMs;
    const lastYear = this.#zone.wallAt(at).year + searchedYears;
    for (;;) {
      const { year, month, day, hour, minute, weekday } = this.#zone.wallAt(at);
      if (year > lastYear) return undefined;
      if (!months.values.has(month)) at = this.#zone.startOfDay(year, month + 1, 1);
      else if (!this.#hasDay(day, weekday)) at = this.#zone.startOfDay(year, month, day + 1);
      else if (!hours.values.has(hour)) at += (60 - minute) * minuteMs;
      else if (!minutes.values.has(minute)) at += minuteMs;
      else return at;
    }
  }

  /** Where both say something, either is enough. */
  #hasDay(day: number, weekday: number): boolean {
    const [, , days, , weekdays] = this.#fields;
    const matches = [days.values.has(day), weekdays.values.has(weekday)];
    return days.star || weekdays.star ? matches.every(Boolean) : matches.some(Boolean);
  }
}
