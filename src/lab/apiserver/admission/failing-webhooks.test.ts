import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import { inDefault, mergePatch, podOf, useTestServer } from '../test-server.ts';
import {
  type Answering,
  caBundle,
  configurer,
  hookOf,
  podRule,
  useTestWebhook,
} from '../webhooks/test-webhook.ts';

const api = useTestServer();
const { call, server } = api;
const webhook = useTestWebhook();
const pods = `${inDefault}/pods`;
const configure = configurer(api);
const validatedBy = (more: JsonObject = {}) => configure('validating', hookOf(webhook.url('/check'), more));
const asked = () => webhook.seen.map(({ path }) => path);

describe('a webhook that fails', () => {
  const failing = 'Internal error occurred: failed calling webhook "hook.example.com": ';
  /** Of one that hangs all is waited for; the others have time to answer. */
  const seconds = (fails: string) => (fails === 'hangs' ? 1 : 30);
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
      'failed to call webhook: Post "URL?timeout=30s": EOF',
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

  test.each(cases)('because it %s fails the request, clearly and in time', async (fails, answering, why) => {
    await validatedBy({ timeoutSeconds: seconds(fails) });
    webhook.answers.set('/check', answering);
    const { code, message } = await call('POST', pods, podOf('a'));
    expect(code).toBe(500);
    expect(message).toContain(failing + why.replace('URL', webhook.url('/check')));
  });

  test.each(cases)('because it %s is passed over where that is its policy', async (fails, answering) => {
    await validatedBy({ timeoutSeconds: seconds(fails), failurePolicy: 'Ignore' });
    webhook.answers.set('/check', answering);
    expect(await call('POST', pods, podOf('a'))).toMatchObject({ code: 201 });
  });

  test('blocks nobody else', async () => {
    await validatedBy({ timeoutSeconds: 30 });
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

test('a webhook with an IPv6 address is reached', async () => {
  const url = webhook.url('/six').replace('127.0.0.1', '[::1]');
  await validatedBy({ clientConfig: { url, caBundle } });
  expect(await call('POST', pods, podOf('a'))).toMatchObject({ code: 201 });
  expect(asked()).toEqual(['/six']);
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
