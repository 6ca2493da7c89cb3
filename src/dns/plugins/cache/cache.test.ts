import { describe, expect, test } from 'vitest';
import { parseIp } from '../../../net/ip.ts';
import { recordTypes, responseCodes } from '../../message/constants.ts';
import { type Message, newQuery, type ResourceRecord, replyTo } from '../../message/message.ts';
import type { RecordData } from '../../message/record-data.ts';
import type { Answer, Query } from '../../plugin.ts';
import { serveCorefile } from '../../testing/corefile.ts';
import { ItemStore } from './item-store.ts';

const record = (name: string, ttl: number, data: RecordData): ResourceRecord => ({
  name,
  class: 1,
  ttl,
  data,
});
const a = (ttl: number, address = '192.0.2.1', name = 'example.org') =>
  record(name, ttl, { type: recordTypes.A, ip: parseIp(address) });
const cname = (ttl: number, target: string, name = 'example.org') =>
  record(name, ttl, { type: recordTypes.CNAME, target });
const soa = (ttl: number) =>
  record('example.org', ttl, {
    type: recordTypes.SOA,
    primary: 'ns.example.org',
    mailbox: 'noc.example.org',
    serial: 1,
    refresh: 1,
    retry: 1,
    expire: 1,
    minimum: 60,
  });
const { NXDOMAIN, SERVFAIL, NOTIMP, REFUSED } = responseCodes;

/** A signature that ends at a time, in seconds. */
function rrsig(until: number): ResourceRecord {
  const bytes = Buffer.alloc(32);
  bytes.writeUInt32BE(until, 8);
  bytes.writeUInt32BE(until - 1000, 12);
  return record('example.org', 60, { type: 46, bytes });
}

/** A Corefile with a cache before an upstream that says what `said` is, or throws it. */
function cached(options = 'cache') {
  const upstream = {
    said: {} as Partial<Message> | Error | undefined,
    asked: 0,
    hold: undefined as Promise<void> | undefined,
  };
  const served = serveCorefile(`. {\n ${options}\n last\n}`, {
    last: ({ message }): Answer | Promise<Answer> => {
      upstream.asked++;
      const { said, hold } = upstream;
      const answer = (): Answer => {
        if (said instanceof Error) throw said;
        return said && replyTo(message, said);
      };
      return hold ? hold.then(answer) : answer();
    },
  });
  const signed = { edns: { udpBytes: 1232, version: 0, dnssecOk: true, options: [] } };
  const ask = async (
    type: 'A' | 'AAAA' | 'CNAME' = 'A',
    message: Partial<Message> = {},
    name = 'example.org',
  ) =>
    served.ask(name, type, {
      message: newQuery(7, { name, type: recordTypes[type] }, message),
    } as Partial<Query>);
  return { ...served, upstream, ask, signed };
}

