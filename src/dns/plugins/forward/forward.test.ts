import { expect, test } from 'vitest';
import { parseIp } from '../../../net/ip.ts';
import { type FakeClock, systemClock } from '../../../util/clock.ts';
import { MetricRegistry } from '../../../util/metrics.ts';
import { recordTypes, responseCodes } from '../../message/constants.ts';
import { encodeMessage, type Message, replyTo } from '../../message/message.ts';
import type { Query } from '../../plugin.ts';
import { queryFor } from '../../testing/ask.ts';
import { type Asked, type Behaviour, type FakeUpstream, startFakeUpstream } from './fake-upstream.ts';
import { Forwarder, unnamedMaxConcurrent } from './forward.ts';
import { createForwardMetrics } from './forward-metrics.ts';
import { type ForwardOptions, forwardDefaults } from './options.ts';

const question = () => queryFor('www.Example.org', 'A');

function address(message: Message, text = '192.0.2.1', fields: Partial<Message> = {}): Message {
  const { name } = message.questions[0]!;
  const data = { type: recordTypes.A, ip: parseIp(text) } as const;
  return { ...replyTo(message), answers: [{ name, class: 1, ttl: 60, data }], ...fields };
}

const well: Behaviour = ({ message }) => [address(message)];
const failing =
  (rcode: number): Behaviour =>
  ({ message }) => [replyTo(message, { rcode })];
const mute: Behaviour = () => [];

interface Made extends Disposable {
  forwarder: Forwarder;
  metrics: MetricRegistry;
  ask(fields?: Partial<Query>): Promise<string>;
}

function forwardTo(
  servers: readonly FakeUpstream[],
  options: Partial<ForwardOptions> = {},
  clock: FakeClock | typeof systemClock = systemClock,
): Made {
  const metrics = new MetricRegistry();
  const upstreams = servers.map(({ port }) => ({ transport: 'dns' as const, host: '127.0.0.1', port }));
  const all: ForwardOptions = {
    ...forwardDefaults(upstreams),
    policy: 'sequential',
    // What a reply may take; who waits in vain has a clock that hurries.
    readTimeoutMs: 10_000,
    maxFails: 0,
    ...options,
  };
  const forwarder = new Forwarder(all, { clock, metrics: createForwardMetrics(metrics) });
  return {
    forwarder,
    metrics,
    ask: async (fields = {}) => describe(await forwarder.serve({ ...question(), ...fields })),
    [Symbol.dispose]: () => forwarder.close(),
  };
}

function describe(answer: Message | undefined): string {
  const [record] = answer!.answers;
  if (record !== undefined && 'ip' in record.data) return [...record.data.ip.bytes].join('.');
  return answer!.truncated ? 'truncated' : `rcode ${answer!.rcode}`;
}

test('the answer comes back under the id and the question, letter by letter, of the client', async () => {
  await using server = await startFakeUpstream(({ message }) => {
    const questions = [{ ...message.questions[0]!, name: 'WWW.EXAMPLE.ORG' }];
    return [{ ...address(message), questions }];
  });
  using made = forwardTo([server]);
  const query = question();
  query.message.id = 77;
  const answer = await made.forwarder.serve(query);
  expect(answer).toMatchObject({ id: 77, questions: query.message.questions });
});

test('queries leave with random ids, by ports of their own', async () => {
  await using server = await startFakeUpstream(well);
  using made = forwardTo([server]);
  await Promise.all(Array.from({ length: 32 }, () => made.ask()));
  expect(new Set(server.asked.map(({ from }) => from)).size).toBeGreaterThan(24);
  expect(new Set(server.asked.map(({ message }) => message.id)).size).toBeGreaterThan(24);
});

const otherName = (message: Message): Message => ({
  ...address(message, '6.6.6.6'),
  questions: [{ ...message.questions[0]!, name: 'evil.example.org' }],
});

