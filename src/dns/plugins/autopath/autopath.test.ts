import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { MetricRegistry } from '../../../util/metrics.ts';
import { replyTo } from '../../message/message.ts';
import type { DnsPlugin, PluginContext } from '../../plugin.ts';
import { queryFor, replyFrom } from '../../testing/ask.ts';
import { addressRecord } from '../kubernetes/records.ts';
import { answerText } from '../kubernetes/testing/case-table.ts';
import { autopathPlugin } from './autopath.ts';
import { searchPathOf } from './resolv-conf.ts';
import { autopathOptions, setup } from './setup.ts';

const address = { family: 4, bytes: Uint8Array.of(127, 0, 0, 53) } as const;
const rcodes: Record<string, number> = {
  'b.example.org': 3,
  'b.com': 0,
  'a.example.com': 0,
  'd.example.org': 3,
  'd.example.com': 3,
  'd.com': 3,
  d: 3,
  'e.example.org': 3,
  'e.example.com': 2,
  'f.example.org': 3,
  f: 0,
  'example.org': 3,
  'example.com': 0,
};

/** Behind autopath: knows these names; others it refuses. `late`: not at once. */
function names(asked: string[] = [], late = false): DnsPlugin {
  return {
    name: 'names',
    serve: ({ message, name }) => {
      asked.push(name);
      const rcode = rcodes[name] ?? 5;
      const answers = rcode === 0 ? [addressRecord(name, 3600, address)] : [];
      const reply = replyTo(message, { rcode, answers });
      return late ? Promise.resolve(reply) : reply;
    },
  };
}

const search = ['example.org', 'example.com', 'com', ''];
const autopath = autopathPlugin({ zones: [''], searchPath: () => search });

test.each<[string, string, string[]]>([
  ['b.example.org', 'CNAME b.com, b.com 3600 A 127.0.0.53', ['b.example.org', 'b.example.com', 'b.com']],
  ['a.example.com', '3600 A 127.0.0.53', ['a.example.com']],
  ['d.example.org', 'NXDOMAIN!', ['d.example.org', 'd.example.com', 'd.com', 'd']],
  ['c.example.org', 'REFUSED!', ['c.example.org', 'c.example.com', 'c.com', 'c']],
  ['e.example.org', 'SERVFAIL!', ['e.example.org', 'e.example.com']],
  ['f.example.org', 'CNAME f, f 3600 A 127.0.0.53', ['f.example.org', 'f.example.com', 'f.com', 'f']],
  ['example.org', 'CNAME example.com, example.com 3600 A 127.0.0.53', ['example.org', 'example.com']],
])('%s', async (name, answer, walked) => {
  for (const late of [false, true]) {
    const asked: string[] = [];
    const reply = await replyFrom([autopath, names(asked, late)], queryFor(name, 'A'));
    expect(
      answerText(reply)
        .replace(' 3600 CNAME', ' CNAME')
        .replace(/^3600 CNAME/, 'CNAME'),
    ).toBe(answer);
    expect(reply.questions[0]!.name).toBe(name);
    expect(asked).toEqual(walked);
  }
});

test('names of other zones, and clients without a path, walk themselves', async () => {
  const elsewhere = autopathPlugin({ zones: ['example.net'], searchPath: () => search });
  const unknown = autopathPlugin({ zones: [''], searchPath: () => undefined });
  for (const plugin of [elsewhere, unknown])
    expect(answerText(await replyFrom([plugin, names()], queryFor('b.example.org', 'A')))).toBe('NXDOMAIN!');
});

const directory = mkdtempSync(join(tmpdir(), 'autopath-'));
afterAll(() => rmSync(directory, { recursive: true }));
writeFileSync(
  join(directory, 'resolv.conf'),
  'nameserver 1.2.3.4\ndomain foo.com\nsearch bar.com Baz.com.\noptions ndots:5\n',
);

const context = { zones: ['example.net'], directory };
const at = { file: 'Corefile', line: 2 };

test.each([
  [['@kubernetes'], { zones: ['example.net'], plugin: 'kubernetes' }],
  [['example.org', '@kubernetes'], { zones: ['example.org'], plugin: 'kubernetes' }],
  [['10.0.0.0/8', '@kubernetes'], { zones: ['10.in-addr.arpa'], plugin: 'kubernetes' }],
  [['resolv.conf'], { zones: ['example.net'], file: ['bar.com', 'baz.com', ''] }],
])('autopath %j', (args, expected) => {
  expect(autopathOptions({ name: 'autopath', args, at }, context)).toEqual(expected);
});

test.each([
  [['kubernetes'], 'Corefile:2: the resolv.conf "kubernetes" cannot be read'],
  [[], 'Corefile:2: autopath names no resolv.conf'],
  [[''], 'cannot be read'],
])('autopath %j is refused', (args, problem) => {
  expect(() => autopathOptions({ name: 'autopath', args, at }, context)).toThrow(problem);
});

test('@plugin: its path is each client’s own, and successes are counted', async () => {
  const metrics = new MetricRegistry();
  const own = { searchPath: () => ['example.org', 'com', ''] };
  const full = { ...context, metrics, sibling: (name: string) => (name === 'kubernetes' ? own : undefined) };
  const directive = { name: 'autopath', args: ['.', '@kubernetes'], at };
  const instance = setup([directive], full as unknown as PluginContext);
  await instance.start!();
  const query = queryFor('b.example.org', 'A', { listener: 'dns://:53' });
  expect(answerText(await replyFrom([instance.handler!, names()], query))).toContain('CNAME b.com');
  expect(metrics.render()).toContain('coredns_autopath_success_total{server="dns://:53"} 1');
});

test('a plugin that knows no search paths is refused at the start', () => {
  const full = { ...context, metrics: new MetricRegistry(), sibling: () => ({}) };
  const instance = setup([{ name: 'autopath', args: ['@hosts'], at }], full as unknown as PluginContext);
  expect(() => instance.start!()).toThrow('the plugin hosts knows no search paths');
});

test('of several search lines the last counts', () => {
  expect(searchPathOf('search a.example\nsearch b.example  c.example\n')).toEqual(['b.example', 'c.example']);
  expect(searchPathOf('nameserver 10.0.0.1\n')).toEqual([]);
});