describe('what is kept', () => {
  test.each<[string, Partial<Message>, boolean]>([
    ['an answer', { answers: [a(60)] }, true],
    ['more records than anybody needs', { answers: Array.from({ length: 257 }, () => a(60)) }, false],
    ['a truncated answer', { answers: [a(60)], truncated: true }, false],
    ['NXDOMAIN', { rcode: NXDOMAIN, authorities: [soa(60)] }, true],
    ['NXDOMAIN without SOA', { rcode: NXDOMAIN }, false],
    ['NXDOMAIN with answers', { rcode: NXDOMAIN, answers: [a(60)] }, false],
    ['NODATA', { authorities: [soa(60)] }, true],
    ['SERVFAIL', { rcode: SERVFAIL }, true],
    ['NOTIMP', { rcode: NOTIMP }, true],
    ['REFUSED', { rcode: REFUSED }, false],
    ['aliases that lead to nothing', { answers: [cname(60, 'www.example.org')] }, false],
    [
      'aliases that lead to nothing, with SOA',
      { answers: [cname(60, 'www.example.org')], authorities: [soa(60)] },
      true,
    ],
    ['an alias with its target', { answers: [cname(60, 'b'), a(60, '192.0.2.1', 'b')] }, true],
    ['aliases that go round', { answers: [cname(60, 'b'), cname(60, 'example.org', 'b')] }, false],
    [
      'an answer to another question',
      { questions: [{ name: 'other.org', type: 1, class: 1 }], answers: [a(60)] },
      false,
    ],
  ])('%s: %o', async (_, said, kept) => {
    const { upstream, ask } = cached();
    upstream.said = said;
    const first = await ask();
    const second = await ask();
    expect(upstream.asked).toBe(kept ? 1 : 2);
    expect(second!.rcode).toBe(first!.rcode);
    expect(second!.answers).toEqual(first!.answers);
  });

  test('signed answers whose signature has ended are not', async () => {
    const { upstream, ask, signed, clock } = cached();
    const now = clock.now() / 1000;
    upstream.said = { answers: [a(60), rrsig(now + 100)], ...signed };
    await ask('A', signed);
    await ask('A', signed);
    expect(upstream.asked).toBe(1);
    upstream.said = { answers: [a(60), rrsig(now - 1)], ...signed };
    for (let i = 0; i < 2; i++) await ask('A', { ...signed, checkingDisabled: true });
    expect(upstream.asked).toBe(3);
  });

  test('by type, class, DO and CD, in whatever case the name is asked', async () => {
    const { upstream, ask, signed } = cached();
    upstream.said = { answers: [a(60)] };
    await ask();
    await ask('A', {}, 'EXAMPLE.org');
    expect(upstream.asked).toBe(1);
    await ask('AAAA');
    await ask('A', signed);
    await ask('A', { checkingDisabled: true });
    expect(upstream.asked).toBe(4);
  });

  test('what is told without recursion is not given to those who want it', async () => {
    const { upstream, ask } = cached();
    upstream.said = {};
    await ask('A', { recursionDesired: false });
    upstream.said = { answers: [a(60)] };
    expect((await ask('A', { recursionDesired: true }))?.answers).toHaveLength(1);
    expect((await ask('A', { recursionDesired: false }))?.answers).toHaveLength(0);
  });

  test('but not what the plugin kubernetes says: a named deviation', async () => {
    let asked = 0;
    const served = serveCorefile('. {\n cache\n kubernetes\n}', {
      context: {
        plugins: [
          ...(await import('../order.ts')).plugins.filter(({ name }) => name === 'cache'),
          {
            name: 'kubernetes',
            setup: () => ({
              handler: {
                name: 'kubernetes',
                serve: ({ message }) => {
                  asked++;
                  return replyTo(message, { answers: [a(5)] });
                },
              },
            }),
          },
        ],
      },
    });
    for (let i = 0; i < 3; i++) expect((await served.ask('example.org'))!.answers[0]!.ttl).toBe(5);
    expect(asked).toBe(3);
  });
});

describe('times to live', () => {
  test.each([
    ['cache', { answers: [a(7200)] }, 3600],
    ['cache', { answers: [a(1)] }, 5],
    ['cache 30', { answers: [a(3600)] }, 30],
    ['cache {\n success 100 60 20\n}', { answers: [a(3600)] }, 60],
    ['cache {\n success 100 60 20\n}', { answers: [a(1)] }, 20],
    ['cache', { rcode: NXDOMAIN, authorities: [soa(3600)] }, 1800],
    ['cache {\n denial 100 15 2\n}', { rcode: NXDOMAIN, authorities: [soa(1)] }, 2],
  ])('%j: an answer ends when it says, within bounds', async (options, said: Partial<Message>, seconds) => {
    const { upstream, ask, clock } = cached(options);
    upstream.said = said;
    const first = (await ask())!;
    expect([...first.answers, ...first.authorities][0]!.ttl).toBe(seconds);
    await clock.advance(1000);
    const second = (await ask())!;
    expect([...second.answers, ...second.authorities][0]!.ttl).toBe(seconds - 1);
    await clock.advance(seconds * 1000 - 1001);
    await ask();
    expect(upstream.asked).toBe(1);
    await clock.advance(1);
    await ask();
    expect(upstream.asked).toBe(2);
  });

  test('keepttl tells the first TTL all the time', async () => {
    const { upstream, ask, clock } = cached('cache {\n keepttl\n}');
    upstream.said = { answers: [a(60)] };
    await ask();
    await clock.advance(30_000);
    expect((await ask())!.answers[0]!.ttl).toBe(60);
  });

  test('SERVFAIL ends after 5 s, or after what servfail says; 0 keeps none', async () => {
    for (const [options, ms] of [
      ['cache', 5000],
      ['cache {\n servfail 2s\n}', 2000],
      ['cache {\n servfail 0\n}', 0],
    ] as const) {
      const { upstream, ask, clock } = cached(options);
      upstream.said = { rcode: SERVFAIL };
      await ask();
      if (ms > 0) await clock.advance(ms - 1);
      await ask();
      expect(upstream.asked).toBe(ms > 0 ? 1 : 2);
    }
  });
});