test.each<[string, (asked: Asked) => Message | Uint8Array]>([
  ['another id', ({ message }) => ({ ...address(message, '6.6.6.6'), id: message.id ^ 1 })],
  ['another name', ({ message }) => otherName(message)],
  [
    'another type',
    ({ message }) => ({
      ...address(message, '6.6.6.6'),
      questions: [{ ...message.questions[0]!, type: 28 }],
    }),
  ],
  [
    'another class',
    ({ message }) => ({
      ...address(message, '6.6.6.6'),
      questions: [{ ...message.questions[0]!, class: 3 }],
    }),
  ],
  ['no question', ({ message }) => ({ ...address(message, '6.6.6.6'), questions: [] })],
  [
    'two questions',
    ({ message }) => ({
      ...address(message, '6.6.6.6'),
      questions: [message.questions[0]!, message.questions[0]!],
    }),
  ],
  ['the query itself', ({ message }) => ({ ...address(message, '6.6.6.6'), response: false })],
  ['noise', () => Buffer.from('not DNS at all, by far')],
  ['nothing', () => Buffer.alloc(0)],
])('a reply with %s is ignored, and the right one behind it is taken', async (_, forge) => {
  for (const transport of ['udp', 'tcp'] as const) {
    await using server = await startFakeUpstream((asked) => [forge(asked), address(asked.message)]);
    using made = forwardTo([server]);
    expect(await made.ask({ transport })).toBe('192.0.2.1');
  }
});

test('only forged replies: the query fails in time', async () => {
  await using server = await startFakeUpstream(({ message }) => [otherName(message)]);
  using made = forwardTo([server], { readTimeoutMs: 20 });
  await expect(made.ask()).rejects.toThrow('does not answer');
});

test('a reply from another address is not heard', async () => {
  await using liar = await startFakeUpstream(mute, { host: '127.0.0.2' });
  await using server = await startFakeUpstream(({ message, from }) => {
    liar.send(encodeMessage(address(message, '6.6.6.6')), from);
    return [address(message)];
  });
  using made = forwardTo([server]);
  expect(await made.ask()).toBe('192.0.2.1');
});

test('queries by TCP go on by TCP, force_tcp makes all of them, prefer_udp none', async () => {
  await using server = await startFakeUpstream(well);
  for (const options of [{}, { forceTcp: true }, { preferUdp: true }]) {
    using made = forwardTo([server], options);
    await made.ask();
    await made.ask({ transport: 'tcp' });
  }
  expect(server.asked.map(({ by }) => by)).toEqual(['udp', 'tcp', 'tcp', 'tcp', 'udp', 'udp']);
});

test('a truncated answer is the client’s, or with prefer_udp asked for again by TCP', async () => {
  await using server = await startFakeUpstream(({ message, by }) => [
    by === 'udp' ? replyTo(message, { truncated: true }) : address(message),
  ]);
  using plain = forwardTo([server]);
  expect(await plain.ask()).toBe('truncated');
  using preferring = forwardTo([server], { preferUdp: true });
  expect(await preferring.ask()).toBe('192.0.2.1');
});

test('an answer that the server cut off in the midst of a record counts as truncated', async () => {
  await using server = await startFakeUpstream(({ message }) => [
    encodeMessage(address(message, '192.0.2.1', { truncated: true })).subarray(0, -5),
  ]);
  using made = forwardTo([server]);
  expect(await made.ask()).toBe('truncated');
});

/** The first so many tries are given up at once, the later ones have all their time. */
function impatientAtFirst(tries: number): typeof systemClock {
  let begun = 0;
  return { ...systemClock, after: (ms, fn) => systemClock.after(++begun <= tries ? 20 : ms, fn) };
}

test('servers that do not answer, or refuse, are passed by', async () => {
  await using silent = await startFakeUpstream(mute);
  await using server = await startFakeUpstream(well);
  const gone = await startFakeUpstream(well);
  await gone[Symbol.asyncDispose]();
  using made = forwardTo([gone, silent, server], {}, impatientAtFirst(2));
  expect(await made.ask()).toBe('192.0.2.1');
});

test('an answer that comes late, for the try before, is not taken for another', async () => {
  let first: Message | undefined;
  await using server = await startFakeUpstream(({ message }) => {
    if (first === undefined) {
      first = message;
      return [];
    }
    return [address(first, '6.6.6.6'), address(message)];
  });
  using made = forwardTo([server], {}, impatientAtFirst(1));
  expect(await made.ask()).toBe('192.0.2.1');
});

