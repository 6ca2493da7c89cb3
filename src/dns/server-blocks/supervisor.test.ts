import { beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../util/clock.ts';
import { TendrilError } from '../../util/errors.ts';
import { MetricRegistry } from '../../util/metrics.ts';
import { parseCorefile } from '../corefile/parser.ts';
import { replyTo } from '../message/message.ts';
import type { PluginSetup, Query, Served } from '../plugin.ts';
import { setup as reload } from '../plugins/reload/setup.ts';
import { queryFor } from '../testing/ask.ts';
import { fakeHttp, keptLog } from '../testing/corefile.ts';
import { createSupervisor } from './supervisor.ts';

let corefile: string;
let steps: string[];
let clock: FakeClock;
let metrics: MetricRegistry;
let late: PromiseWithResolvers<void>;
const open = new Map<string, (query: Query) => Served>();
const { lines, logger } = keptLog();

/** `answer TTL`: tells by the id it sets which configuration answered. */
const answer: PluginSetup = ([directive]) => {
  const [word] = directive!.args;
  return {
    lingerMs: word === 'slow' ? 5000 : 0,
    start: () => {
      if (word === 'broken') throw new Error('cannot start');
      steps.push(`start ${word}`);
    },
    close: () => void steps.push(`close ${word}`),
    handler: {
      name: 'answer',
      serve: ({ message }) => {
        const reply = replyTo(message, { opcode: Number(word) });
        return word === 'late' ? late.promise.then(() => reply) : reply;
      },
    },
  };
};

const certificate: PluginSetup = ([directive]) => ({
  settings: { tls: { cert: directive!.args[0]!, key: '', clientAuth: 'nocert' } },
});

function supervise(more: { leastLingerMs?: number } = {}) {
  return createSupervisor({
    ...more,
    context: {
      plugins: [
        { name: 'reload', setup: reload },
        { name: 'certificate', setup: certificate },
        { name: 'answer', setup: answer },
      ],
      clock,
      logger,
      metrics,
      informers: () => {
        throw new Error('no API server');
      },
      http: fakeHttp(),
      directory: '/',
      fatal: () => {},
    },
    load: () => parseCorefile({ text: corefile, file: 'Corefile', environment: {} }),
    listen: async (plan, serve) => {
      if (plan.port === 1) throw new TendrilError('LISTEN', 'port 1 is taken');
      steps.push(`open ${plan.label}`);
      open.set(plan.label, serve);
      return {
        setTls: ({ cert }) => void steps.push(`show ${cert}`),
        close: async () => {
          steps.push(`shut ${plan.label}`);
          open.delete(plan.label);
        },
      };
    },
  });
}

beforeEach(() => {
  steps = [];
  late = Promise.withResolvers();
  lines.length = 0;
  open.clear();
  clock = new FakeClock();
  metrics = new MetricRegistry();
});

async function answerOf(label = 'dns://:53'): Promise<number> {
  return (await open.get(label)!(queryFor('example.org', 'A')))!.opcode;
}

describe('a reload', () => {
  test('keeps the listeners that both have and starts the new before it ends the old', async () => {
    corefile = '.:53 .:54 {\n answer 1\n}';
    const supervisor = supervise();
    await supervisor.start();
    expect(await answerOf()).toBe(1);
    corefile = '.:53 .:55 {\n answer 2\n}';
    expect(await supervisor.reload()).toBe(true);
    expect(await answerOf()).toBe(2);
    expect(steps).toEqual([
      'open dns://:53',
      'open dns://:54',
      'start 1',
      'open dns://:55',
      'start 2',
      'shut dns://:54',
      'close 1',
    ]);
    await supervisor.close();
    expect(open.size).toBe(0);
  });

  test('does nothing where only comments and white space differ', async () => {
    corefile = '. {\n answer 1\n}';
    const supervisor = supervise();
    await supervisor.start();
    corefile = '# new\n. {\n   answer 1 # the same\n}\n';
    expect(await supervisor.reload()).toBe(false);
  });

  test.each([
    ['a wrong grammar', '. {\n answer 2', 'the changed Corefile cannot be read'],
    ['an unknown directive', '. {\n answr 2\n}', 'the changed Corefile cannot be served'],
    ['a plugin that does not start', '. {\n answer broken\n}', 'the changed Corefile cannot be served'],
    ['a port that is taken', '.:53 .:55 .:1 {\n answer 2\n}', 'the changed Corefile cannot be served'],
  ])('with %s leaves everything as it is, says so and counts it', async (_, text, line) => {
    corefile = '. {\n answer 1\n}';
    const supervisor = supervise();
    await supervisor.start();
    corefile = text;
    expect(await supervisor.reload()).toBe(false);
    expect(await supervisor.reload()).toBe(false);
    expect(await answerOf()).toBe(1);
    expect([...open.keys()]).toEqual(['dns://:53']);
    expect(lines.filter((one) => one.includes(line))).toHaveLength(1);
    expect(metrics.render()).toContain('coredns_reload_failed_total 1\n');
    corefile = '. {\n answer 3\n}';
    expect(await supervisor.reload()).toBe(true);
    expect(await answerOf()).toBe(3);
  });

  test('changes the certificates of a listener that stays, once the new plugins have started', async () => {
    corefile = 'tls://. {\n certificate old\n answer 1\n}';
    const supervisor = supervise();
    await supervisor.start();
    corefile = 'tls://. {\n certificate new\n answer 2\n}';
    expect(await supervisor.reload()).toBe(true);
    expect(steps).toEqual(['open tls://:853', 'start 1', 'start 2', 'show new', 'close 1']);
  });

  test.each([
    ['whose plugins do not start', 'tls://. {\n certificate new\n answer broken\n}'],
    ['with another port that is taken', 'tls://. .:1 {\n certificate new\n answer 2\n}'],
    ['that names no certificate', 'tls://. {\n answer 2\n}'],
  ])('%s leaves a TLS listener with its certificates', async (_, text) => {
    corefile = 'tls://. {\n certificate old\n answer 1\n}';
    const supervisor = supervise();
    await supervisor.start();
    corefile = text;
    expect(await supervisor.reload()).toBe(false);
    expect(steps.filter((step) => /^(show|shut)/.test(step))).toEqual([]);
    expect(await answerOf('tls://:853')).toBe(1);
  });

  test('comes by itself within the interval that the Corefile names, as long as it names one', async () => {
    corefile = '. {\n reload 10s 0s\n answer 1\n}';
    const supervisor = supervise();
    await supervisor.start();
    corefile = '. {\n answer 2\n}';
    await clock.advance(9999);
    expect(await answerOf()).toBe(1);
    await clock.advance(1);
    await expect.poll(() => answerOf()).toBe(2);
    corefile = '. {\n answer 3\n}';
    await clock.advance(60_000);
    expect(await answerOf()).toBe(2);
  });

  test('ends the old configuration only when its last query is answered', async () => {
    corefile = '. {\n answer late\n}';
    const supervisor = supervise();
    await supervisor.start();
    const replied = open.get('dns://:53')!(queryFor('example.org', 'A'));
    corefile = '. {\n answer 2\n}';
    const reloading = supervisor.reload();
    await expect.poll(() => steps).toContain('start 2');
    await clock.advance(0);
    expect(await answerOf()).toBe(2);
    expect(steps).not.toContain('close late');
    late.resolve();
    await replied;
    await reloading;
    expect(steps).toContain('close late');
  });
});

test('a Corefile that cannot be served fails the start, and nothing stays open', async () => {
  corefile = '.:53 .:1 {\n answer 1\n}';
  await expect(supervise().start()).rejects.toThrow('port 1 is taken');
  expect(open.size).toBe(0);
});

test('serves on for the lame-duck time before it ends', async () => {
  corefile = '. {\n answer slow\n}';
  const supervisor = supervise();
  await supervisor.start();
  const closing = supervisor.close();
  await clock.advance(4999);
  expect(open.size).toBe(1);
  await clock.advance(1);
  await closing;
  expect(open.size).toBe(0);
  expect(steps.at(-1)).toBe('close slow');
});

test('serves on for the least time where the Corefile has a shorter one or none', async () => {
  corefile = '. {\n answer 1\n}';
  const supervisor = supervise({ leastLingerMs: 3000 });
  await supervisor.start();
  const closing = supervisor.close();
  await clock.advance(2999);
  expect(open.size).toBe(1);
  await clock.advance(1);
  await closing;
  expect(open.size).toBe(0);
});
