import { expect, test } from 'vitest';
import { serveCorefile } from '../../testing/corefile.ts';

function failing(block = '') {
  const upstream = { error: new Error('read udp: i/o timeout'), later: false };
  const served = serveCorefile(`. {\n errors ${block}\n last\n}`, {
    last: () => {
      if (upstream.later) return Promise.reject(upstream.error);
      throw upstream.error;
    },
  });
  const ask = () => expect(served.ask('example.org', 'AAAA')).rejects.toThrow(upstream.error.message);
  return { ...served, upstream, ask };
}

test('an error is logged with name and type, and goes on', async () => {
  const { ask, lines, upstream } = failing();
  await ask();
  upstream.later = true;
  await ask();
  expect(lines).toEqual(Array(2).fill('error example.org. AAAA: read udp: i/o timeout'));
});

test('errors alike are told once a period, on the level that the Corefile names', async () => {
  const { ask, lines, clock, upstream } = failing('{\n consolidate 30s "timeout$" warning\n}');
  for (let i = 0; i < 3; i++) await ask();
  expect(lines).toEqual([]);
  await clock.advance(30_000);
  expect(lines).toEqual(["warn 3 errors like 'timeout$' occurred in last 30s"]);
  upstream.error = new Error('no route');
  await ask();
  expect(lines.at(-1)).toBe('error example.org. AAAA: no route');
});

test('show_first tells the first at once, and how many only where there were more', async () => {
  const { ask, lines, clock } = failing('{\n consolidate 30s .* show_first\n}');
  await ask();
  await clock.advance(30_000);
  expect(lines).toHaveLength(1);
  await ask();
  await ask();
  await clock.advance(30_000);
  expect(lines.slice(1)).toEqual([
    'error example.org. AAAA: read udp: i/o timeout',
    "error 2 errors like '.*' occurred in last 30s",
  ]);
});

test('what is not told yet is told at the end', async () => {
  const { ask, lines, configuration } = failing('{\n consolidate 1h .*\n}');
  await ask();
  await configuration.close();
  expect(lines).toEqual(["error 1 errors like '.*' occurred in last 1h"]);
});