test.each([
  [undefined, 2],
  [1, 1],
  [5, 5],
])('max_connect_attempts %s tries %s times', async (maxConnectAttempts, tries) => {
  await using server = await startFakeUpstream(mute);
  using made = forwardTo([server], { readTimeoutMs: 5, ...(maxConnectAttempts && { maxConnectAttempts }) });
  await expect(made.ask()).rejects.toThrow('does not answer');
  // The last try may be given up before the server has read it.
  await expect.poll(() => server.asked).toHaveLength(tries);
});

test.each<[string, number, number[], string]>([
  ['takes the next server', responseCodes.SERVFAIL, [responseCodes.SERVFAIL], '192.0.2.1'],
  ['leaves other codes', responseCodes.REFUSED, [responseCodes.SERVFAIL], 'rcode 5'],
  ['is off of itself', responseCodes.SERVFAIL, [], 'rcode 2'],
])('failover %s', async (_, rcode, failoverRcodes, expected) => {
  await using bad = await startFakeUpstream(failing(rcode));
  await using good = await startFakeUpstream(well);
  using made = forwardTo([bad, good], { failoverRcodes });
  expect(await made.ask()).toBe(expected);
});

test('failover gives the last answer where none is better', async () => {
  await using one = await startFakeUpstream(failing(responseCodes.SERVFAIL));
  await using other = await startFakeUpstream(failing(responseCodes.REFUSED));
  using made = forwardTo([one, other], { failoverRcodes: [responseCodes.SERVFAIL, responseCodes.REFUSED] });
  expect(await made.ask()).toBe('rcode 5');
});

test('max_concurrent refuses what is more', async () => {
  await using server = await startFakeUpstream(well);
  using made = forwardTo([server], { maxConcurrent: 1 });
  const answers = await Promise.all([made.ask(), made.ask()]);
  expect(answers).toEqual(['192.0.2.1', 'rcode 5']);
  expect(await made.ask()).toBe('192.0.2.1');
  expect(made.metrics.render()).toContain('coredns_forward_max_concurrent_rejects_total 1');
});

test.each([{}, { maxConcurrent: 0 }])('with %j there is a bound all the same', async (options) => {
  using made = forwardTo([], options);
  const asked = Array.from({ length: unnamedMaxConcurrent }, () => made.ask());
  expect(await made.ask()).toBe('rcode 5');
  await Promise.allSettled(asked);
});

test('connections are used again, the server’s closing of one costs nothing', async () => {
  await using server = await startFakeUpstream(well);
  using made = forwardTo([server], { forceTcp: true });
  await made.ask();
  await made.ask();
  expect(server.connections).toBe(1);
  server.dropConnections();
  expect(await made.ask()).toBe('192.0.2.1');
  expect(server.connections).toBe(2);
  expect(made.metrics.render()).toMatch(
    /conn_cache_hits_total\{proxy_name="forward",to="127.0.0.1:\d+",proto="tcp"\}/,
  );
});

test.each([
  ['max_idle_conns 1', { maxIdleConns: 1 }, 3],
  ['no limit', {}, 2],
])('%s: two at once and two more take %s connections', async (_, options, connections) => {
  await using server = await startFakeUpstream(well);
  using made = forwardTo([server], { forceTcp: true, readTimeoutMs: 5000, ...options });
  await Promise.all([made.ask(), made.ask()]);
  await Promise.all([made.ask(), made.ask()]);
  expect(server.connections).toBe(connections);
});

test('health checks: down after more failures than max_fails, up with the first reply', async () => {
  let answering = false;
  await using server = await startFakeUpstream((asked) => (answering ? well(asked) : []));
  using made = forwardTo(
    [server],
    {
      readTimeoutMs: 1000,
      maxFails: 1,
      failfast: true,
      healthCheck: { intervalMs: 1, recursionDesired: false, domain: 'check.example.org' },
    },
    quickClock(),
  );
  await expect(made.ask()).rejects.toThrow('does not answer');
  await expect.poll(() => made.ask().catch(String)).toContain('is healthy');
  const check = server.asked.find(({ message }) => message.questions[0]!.type === recordTypes.NS);
  expect(check?.message).toMatchObject({
    recursionDesired: false,
    questions: [{ name: 'check.example.org' }],
  });
  answering = true;
  await expect.poll(() => made.ask().catch(String)).toBe('192.0.2.1');
  expect(made.metrics.render()).toMatch(
    /proxy_healthcheck_failures_total\{proxy_name="forward",to="127.0.0.1:\d+"\} [1-9]/,
  );
});

