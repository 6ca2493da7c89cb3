/** Wall clock time in a time zone, by the zone data that comes with Node.js. */

export interface Wall {
  year: number;
  /** From 1. */
  month: number;
  day: number;
  hour: number;
  minute: number;
  /** 0 is Sunday. */
  weekday: number;
}

export class Zone {
  readonly #format: Intl.DateTimeFormat;

  /** An IANA name; the machine's own zone when absent. Throws RangeError for an unknown one. */
  constructor(name?: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      ...(name !== undefined && { timeZone: name }),
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /** What clocks show at a time in ms since the epoch. */
  wallAt(ms: number): Wall {
    const { year, month, day, hour, minute } = this.#parts(ms);
    const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay();
    return { year, month, day, hour, minute, weekday };
  }

  /** How far clocks are ahead of UTC, in ms. */
  offsetAt(ms: number): number {
    const { year, month, day, hour, minute, second } = this.#parts(ms);
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(ms / 1000) * 1000;
  }

  /** When a day begins: at the first of its times that there is. Days beyond a month's end are the next month's. */
  startOfDay(year: number, month: number, day: number): number {
    const utc = Date.UTC(year, month - 1, day);
    const near = this.offsetAt(utc);
    const candidates = [utc - this.offsetAt(utc - near), utc - near].sort((a, b) => a - b);
    const wanted = new Date(utc).getUTCDate();
    return candidates.find((ms) => this.wallAt(ms).day === wanted) ?? candidates[1]!;
  }

  #parts(ms: number): Record<'year' | 'month' | 'day' | 'hour' | 'minute' | 'second', number> {
    const parts = this.#format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]);
    return Object.fromEntries(parts);
  }
}

/** RFC 3339 with the zone's offset, in whole seconds. */
export function formatInZone(ms: number, zone: Zone): string {
  const offset = zone.offsetAt(ms);
  const local = new Date(ms + offset).toISOString().slice(0, 19);
  if (offset === 0) return `${local}Z`;
  const minutes = Math.abs(offset) / 60_000;
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0');
  return `${local}${offset < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`;
}
