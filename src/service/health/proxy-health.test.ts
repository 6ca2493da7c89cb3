import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../util/clock.ts';
import { ProxyHealth } from './proxy-health.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
const never = '0001-01-01T00:00:00Z';
let clock: FakeClock;
let health: ProxyHealth;

beforeEach(() => {
  clock = new FakeClock(start);
  health = new ProxyHealth({ clock, families: [4, 6], timeoutMs: 10_000 });
});

const now = () => new Date(clock.now()).toISOString();
const step = (seconds: number) => clock.advance(seconds * 1000);

describe('kube-proxy’s own case (healthcheck_test.go)', () => {
  it('is healthy until a queued update of either family waits too long', async () => {
    const body = (
      healthy: boolean,
      lastUpdated: string,
      families: [v4: [string, boolean], v6: [string, boolean]],
    ) => ({
      lastUpdated,
      currentTime: now(),
      healthy,
      status: {
        IPv4: { lastUpdated: families[0][0], healthy: families[0][1] },
        IPv6: { lastUpdated: families[1][0], healthy: families[1][1] },
      },
    });
    expect(health.report()).toEqual({
      ok: true,
      body: { lastUpdated: now(), currentTime: now(), healthy: true },
    });
    health.updated();
    let [v4, v6] = [now(), now()];
    expect(health.report()).toEqual({
      ok: true,
      body: body(true, now(), [
        [v4, true],
        [v6, true],
      ]),
    });
    await step(25);
    expect(health.report()).toEqual({
      ok: true,
      body: body(true, now(), [
        [v4, true],
        [v6, true],
      ]),
    });
    health.queued([4]);
    await step(25);
    expect(health.report()).toEqual({
      ok: false,
      body: body(false, v6, [
        [v4, false],
        [v6, true],
      ]),
    });
    health.updated();
    [v4, v6] = [now(), now()];
    await step(5);
    expect(health.report()).toEqual({
      ok: true,
      body: body(true, now(), [
        [v4, true],
        [v6, true],
      ]),
    });
    health.queued([6]);
    await step(25);
    expect(health.report()).toEqual({
      ok: false,
      body: body(false, v6, [
        [v4, true],
        [v6, false],
      ]),
    });
    health.updated([6]);
    v6 = now();
    health.queued([4, 6]);
    await step(25);
    expect(health.report()).toEqual({
      ok: false,
      body: body(false, v6, [
        [v4, false],
        [v6, false],
      ]),
    });
    health.updated();
    health.queued();
    await step(5);
    expect(health.report().ok).toBe(true);
  });

  it('the oldest of several that wait counts', async () => {
    health.updated();
    health.queued();
    await step(6);
    health.queued();
    await step(5);
    expect(health.isHealthy()).toBe(false);
  });
});

describe('a node that load balancers shall leave', () => {
  it('is not ok, and healthy all the same', () => {
    health.updated();
    expect(health.report(false)).toMatchObject({ ok: false, body: { healthy: true, nodeEligible: false } });
    expect(health.report(true)).toMatchObject({ ok: true, body: { nodeEligible: true } });
    expect(health.report().body).not.toHaveProperty('nodeEligible');
  });
});

it('a proxy that never updated is not late: it starts', async () => {
  health.queued();
  await step(100);
  expect(health.report().ok).toBe(true);
  expect(health.report(false).body).toMatchObject({ lastUpdated: never });
});

it('fields are in kube-proxy’s order', () => {
  health.updated();
  expect(Object.keys(health.report(true).body)).toEqual([
    'lastUpdated',
    'currentTime',
    'nodeEligible',
    'healthy',
    'status',
  ]);
});
