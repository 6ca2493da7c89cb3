import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import { inDefault, mergePatch, podOf, useTestServer } from '../test-server.ts';
import {
  type Answering,
  caBundle,
  configurationOf,
  configurations,
  hookOf,
  patchOf,
  podRule,
  useTestWebhook,
} from '../webhooks/test-webhook.ts';

const { call, server } = useTestServer();
const webhook = useTestWebhook();
const pods = `${inDefault}/pods`;

async function configure(kind: 'mutating' | 'validating', ...hooks: JsonObject[]): Promise<void> {
  const made = await call('POST', configurations[kind], configurationOf(kind, ...hooks));
  expect(made).toMatchObject({ code: 201 });
}

const validatedBy = (more: JsonObject = {}) => configure('validating', hookOf(webhook.url('/check'), more));
const asked = () => webhook.seen.map(({ path }) => path);

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

describe('selection', () => {
  test.each<[string, JsonObject, string[]]>([
    ['a namespaceSelector that matches', { namespaceSelector: { matchLabels: { team: 'x' } } }, ['/check']],
    ['one that does not', { namespaceSelector: { matchLabels: { team: 'y' } } }, []],
    ['an objectSelector that matches', { objectSelector: { matchLabels: { app: 'a' } } }, ['/check']],
    ['one that does not match the object', { objectSelector: { matchLabels: { app: 'b' } } }, []],
    [
      'conditions that hold',
      { matchConditions: [{ name: 'x', expression: 'object.metadata.name == "a"' }] },
      ['/check'],
    ],
    [
      'a condition that does not hold, whatever the others come to',
      {
        matchConditions: [
          { name: 'x', expression: 'object.spec.nowhere == 1' },
          { name: 'y', expression: 'request.operation == "DELETE"' },
        ],
      },
      [],
    ],
    [
      'a condition on who asks',
      { matchConditions: [{ name: 'x', expression: '!("system:masters" in request.userInfo.groups)' }] },
      ['/check'],
    ],
  ])('by %s', async (_, more, expected) => {
    await call('PATCH', '/api/v1/namespaces/default', { metadata: { labels: { team: 'x' } } }, mergePatch);
    await validatedBy(more);
    const user = () => ({ username: 'jane', groups: ['dev'] });
    await call('POST', pods, podOf('a', {}, { labels: { app: 'a' } }), { user });
    expect(asked()).toEqual(expected);
  });

  test('a condition that fails refuses the request, or skips the webhook where failures are ignored', async () => {
    const matchConditions = [{ name: 'x', expression: 'object.spec.nowhere == 1' }];
    await validatedBy({ matchConditions });
    expect(await call('POST', pods, podOf('a'))).toMatchObject({
      code: 403,
      message:
        'pods "a" is forbidden: expression \'object.spec.nowhere == 1\' resulted in error: no such key: nowhere',
    });
    await call('DELETE', `${configurations.validating}/validating`);
    await validatedBy({ matchConditions, failurePolicy: 'Ignore' });
    expect(await call('POST', pods, podOf('a'))).toMatchObject({ code: 201 });
    expect(asked()).toEqual([]);
  });

  test('an equivalent version is asked for in the version that the rule names', async () => {
    const rule = { ...podRule, apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'] };
    const hpa = (version: string) =>
      `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers`;
    const scaleTargetRef = { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' };
    await validatedBy({ rules: [{ ...rule, apiVersions: ['v1'] }] });
    const made = await call('POST', hpa('v2'), {
      metadata: { name: 'h' },
      spec: { scaleTargetRef, maxReplicas: 3 },
    });
    expect(made).toMatchObject({ code: 201 });
    expect(webhook.seen[0]!.request).toMatchObject({
      kind: { group: 'autoscaling', version: 'v1' },
      requestKind: { group: 'autoscaling', version: 'v2' },
      object: { apiVersion: 'autoscaling/v1' },
    });
    await call('DELETE', `${configurations.validating}/validating`);
    await validatedBy({ rules: [{ ...rule, apiVersions: ['v1'] }], matchPolicy: 'Exact' });
    await call('POST', hpa('v2'), { metadata: { name: 'i' }, spec: { scaleTargetRef, maxReplicas: 3 } });
    expect(webhook.seen).toHaveLength(1);
  });
});

describe('a mutating webhook', () => {
  const label = (key: string, value = 'x') => ({ op: 'add', path: `/metadata/labels/${key}`, value });
  const labelled = podOf('a', {}, { labels: { app: 'a' } });

  test('changes what is stored; what it writes belongs to nobody, and what is unknown falls away', async () => {
    await configure('mutating', hookOf(webhook.url('/m')));
    webhook.answers.set('/m', () =>
      patchOf(
        label('added'),
        { op: 'add', path: '/spec/nonsense', value: 1 },
        {
          op: 'replace',
          path: '/spec/containers/0/image',
          value: 'busybox',
        },
      ),
    );
    const pod = await call('POST', `${pods}?fieldManager=me`, labelled);
    expect(pod).toMatchObject({ code: 201, metadata: { labels: { app: 'a', added: 'x' } } });
    expect(pod.spec.containers[0].image).toBe('busybox');
    expect(pod.spec).not.toHaveProperty('nonsense');
    const owned = JSON.stringify(pod.metadata.managedFields ?? []);
    expect(owned).not.toContain('f:added');
  });

  test('changes updates and scales too; the validating ones see what came of it', async () => {
    await call('POST', pods, labelled);
    await configure('mutating', hookOf(webhook.url('/m')));
    await validatedBy();
    webhook.answers.set('/m', ({ operation }) =>
      operation === 'UPDATE' ? patchOf(label('new')) : { allowed: true },
    );
    const patched = await call('PATCH', `${pods}/a`, { metadata: { labels: { app: 'b' } } }, mergePatch);
    expect(patched.metadata.labels).toEqual({ app: 'b', new: 'x' });
    expect(webhook.seen.at(-1)).toMatchObject({
      path: '/check',
      request: {
        object: { metadata: { labels: { new: 'x' } } },
        oldObject: { metadata: { labels: { app: 'a' } } },
      },
    });
  });

  test('is asked in the order of names, each with what the ones before made, and again if it wants to', async () => {
    const hooks = (name: string, reinvocationPolicy: string) =>
      hookOf(webhook.url(`/${name}`), { name: `${name}.example.com`, reinvocationPolicy });
    await call('POST', configurations.mutating, configurationOf('b', hooks('third', 'Never')));
    await call(
      'POST',
      configurations.mutating,
      configurationOf('a', hooks('first', 'IfNeeded'), hooks('second', 'Never')),
    );
    const count = ({ object }: JsonObject) => Object.keys(object.metadata.labels).length;
    for (const path of ['/first', '/second', '/third'])
      webhook.answers.set(path, (request) => patchOf(label(`l${count(request)}`)));
    const pod = await call('POST', pods, labelled);
    expect(asked()).toEqual(['/first', '/second', '/third', '/first']);
    expect(Object.keys(pod.metadata.labels)).toEqual(['app', 'l1', 'l2', 'l3', 'l4']);
  });

  test('is asked once where nothing changed after it', async () => {
    await configure('mutating', hookOf(webhook.url('/m'), { reinvocationPolicy: 'IfNeeded' }));
    webhook.answers.set('/m', () => patchOf(label('x')));
    await call('POST', pods, labelled);
    expect(asked()).toEqual(['/m']);
  });

  test.each<[string, JsonObject, string]>([
    ['a patch of what is not there', patchOf({ op: 'remove', path: '/spec/nowhere' }), 'missing path'],
    ['a wrong type', patchOf({ op: 'add', path: '/spec/containers', value: 3 }), 'cannot unmarshal number'],
    [
      'text that is no patch',
      { allowed: true, patchType: 'JSONPatch', patch: Buffer.from('{').toString('base64') },
      'received undecodable patch in webhook response',
    ],
    [
      'a patch without its type',
      { allowed: true, patch: 'W10=' },
      'received invalid webhook response: webhook returned response.patch but not response.patchType',
    ],
  ])('that answers with %s fails the request', async (_, answer, why) => {
    await configure('mutating', hookOf(webhook.url('/m')));
    webhook.answers.set('/m', () => answer);
    const { code, message } = await call('POST', pods, labelled);
    expect(code).toBe(500);
    expect(message).toContain(why);
  });

  test('cannot change a deletion', async () => {
    await call('POST', pods, labelled);
    await configure('mutating', hookOf(webhook.url('/m')));
    webhook.answers.set('/m', () => patchOf(label('x')));
    expect(await call('DELETE', `${pods}/a`)).toMatchObject({
      code: 500,
      message:
        'Internal error occurred: admission webhook "hook.example.com" attempted to modify the object, which is not supported for this operation',
    });
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

describe('a webhook that fails', () => {
  const failing = 'Internal error occurred: failed calling webhook "hook.example.com": ';
  const cases: [string, Answering, string][] = [
    ['hangs', () => undefined, 'failed to call webhook: Post "URL?timeout=1s": context deadline exceeded'],
    [
      'lies about the request',
      () => ({ uid: 'other', allowed: true }),
      'received invalid webhook response: expected response.uid=',
    ],
    [
      'redirects',
      (_, { response }) => void response.writeHead(302, { location: 'https://127.0.0.1/' }).end(),
      'failed to call webhook: the server responded with the status code 302 but did not return more information',
    ],
    [
      'breaks',
      (_, { response }) => void response.writeHead(500).end('boom'),
      'failed to call webhook: an error on the server ("boom") has prevented the request from succeeding',
    ],
    [
      'is not there',
      (_, { response }) => void response.writeHead(404).end(),
      'failed to call webhook: the server could not find the requested resource',
    ],
    [
      'says nothing',
      (_, { response }) => void response.end('{}'),
      'received invalid webhook response: webhook response was absent',
    ],
    [
      'is no JSON',
      (_, { response }) => void response.end('<html>'),
      'failed to call webhook: the response is no JSON',
    ],
    [
      'hangs up',
      (_, { request }) => void request.socket.destroy(),
      'failed to call webhook: Post "URL?timeout=1s": EOF',
    ],
    [
      'talks without end',
      (_, { response }) => {
        const more = () => response.write(Buffer.alloc(1 << 20, ' '), (error) => error ?? setImmediate(more));
        more();
        return undefined;
      },
      'failed to call webhook: the response is larger than',
    ],
  ];

  test.each(cases)('because it %s fails the request, clearly and in time', async (_, answering, why) => {
    await validatedBy({ timeoutSeconds: 1 });
    webhook.answers.set('/check', answering);
    const { code, message } = await call('POST', pods, podOf('a'));
    expect(code).toBe(500);
    expect(message).toContain(failing + why.replace('URL', webhook.url('/check')));
  });

  test.each(cases)('because it %s is passed over where that is its policy', async (_, answering) => {
    await validatedBy({ timeoutSeconds: 1, failurePolicy: 'Ignore' });
    webhook.answers.set('/check', answering);
    expect(await call('POST', pods, podOf('a'))).toMatchObject({ code: 201 });
  });

  test('blocks nobody else', async () => {
    await validatedBy({ timeoutSeconds: 5 });
    const entered = Promise.withResolvers<() => void>();
    webhook.answers.set('/check', (_, { response }) => void entered.resolve(() => response.destroy()));
    const blocked = call('POST', pods, podOf('a'));
    const release = await entered.promise;
    expect(await call('POST', `${inDefault}/configmaps`, { metadata: { name: 'c' } })).toMatchObject({
      code: 201,
    });
    release();
    expect(await blocked).toMatchObject({ code: 500 });
  });

  test.each<[string, JsonObject, string]>([
    [
      'nobody listens',
      { url: 'https://127.0.0.1:1/', caBundle },
      'Post "https://127.0.0.1:1/?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused',
    ],
    [
      'its Service is not there',
      { service: { namespace: 'default', name: 'hook', path: '/x' }, caBundle },
      'Post "https://hook.default.svc:443/x?timeout=10s": service "hook" not found',
    ],
  ])('because %s fails the request', async (_, clientConfig, why) => {
    await validatedBy({ clientConfig });
    const { message } = await call('POST', pods, podOf('a'));
    expect(message).toBe(`${failing}failed to call webhook: ${why}`);
  });

  test('because its certificate is not of the bundle fails the request', async () => {
    await configure('validating', hookOf(webhook.url(), { clientConfig: { url: webhook.url() } }));
    const { message } = await call('POST', pods, podOf('a'));
    expect(message).toContain(
      'tls: failed to verify certificate: x509: certificate signed by unknown authority',
    );
  });
});

describe('a Service', () => {
  const slice = (endpoints: JsonObject[]) => ({
    metadata: { name: 'hook-1', labels: { 'kubernetes.io/service-name': 'hook' } },
    addressType: 'IPv4',
    ports: [{ name: '', port: Number(new URL(webhook.url()).port), protocol: 'TCP' }],
    endpoints,
  });

  test('is reached at one of its ready endpoints, under its own name', async () => {
    await call('POST', `${inDefault}/services`, {
      metadata: { name: 'hook' },
      spec: { ports: [{ port: 443 }] },
    });
    const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
    const gone = { addresses: ['192.0.2.7'], conditions: { ready: false } };
    const made = await call('POST', slices, slice([gone, { addresses: ['10.0.0.9'], nodeName: 'node-2' }]));
    expect(made).toMatchObject({ code: 201 });
    const reached: unknown[] = [];
    const { connect } = await import('node:net');
    server().setEndpointConnector(async (endpoint) => {
      reached.push(endpoint);
      return connect(endpoint.port, '127.0.0.1');
    });
    const service = { namespace: 'default', name: 'hook', path: '/by-service' };
    await validatedBy({ clientConfig: { service, caBundle } });
    expect(await call('POST', pods, podOf('a'))).toMatchObject({ code: 201 });
    expect(asked()).toEqual(['/by-service']);
    expect(reached).toMatchObject([{ ip: '10.0.0.9', node: 'node-2' }]);
  });

  test('without ready endpoints fails the request', async () => {
    await call('POST', `${inDefault}/services`, {
      metadata: { name: 'hook' },
      spec: { ports: [{ port: 443 }] },
    });
    await validatedBy({ clientConfig: { service: { namespace: 'default', name: 'hook' }, caBundle } });
    const { message } = await call('POST', pods, podOf('a'));
    expect(message).toContain('no endpoints available for service "hook"');
  });
});

describe('while webhooks are asked', () => {
  test('others may write: an update without a version is made again of what they wrote', async () => {
    await call('POST', pods, podOf('a'));
    await validatedBy({ rules: [{ ...podRule, operations: ['UPDATE'] }] });
    let other = call('GET', `${pods}/a`);
    webhook.answers.set('/check', ({ object }) => {
      if (!object.metadata.labels?.mine || object.metadata.labels.theirs) return { allowed: true };
      other = call('PATCH', `${pods}/a`, { metadata: { labels: { theirs: 'x' } } }, mergePatch);
      return { allowed: true };
    });
    const mine = await call('PATCH', `${pods}/a`, { metadata: { labels: { mine: 'x' } } }, mergePatch);
    expect([mine.code, (await other).code]).toEqual([200, 200]);
    const { metadata } = await call('GET', `${pods}/a`);
    expect(metadata.labels).toEqual({ mine: 'x', theirs: 'x' });
  });
});