test('replies carry the asker’s id, and AD only for those who want it', async () => {
  const { upstream, ask, signed } = cached();
  upstream.said = { answers: [a(60)], authenticData: true, recursionAvailable: true };
  expect((await ask())!.authenticData).toBe(false);
  const wanted = (await ask('A', { authenticData: true, id: 99 }))!;
  expect(wanted).toMatchObject({
    id: 99,
    authenticData: true,
    recursionAvailable: true,
    authoritative: true,
  });
  expect((await ask('A', signed))!.authenticData).toBe(true);
});

test('disable keeps nothing of a class in a zone', async () => {
  const { upstream, ask } = cached('cache {\n disable denial\n disable success other.org\n}');
  upstream.said = { rcode: NXDOMAIN, authorities: [soa(60)] };
  for (let i = 0; i < 2; i++) await ask();
  expect(upstream.asked).toBe(2);
  upstream.said = { answers: [a(60)] };
  for (let i = 0; i < 2; i++) await ask();
  expect(upstream.asked).toBe(3);
});

test('a SERVFAIL that is kept does not hide a stale answer', async () => {
  const { upstream, ask, clock } = cached('cache {\n serve_stale\n}');
  upstream.said = { answers: [a(60)] };
  await ask();
  await clock.advance(61_000);
  upstream.said = { rcode: SERVFAIL };
  expect((await ask())!.answers).toHaveLength(1);
  await clock.advance(1000);
  expect((await ask())!.answers).toHaveLength(1);
});

describe('prefetch', () => {
  test('asks anew for what is popular, near its end, and once at a time', async () => {
    const { upstream, ask, clock } = cached('cache {\n prefetch 2 1m 10%\n}');
    upstream.said = { answers: [a(60)] };
    await ask();
    await clock.advance(30_000);
    await ask();
    await ask();
    expect(upstream.asked).toBe(1);
    await clock.advance(25_000);
    upstream.said = { answers: [a(60, '192.0.2.2')] };
    const hold = Promise.withResolvers<void>();
    upstream.hold = hold.promise;
    await ask();
    await ask();
    expect(upstream.asked).toBe(2);
    hold.resolve();
    await expect.poll(async () => (await ask())!.answers[0]!.ttl).toBe(60);
    expect((await ask())!.answers).toEqual([a(60, '192.0.2.2')]);
  });
});

