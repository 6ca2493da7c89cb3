import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import { inDefault, mergePatch, podOf, useTestServer } from '../test-server.ts';
import { configurations, configurer, hookOf, podRule, useTestWebhook } from '../webhooks/test-webhook.ts';

const api = useTestServer();
const { call } = api;
const webhook = useTestWebhook();
const pods = `${inDefault}/pods`;
const configure = configurer(api);
const validatedBy = (more: JsonObject = {}) => configure('validating', hookOf(webhook.url('/check'), more));

describe('a validating webhook', () => {
  test('is told of the request as Kubernetes tells it', async () => {
    await validatedBy();
    const user = () => ({ username: 'jane', groups: ['dev'] });
    await call('POST', `${pods}?fieldManager=me`, podOf('a'), { user });
    expect(webhook.seen).toMatchObject([
      {
        path: '/check',
        request: {
          kind: { group: '', version: 'v1', kind: 'Pod' },
          resource: { group: '', version: 'v1', resource: 'pods' },
          requestKind: { group: '', version: 'v1', kind: 'Pod' },
          requestResource: { group: '', version: 'v1', resource: 'pods' },
          name: 'a',
          namespace: 'default',
          operation: 'CREATE',
          userInfo: { username: 'jane', groups: ['dev'] },
          object: {
            apiVersion: 'v1',
            kind: 'Pod',
            metadata: { name: 'a' },
            spec: { restartPolicy: 'Always' },
          },
          oldObject: null,
          dryRun: false,
          options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', fieldManager: 'me' },
        },
      },
    ]);
    expect(webhook.seen[0]!.request).not.toHaveProperty('subResource');
    expect(webhook.seen[0]!.request.object.metadata.uid).toBeTypeOf('string');
  });

  test.each<[string, JsonObject, JsonObject]>([
    [
      'a message',
      { allowed: false, status: { message: 'no cats' } },
      { code: 400, message: 'admission webhook "hook.example.com" denied the request: no cats', reason: '' },
    ],
    [
      'a code and a reason',
      { allowed: false, status: { code: 403, reason: 'Forbidden', message: 'no' } },
      {
        code: 403,
        reason: 'Forbidden',
        message: 'admission webhook "hook.example.com" denied the request: no',
      },
    ],
    [
      'a reason alone',
      { allowed: false, status: { reason: 'Whim' } },
      { message: 'admission webhook "hook.example.com" denied the request: Whim' },
    ],
    [
      'nothing',
      { allowed: false },
      { code: 400, message: 'admission webhook "hook.example.com" denied the request without explanation' },
    ],
    [
      'success as the code',
      { allowed: false, status: { code: 200, status: 'Success', message: 'x' } },
      { code: 400, status: 'Failure' },
    ],
  ])('that refuses with %s is quoted', async (_, answer, expected) => {
    await validatedBy();
    webhook.answers.set('/check', () => answer);
    expect(await call('POST', pods, podOf('a'))).toMatchObject(expected);
    expect(await call('GET', `${pods}/a`)).toMatchObject({ code: 404 });
  });

  test('warns, whether it allows or refuses', async () => {
    await validatedBy();
    webhook.answers.set('/check', ({ name }) => ({ allowed: name === 'a', warnings: ['careful'] }));
    expect(await call('POST', pods, podOf('a'))).toMatchObject({ code: 201, warnings: ['careful'] });
    expect(await call('POST', pods, podOf('b'))).toMatchObject({ code: 400, warnings: ['careful'] });
  });

  test('is asked about updates, patches, applies, status, deletions and whole collections', async () => {
    await call('POST', pods, podOf('a'));
    await validatedBy({ rules: [{ ...podRule, resources: ['pods', 'pods/status'] }] });
    const labels = { metadata: { labels: { a: 'b' } } };
    await call('PATCH', `${pods}/a`, labels, mergePatch);
    const pod = await call('GET', `${pods}/a`);
    await call('PUT', `${pods}/a`, { ...pod, metadata: { ...pod.metadata, labels: {} } });
    await call('PATCH', `${pods}/a/status`, { status: { phase: 'Running' } }, mergePatch);
    const applied = { apiVersion: 'v1', kind: 'Pod', metadata: { labels: { x: 'y' } } };
    const apply = { contentType: 'application/apply-patch+yaml' };
    expect(await call('PATCH', `${pods}/a?fieldManager=m`, applied, apply)).toMatchObject({ code: 200 });
    await call('DELETE', `${pods}/a`, { gracePeriodSeconds: 0 });
    await call('POST', pods, podOf('c'));
    await call('DELETE', pods, { gracePeriodSeconds: 0 });
    const told = webhook.seen.map(({ request }) => [request.operation, request.subResource, request.name]);
    expect(told).toEqual([
      ['UPDATE', undefined, 'a'],
      ['UPDATE', undefined, 'a'],
      ['UPDATE', 'status', 'a'],
      ['UPDATE', undefined, 'a'],
      ['DELETE', undefined, 'a'],
      ['CREATE', undefined, 'c'],
      ['DELETE', undefined, undefined],
    ]);
    expect(webhook.seen[4]!.request).toMatchObject({
      object: null,
      oldObject: { metadata: { name: 'a', labels: { x: 'y' } } },
      options: { kind: 'DeleteOptions', gracePeriodSeconds: 0 },
    });
  });

  test('refuses a deletion, and what it protects stays', async () => {
    await call('POST', pods, podOf('a'));
    await validatedBy({ rules: [{ ...podRule, operations: ['DELETE'] }] });
    webhook.answers.set('/check', () => ({ allowed: false, status: { message: 'keep it' } }));
    expect(await call('DELETE', `${pods}/a`)).toMatchObject({ code: 400 });
    expect(await call('DELETE', pods)).toMatchObject({ code: 400 });
    const { metadata } = await call('GET', `${pods}/a`);
    expect(metadata.deletionTimestamp).toBeUndefined();
  });

  test('is asked about a scale as a Scale, an exec as its options, an eviction as an Eviction', async () => {
    const deployments = '/apis/apps/v1/namespaces/default/deployments';
    const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const spec = { selector: { matchLabels: { a: 'b' } }, template };
    await call('POST', deployments, { metadata: { name: 'd' }, spec });
    await call('POST', pods, podOf('a'));
    await validatedBy({ rules: [{ ...podRule, apiGroups: ['*'], resources: ['*/*'] }] });
    await call('PATCH', `${deployments}/d/scale`, { spec: { replicas: 3 } }, mergePatch);
    await call('POST', `${pods}/a/exec?container=c&command=ls&stdout=true`);
    await call('POST', `${pods}/a/eviction`, { metadata: { name: 'a' } });
    expect(webhook.seen.map(({ request }) => request)).toMatchObject([
      {
        operation: 'UPDATE',
        subResource: 'scale',
        kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
        resource: { group: 'apps', version: 'v1', resource: 'deployments' },
        object: { kind: 'Scale', spec: { replicas: 3 } },
        oldObject: { spec: { replicas: 1 } },
      },
      {
        operation: 'CONNECT',
        kind: { group: '', version: 'v1', kind: 'PodExecOptions' },
        object: { container: 'c', command: ['ls'], stdout: true },
        options: null,
      },
      { operation: 'CREATE', kind: { group: 'policy', version: 'v1', kind: 'Eviction' } },
    ]);
  });

  test('is not asked about the configurations themselves', async () => {
    await validatedBy({
      rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] }],
    });
    webhook.answers.set('/check', () => ({ allowed: false }));
    expect(await call('POST', pods, podOf('a'))).toMatchObject({ code: 400 });
    expect(await call('DELETE', `${configurations.validating}/validating`)).toMatchObject({ code: 200 });
    expect(await call('POST', pods, podOf('a'))).toMatchObject({ code: 201 });
  });

  test('of several that refuse, the first in their order is quoted; all are asked at once', async () => {
    const slow = hookOf(webhook.url('/a'), { name: 'a.example.com' });
    const fast = hookOf(webhook.url('/b'), { name: 'b.example.com' });
    await configure('validating', slow, fast);
    let release = () => {};
    webhook.answers.set('/a', ({ uid }, { response }) => {
      release = () =>
        response.end(
          JSON.stringify({
            apiVersion: 'admission.k8s.io/v1',
            kind: 'AdmissionReview',
            response: { uid, allowed: false, status: { message: 'from a' } },
          }),
        );
      return undefined;
    });
    webhook.answers.set('/b', () => {
      release();
      return { allowed: false, status: { message: 'from b' } };
    });
    const { message } = await call('POST', pods, podOf('a'));
    expect(message).toBe('admission webhook "a.example.com" denied the request: from a');
  });
});

describe('a dry run', () => {
  test('asks only webhooks that have no effects of their own', async () => {
    await validatedBy({ sideEffects: 'NoneOnDryRun' });
    expect(await call('POST', `${pods}?dryRun=All`, podOf('a'))).toMatchObject({ code: 201 });
    expect(webhook.seen[0]!.request).toMatchObject({ dryRun: true, options: { dryRun: ['All'] } });
    expect(await call('GET', `${pods}/a`)).toMatchObject({ code: 404 });
  });
});
