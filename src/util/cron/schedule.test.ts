import { describe, expect, test } from 'vitest';
import { parseSchedule } from './schedule.ts';
import { formatInZone, Zone } from './zone.ts';

/** The next times after a local time. */
function nextTimes(text: string, after: string, { zone = 'UTC', count = 1 } = {}): string[] {
  const schedule = parseSchedule(text, zone);
  const found: string[] = [];
  for (let at: number | undefined = Date.parse(after); found.length < count; ) {
    at = schedule.next(at!);
    if (at === undefined) return [...found, 'never'];
    found.push(formatInZone(at, new Zone(zone)));
  }
  return found;
}

describe('the next time', () => {
  test.each([
    ['* * * * *', '2026-06-01T10:00:00Z', '2026-06-01T10:01:00Z'],
    ['* * * * *', '2026-06-01T10:00:59Z', '2026-06-01T10:01:00Z'],
    ['*/15 * * * *', '2026-06-01T10:46:00Z', '2026-06-01T11:00:00Z'],
    ['5/20 * * * *', '2026-06-01T10:26:00Z', '2026-06-01T10:45:00Z'],
    ['30 6-16/4 * * 1-5', '2026-06-05T14:30:00Z', '2026-06-08T06:30:00Z'],
    ['0 0 1 jan *', '2026-06-01T10:00:00Z', '2027-01-01T00:00:00Z'],
    ['0 0 * * SUN', '2026-06-01T10:00:00Z', '2026-06-07T00:00:00Z'],
    ['0 0 13 * FRI', '2026-06-01T10:00:00Z', '2026-06-05T00:00:00Z'],
    ['0 0 13 * ?', '2026-06-01T10:00:00Z', '2026-06-13T00:00:00Z'],
    ['0 0 */2 * MON', '2026-06-01T10:00:00Z', '2026-06-03T00:00:00Z'],
    ['0 0 29 2 *', '2026-06-01T10:00:00Z', '2028-02-29T00:00:00Z'],
    ['0 0 31 * *', '2026-06-01T10:00:00Z', '2026-07-31T00:00:00Z'],
    ['59 23 31 2 *', '2026-06-01T10:00:00Z', 'never'],
    [', * * * *', '2026-06-01T10:00:00Z', 'never'],
    ['@hourly', '2026-06-01T10:00:00Z', '2026-06-01T11:00:00Z'],
    ['@yearly', '2026-06-01T10:00:00Z', '2027-01-01T00:00:00Z'],
    ['@weekly', '2026-06-01T10:00:00Z', '2026-06-07T00:00:00Z'],
    ['@every 1h30m', '2026-06-01T10:00:00Z', '2026-06-01T11:30:00Z'],
    ['@every 10ms', '2026-06-01T10:00:00Z', '2026-06-01T10:00:01Z'],
    ['TZ=Asia/Tokyo 0 9 * * *', '2026-06-01T10:00:00Z', '2026-06-02T00:00:00Z'],
  ])('of %s after %s is %s', (text, after, expected) => {
    expect(nextTimes(text, after)).toEqual([expected]);
  });

  test.each<[string, string, string, string[]]>([
    [
      'in winter and summer',
      '0 12 * * *',
      '2026-03-28T12:00:00Z',
      ['2026-03-29T12:00:00+02:00', '2026-03-30T12:00:00+02:00'],
    ],
    [
      'skipped where clocks skip it',
      '30 2 * * *',
      '2026-03-28T02:00:00Z',
      ['2026-03-30T02:30:00+02:00', '2026-03-31T02:30:00+02:00'],
    ],
    [
      'twice where clocks show it twice',
      '30 2 * * *',
      '2026-10-24T12:00:00Z',
      ['2026-10-25T02:30:00+02:00', '2026-10-25T02:30:00+01:00'],
    ],
  ])('in Zurich, %s', (_, text, after, expected) => {
    expect(nextTimes(text, after, { zone: 'Europe/Zurich', count: 2 })).toEqual(expected);
  });

  test('where a day begins at one, which São Paulo had', () => {
    const zone = 'America/Sao_Paulo';
    expect(nextTimes('0 * 4 11 *', '2018-11-03T12:00:00Z', { zone })).toEqual(['2018-11-04T01:00:00-02:00']);
  });
});

test.each([
  ['', 'empty spec string'],
  ['* * * *', 'expected exactly 5 fields, found 4: [* * * *]'],
  ['60 * * * *', 'end of range (60) above maximum (59): 60'],
  ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'],
  ['* * * * 7', 'end of range (7) above maximum (6): 7'],
  ['5-1 * * * *', 'beginning of range (5) beyond end of range (1): 5-1'],
  ['*/0 * * * *', 'step of range should be a positive number: */0'],
  ['1-2-3 * * * *', 'too many hyphens: 1-2-3'],
  ['1/2/3 * * * *', 'too many slashes: 1/2/3'],
  ['x * * * *', 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'],
  ['@fortnightly', 'unrecognized descriptor: @fortnightly'],
  ['@every day', 'failed to parse duration @every day: time: invalid duration "day"'],
  ['TZ=Nowhere/Else * * * * *', 'provided bad location Nowhere/Else: unknown time zone Nowhere/Else'],
  ['TZ=0', 'no schedule after the time zone: TZ=0'],
])('%j is refused: %s', (text, message) => {
  expect(() => parseSchedule(text)).toThrow(message);
});
