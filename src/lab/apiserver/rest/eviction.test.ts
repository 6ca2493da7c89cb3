import { describe, expect, test } from 'vitest';
import { inDefault, mergePatch, podOf, useTestServer } from '../test-server.ts';

const { call } = useTestServer();
const pods = `${inDefault}/pods`;
const budgets = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';

async function running(name: string, ready = 'True'): Promise<void> {
  await call(
    'POST',
    pods,
    podOf(name, { nodeName: 'n', terminationGracePeriodSeconds: 0 }, { labels: { app: 'web' } }),
  );
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: ready }] };
  await call('PATCH', `${pods}/${name}/status`, { status }, mergePatch);
}

async function budget(name: string, spec: object, status: object = {}): Promise<void> {
  await call('POST', budgets, {
    metadata: { name },
    spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
  });
  await call(
    'PATCH',
    `${budgets}/${name}/status`,
    { status: { observedGeneration: 1, ...status } },
    mergePatch,
  );
}

const evict = (name: string, more: object = {}) =>
  call('POST', `${pods}/${name}/eviction`, { metadata: { name }, ...more });

const allows = { disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 };
const allowsNone = { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 };
const message = "Cannot evict pod as it would violate the pod's disruption budget.";
const refusal = (why: string, more: object = {}) => ({
  code: 429,
  reason: 'TooManyRequests',
  message,
  details: { causes: [{ reason: 'DisruptionBudget', message: `The disruption budget ${why}` }], ...more },
});

describe('a budget', () => {
  test('gives of what it allows, once', async () => {
    await running('a');
    await running('b');
    await budget('web', { minAvailable: 1 }, allows);
    expect(await evict('a')).toMatchObject({ code: 201, status: 'Success' });
    const { status } = await call('GET', `${budgets}/web`);
    expect(status).toMatchObject({
      disruptionsAllowed: 0,
      disruptedPods: { a: '2030-01-01T00:00:00Z' },
      conditions: [{ type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods' }],
    });
    expect(await evict('b')).toMatchObject({ code: 429, message });
    expect(await call('GET', `${pods}/b`)).toMatchObject({ code: 200 });
  });

  test.each<[string, object, object]>([
    ['needs its pods', allowsNone, refusal('web needs 1 healthy pods and has 1 currently')],
    [
      'says no more',
      { ...allowsNone, currentHealthy: 2 },
      refusal('web does not allow evicting pods currently'),
    ],
    [
      'cannot be counted',
      {
        ...allowsNone,
        conditions: [{ type: 'DisruptionAllowed', status: 'False', reason: 'SyncFailed', message: 'lost' }],
      },
      refusal('web does not allow evicting pods currently because it failed sync: lost'),
    ],
    [
      'was not looked at yet',
      { observedGeneration: 0 },
      refusal('web is still being processed by the server.', { retryAfterSeconds: 10 }),
    ],
  ])('that %s refuses, and says so', async (_, status, expected) => {
    await running('a');
    await budget('web', { minAvailable: 1 }, status);
    expect(await evict('a')).toMatchObject(expected);
  });

  test('is only asked in a dry run', async () => {
    await running('a');
    await budget('web', { minAvailable: 1 }, allows);
    expect(await evict('a', { deleteOptions: { dryRun: ['All'] } })).toMatchObject({ code: 201 });
    expect(await call('GET', `${budgets}/web`)).toMatchObject({ status: { disruptionsAllowed: 1 } });
    expect((await call('GET', `${pods}/a`)).status.conditions).toHaveLength(1);
  });

  test('is one: of two the original knows no way', async () => {
    await running('a');
    await budget('one', { minAvailable: 1 }, allows);
    await budget('two', { minAvailable: 1 }, allows);
    expect(await evict('a')).toMatchObject({
      status: 'Failure',
      message: expect.stringContaining('more than one'),
    });
    expect(await call('GET', `${pods}/a`)).toMatchObject({ code: 200 });
  });

  test.each<[string | undefined, object, number]>([
    ['AlwaysAllow', allowsNone, 201],
    ['IfHealthyBudget', allowsNone, 201],
    ['IfHealthyBudget', { ...allowsNone, currentHealthy: 0 }, 429],
    [undefined, { ...allowsNone, currentHealthy: 0 }, 429],
  ])('with policy %s and %j lets an unready pod go: %i', async (unhealthyPodEvictionPolicy, status, code) => {
    await running('a', 'False');
    const policy = unhealthyPodEvictionPolicy && { unhealthyPodEvictionPolicy };
    await budget('web', { minAvailable: 1, ...policy }, status);
    expect(await evict('a')).toMatchObject({ code });
  });
});

test('what is not running, or ends anyway, asks no budget', async () => {
  await call('POST', pods, podOf('a', {}, { labels: { app: 'web' } }));
  await budget('web', { minAvailable: 1 }, allowsNone);
  expect(await evict('a')).toMatchObject({ code: 201 });
});

test('an evicted pod says that it is', async () => {
  await running('a');
  await call('PATCH', `${pods}/a`, { metadata: { finalizers: ['example.com/stay'] } }, mergePatch);
  const { metadata } = await call('GET', `${pods}/a`);
  const preconditions = { resourceVersion: metadata.resourceVersion };
  expect(await evict('a', { deleteOptions: { preconditions } })).toMatchObject({ code: 201 });
  const pod = await call('GET', `${pods}/a`);
  expect(pod.metadata.deletionTimestamp).toBeDefined();
  expect(pod.status.conditions).toContainEqual(
    expect.objectContaining({ type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' }),
  );
  expect(await evict('a', { deleteOptions: { preconditions: { resourceVersion: '1' } } })).toMatchObject({
    code: 409,
  });
});

test('refuses another name than the path has', async () => {
  await running('a');
  expect(await call('POST', `${pods}/a/eviction`, { metadata: { name: 'b' } })).toMatchObject({ code: 400 });
});

test.each<[object, string]>([
  [{ minAvailable: 1, maxUnavailable: 1 }, 'minAvailable and maxUnavailable cannot be both set'],
  [{ minAvailable: '101%' }, 'must not be greater than 100%'],
  [{ maxUnavailable: -1 }, 'must be greater than or equal to 0'],
  [{ minAvailable: 'half' }, 'a valid percent string must be'],
  [{ unhealthyPodEvictionPolicy: 'Never' }, 'supported values: "AlwaysAllow", "IfHealthyBudget"'],
])('a budget of %j is refused', async (spec, why) => {
  const made = await call('POST', budgets, { metadata: { name: 'x' }, spec });
  expect(made).toMatchObject({ code: 422, message: expect.stringContaining(why) });
});
