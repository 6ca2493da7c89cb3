import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../json.ts';
import { inDefault, useTestServer } from '../../test-server.ts';

const { call } = useTestServer();
const classes = '/apis/scheduling.k8s.io/v1/priorityclasses';
const pod = (spec: JsonObject = {}): JsonObject => ({
  metadata: { name: 'p' },
  spec: { containers: [{ name: 'c', image: 'x' }], ...spec },
});
const create = (spec?: JsonObject) => call('POST', `${inDefault}/pods`, pod(spec));
const createClass = (name: string, value: number, more: JsonObject = {}) =>
  call('POST', classes, { metadata: { name }, value, ...more });

describe('priority', () => {
  test('is none without a class', async () => {
    const { spec } = await create();
    expect(spec).toMatchObject({ priority: 0, preemptionPolicy: 'PreemptLowerPriority' });
    expect(spec.priorityClassName).toBeUndefined();
  });

  test("is the class's, and so is whom it displaces", async () => {
    await createClass('high', 7, { preemptionPolicy: 'Never' });
    expect((await create({ priorityClassName: 'high' })).spec).toMatchObject({
      ...{ priority: 7, preemptionPolicy: 'Never' },
    });
  });

  test('is that of the default class', async () => {
    await createClass('usual', 5, { globalDefault: true });
    expect((await create()).spec).toMatchObject({ priorityClassName: 'usual', priority: 5 });
  });

  test("is Kubernetes' own of a class of that name", async () => {
    expect((await create({ priorityClassName: 'system-node-critical' })).spec.priority).toBe(2_000_001_000);
  });

  test.each<[string, JsonObject, string]>([
    ['of no class', { priorityClassName: 'none' }, 'no PriorityClass with name none was found'],
    [
      'given as a number',
      { priority: 3 },
      'the integer value of priority (3) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name',
    ],
    [
      'that displaces otherwise',
      { preemptionPolicy: 'Never' },
      'the string value of PreemptionPolicy (Never) must not be provided in pod spec; priority admission controller computed PreemptLowerPriority from the given PriorityClass name',
    ],
  ])('%s is refused', async (_, spec, why) => {
    expect(await create(spec)).toMatchObject({
      ...{ code: 403, reason: 'Forbidden', message: `pods "p" is forbidden: ${why}` },
    });
  });
});

describe('a service account', () => {
  test('has to be there', async () => {
    expect(await create({ serviceAccountName: 'robot' })).toMatchObject({
      code: 403,
      message:
        'pods "p" is forbidden: error looking up service account default/robot: serviceaccount "robot" not found',
    });
  });

  test('gives the secrets to pull images with, where a pod has none', async () => {
    const imagePullSecrets = [{ name: 'registry' }];
    await call('POST', `${inDefault}/serviceaccounts`, { metadata: { name: 'robot' }, imagePullSecrets });
    const { spec } = await create({ serviceAccountName: 'robot' });
    expect(spec).toMatchObject({ serviceAccountName: 'robot', serviceAccount: 'robot', imagePullSecrets });
    const own = { imagePullSecrets: [{ name: 'mine' }] };
    const other = { ...pod({ serviceAccountName: 'robot', ...own }), metadata: { name: 'q' } };
    expect((await call('POST', `${inDefault}/pods`, other)).spec).toMatchObject(own);
  });
});
