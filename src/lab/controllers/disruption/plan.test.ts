import { describe, expect, test } from 'vitest';
import type { BudgetStatus } from '../../../kube/disruption-budget.ts';
import type { Pod, PodDisruptionBudget } from '../../../kube/types.ts';
import { meta, pod } from '../test-objects.ts';
import { countsControllers, failedStatus, planBudget } from './plan.ts';

const now = Date.UTC(2026, 5, 1);
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString().replace('.000', '');

type Spec = NonNullable<PodDisruptionBudget['spec']>;

function budget(spec: Spec, status?: Partial<BudgetStatus>): PodDisruptionBudget {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: meta('web', { generation: 2 }),
    spec,
    ...(status && { status: status as PodDisruptionBudget['status'] }),
  };
}

/** `r` ready, `u` not ready, `t` on its way out. */
const podsOf = (letters: string) =>
  [...letters].map((letter, i) => pod(`p${i}`, { ready: letter !== 'u', terminating: letter === 't' }));

const plan = (of: PodDisruptionBudget, pods: Pod[], size = 0) =>
  planBudget({ budget: of, pods, controllersSize: size, now });

describe('what is allowed', () => {
  test.each<[string, Spec, string, number, Partial<BudgetStatus>]>([
    [
      'a number of all pods',
      { minAvailable: 2 },
      'rrr',
      0,
      { expectedPods: 3, desiredHealthy: 2, disruptionsAllowed: 1 },
    ],
    [
      'unready pods are not healthy',
      { minAvailable: 2 },
      'rru',
      0,
      { currentHealthy: 2, disruptionsAllowed: 0 },
    ],
    [
      'nor those on their way out',
      { minAvailable: 1 },
      'rrt',
      0,
      { currentHealthy: 2, disruptionsAllowed: 1 },
    ],
    ['never fewer than none', { minAvailable: 5 }, 'rr', 0, { desiredHealthy: 5, disruptionsAllowed: 0 }],
    [
      'a share is rounded up',
      { minAvailable: '50%' },
      'rrr',
      3,
      { expectedPods: 3, desiredHealthy: 2, disruptionsAllowed: 1 },
    ],
    [
      'of what controllers want',
      { minAvailable: '50%' },
      'rr',
      10,
      { desiredHealthy: 5, disruptionsAllowed: 0 },
    ],
    [
      'a number that may be away',
      { maxUnavailable: 1 },
      'rrr',
      3,
      { desiredHealthy: 2, disruptionsAllowed: 1 },
    ],
    [
      'a share of it, rounded up too',
      { maxUnavailable: '30%' },
      'rrrrr',
      5,
      { desiredHealthy: 3, disruptionsAllowed: 2 },
    ],
    ['all of them', { maxUnavailable: '100%' }, 'rr', 2, { desiredHealthy: 0, disruptionsAllowed: 2 }],
    [
      'nothing where there are no pods',
      { minAvailable: 0 },
      '',
      0,
      { expectedPods: 0, disruptionsAllowed: 0 },
    ],
    ['nothing where nobody says', {}, 'rr', 0, { expectedPods: 0, disruptionsAllowed: 0 }],
  ])('%s', (_, spec, pods, size, expected) => {
    expect(plan(budget(spec), podsOf(pods), size).status).toMatchObject({
      observedGeneration: 2,
      ...expected,
    });
  });

  test.each([
    [2, 'True', 'SufficientPods'],
    [3, 'False', 'InsufficientPods'],
  ])('with %i of three needed the condition is %s', (minAvailable, status, reason) => {
    expect(plan(budget({ minAvailable }), podsOf('rrr')).status.conditions).toEqual([
      {
        type: 'DisruptionAllowed',
        status,
        reason,
        message: '',
        observedGeneration: 2,
        lastTransitionTime: ago(0),
      },
    ]);
  });

  test.each<[Spec, boolean]>([
    [{ minAvailable: 1 }, false],
    [{ minAvailable: '1%' }, true],
    [{ maxUnavailable: 1 }, true],
  ])('%j asks controllers: %s', (spec, asks) => {
    expect(countsControllers(budget(spec))).toBe(asks);
  });
});

describe('evictions that were allowed', () => {
  const evicted = (seconds: number) => ({ disruptedPods: { p0: ago(seconds) } });

  test('count as gone until they are seen to go', () => {
    const made = plan(budget({ minAvailable: 1 }, evicted(30)), podsOf('rr'));
    expect(made.status).toMatchObject({ currentHealthy: 1, disruptionsAllowed: 0, ...evicted(30) });
    expect(made.recheckMs).toBe(90_000);
    expect(plan(budget({ minAvailable: 1 }, evicted(30)), podsOf('tr')).status).not.toHaveProperty(
      'disruptedPods',
    );
  });

  test('and that do not come are forgotten after two minutes, and told', () => {
    const made = plan(budget({ minAvailable: 1 }, evicted(121)), podsOf('rr'));
    expect(made.status).toMatchObject({ currentHealthy: 2, disruptionsAllowed: 1 });
    expect(made.notDeleted.map(({ metadata }) => metadata.name)).toEqual(['p0']);
  });
});

test('a budget that cannot be counted allows nothing and says why', () => {
  const before = { disruptionsAllowed: 2, currentHealthy: 3, desiredHealthy: 1, expectedPods: 3 };
  expect(failedStatus(budget({}, before), 'no scale', now)).toMatchObject({
    disruptionsAllowed: 0,
    currentHealthy: 3,
    conditions: [{ type: 'DisruptionAllowed', status: 'False', reason: 'SyncFailed', message: 'no scale' }],
  });
});