/** Waits of a second, such as a health check's, take a hundredth, as long as there is haste. */
function quickClock(): typeof systemClock & { haste: boolean } {
  const clock = {
    ...systemClock,
    haste: true,
    after: (ms: number, fn: () => void) => systemClock.after(clock.haste ? ms / 100 : ms, fn),
  };
  return clock;
}

test('all down: any of them is tried, without failfast', async () => {
  let answering = false;
  await using server = await startFakeUpstream((asked) =>
    answering && asked.message.questions[0]!.type === recordTypes.A ? well(asked) : [],
  );
  const clock = quickClock();
  using made = forwardTo([server], { readTimeoutMs: 5000, maxFails: 1 }, clock);
  await expect(made.ask()).rejects.toThrow('does not answer');
  await expect.poll(() => made.metrics.render()).toMatch(/healthcheck_failures_total\{.*\} [2-9]/);
  answering = true;
  clock.haste = false;
  expect(await made.ask()).toBe('192.0.2.1');
  expect(made.metrics.render()).toMatch(/healthcheck_broken_total [1-9]/);
});

test('names outside FROM and below except are not its own; FROM itself is', () => {
  using made = forwardTo([], { from: 'example.org', except: ['sub.example.org', 'example.org'] });
  const names = ['example.org', 'www.example.org', 'a.sub.example.org', 'notexample.org', 'example.com'];
  expect(names.filter((name) => made.forwarder.matches(name))).toEqual(['example.org']);
});

test.each<[string, Behaviour, Partial<ForwardOptions>, string]>([
  ['next NXDOMAIN', failing(3), { nextRcodes: [3] }, 'next'],
  ['next NXDOMAIN, for another code', failing(2), { nextRcodes: [3] }, 'rcode 2'],
  ['next_on_nodata', failing(0), { nextOnNodata: true }, 'next'],
  ['next_on_nodata, with data', well, { nextOnNodata: true }, '192.0.2.1'],
  ['neither', failing(3), {}, 'rcode 3'],
])('%s', async (_, behave, options, expected) => {
  await using server = await startFakeUpstream(behave);
  using made = forwardTo([server], options);
  const next = () => replyTo(question().message, { rcode: 15 });
  const answer = describe((await made.forwarder.serve(question(), next)) as Message);
  expect(answer.replace('rcode 15', 'next')).toBe(expected);
});

test('EDNS goes on without cookies, there and back, and an upstream is named in the metadata', async () => {
  await using server = await startFakeUpstream(({ message }) => [
    { ...address(message), edns: query.message.edns },
  ]);
  using made = forwardTo([server]);
  const options = [
    { code: 10, data: new Uint8Array(8) },
    { code: 8, data: Uint8Array.of(0, 1, 0, 0) },
  ];
  const query: Query = { ...question(), metadata: new Map() };
  query.message.edns = { udpBytes: 4096, version: 0, dnssecOk: true, options };
  expect(await made.forwarder.serve(query)).toMatchObject({ edns: { options: [{ code: 8 }] } });
  expect(server.asked[0]!.message.edns).toMatchObject({
    udpBytes: 4096,
    dnssecOk: true,
    options: [{ code: 8 }],
  });
  expect(query.metadata!.get('forward/upstream')).toBe(`127.0.0.1:${server.port}`);
});

test.each([
  ['sequential', ['a', 'a', 'a', 'a']],
  ['round_robin', ['b', 'a', 'b', 'a']],
] as const)('policy %s', async (policy, expected) => {
  await using a = await startFakeUpstream(({ message }) => [address(message, '192.0.2.10')]);
  await using b = await startFakeUpstream(({ message }) => [address(message, '192.0.2.11')]);
  using made = forwardTo([a, b], { policy });
  const answers: string[] = [];
  for (const _ of expected) answers.push(await made.ask());
  expect(answers).toEqual(expected.map((name) => (name === 'a' ? '192.0.2.10' : '192.0.2.11')));
});