describe('serve_stale', () => {
  test('gives what has ended with TTL 0 and asks anew behind', async () => {
    const { upstream, ask, clock, metrics } = cached('cache {\n serve_stale\n}');
    upstream.said = { answers: [a(60)] };
    await ask();
    await clock.advance(70_000);
    upstream.said = { answers: [a(60, '192.0.2.2')] };
    expect((await ask())!.answers).toEqual([a(0)]);
    await expect.poll(async () => (await ask())!.answers).toEqual([a(60, '192.0.2.2')]);
    expect(metrics.render()).toMatch(/coredns_cache_served_stale_total\{.*\} \d/);
  });

  test('no longer than it says', async () => {
    const { upstream, ask, clock } = cached('cache {\n serve_stale 10s\n}');
    upstream.said = { answers: [a(60)] };
    await ask();
    await clock.advance(70_000);
    upstream.said = { rcode: REFUSED };
    expect((await ask())!.rcode).toBe(REFUSED);
  });

  test.each<[string, Partial<Message> | Error | undefined, boolean]>([
    ['an answer', { answers: [a(60, '192.0.2.2')] }, true],
    ['NXDOMAIN', { rcode: NXDOMAIN, authorities: [soa(60)] }, true],
    ['SERVFAIL', { rcode: SERVFAIL }, false],
    ['REFUSED', { rcode: REFUSED }, false],
    ['a truncated answer', { answers: [a(60)], truncated: true }, false],
    ['no answer', undefined, false],
    ['an error', new Error('no route'), false],
  ])('verify asks first: %s', async (_, said, fresh) => {
    const { upstream, ask, clock } = cached('cache {\n serve_stale 1h verify\n}');
    upstream.said = { answers: [a(60)] };
    await ask();
    await clock.advance(70_000);
    upstream.said = said;
    const reply = (await ask())!;
    if (fresh) expect(reply.rcode).toBe((said as Message).rcode ?? 0);
    expect(reply.answers.some(({ ttl }) => ttl === 0)).toBe(!fresh);
  });

  test('verify waits no longer than it says, and keeps what comes later', async () => {
    const { upstream, ask, clock } = cached('cache {\n serve_stale 1h verify 100ms 30s\n}');
    upstream.said = { answers: [a(60)] };
    await ask();
    await clock.advance(70_000);
    const hold = Promise.withResolvers<void>();
    upstream.hold = hold.promise;
    upstream.said = { answers: [a(60, '192.0.2.2')] };
    const asking = ask();
    await clock.advance(100);
    expect((await asking)!.answers).toEqual([a(30)]);
    hold.resolve();
    await clock.advance(0);
    expect((await ask())!.answers).toEqual([a(60, '192.0.2.2')]);
  });

  test('after a failed refresh none is tried for the time it says', async () => {
    const { upstream, ask, clock } = cached('cache {\n serve_stale 1h immediate 30s 20s\n}');
    upstream.said = { answers: [a(60)] };
    await ask();
    await clock.advance(70_000);
    upstream.said = new Error('no route');
    for (let i = 0; i < 3; i++) {
      expect((await ask())!.answers[0]!.ttl).toBe(30);
      await clock.advance(1000);
    }
    expect(upstream.asked).toBe(2);
    await clock.advance(20_000);
    await ask();
    expect(upstream.asked).toBe(3);
  });

  test('prefer_positive gives a stale answer rather than a denial', async () => {
    const { upstream, ask, clock } = cached(
      'cache {\n serve_stale 1h verify\n serve_stale_policy prefer_positive\n}',
    );
    upstream.said = { answers: [a(60)] };
    await ask();
    await clock.advance(70_000);
    upstream.said = { rcode: NXDOMAIN, authorities: [soa(60)] };
    expect((await ask())!.answers).toEqual([a(0)]);
    upstream.said = { answers: [a(60, '192.0.2.2')] };
    expect((await ask())!.answers).toEqual([a(60, '192.0.2.2')]);
  });
});

test('where there is no more room any other item goes', () => {
  const store = new ItemStore<number>(10);
  expect(store.capacity).toBe(1024);
  for (let i = 0; i < 1024; i++) expect(store.set(String(i), i)).toBe(false);
  expect(store.set('5', 50)).toBe(false);
  expect(store.set('new', 1)).toBe(true);
  expect(store.size).toBe(1024);
  expect(store.get('new')).toBe(1);
  store.delete('new');
  expect(store.get('new')).toBeUndefined();
  for (let i = 0; i < 1024; i++) store.delete(String(i));
  expect(store.size).toBe(0);
});
