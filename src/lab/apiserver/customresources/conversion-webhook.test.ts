import { beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import { mergePatch, useTestServer } from '../test-server.ts';
import {
  caBundle,
  configurationOf,
  configurations,
  hookOf,
  useTestWebhook,
} from '../webhooks/test-webhook.ts';
import { definer, definitionsUrl, specOf, versionOf, widget, widgetsUrl } from './test-definitions.ts';

const api = useTestServer();
const { call } = api;
const webhook = useTestWebhook();

/** v1 has a size; v1beta1 has it as text with its unit. */
const now = specOf({ type: 'object', properties: { size: { type: 'integer', minimum: 1 } } });
const before = specOf({ type: 'object', properties: { sizeText: { type: 'string' } } });
const subresources = {
  scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size' },
};
const versions = [versionOf(now, { subresources }), versionOf(before, { name: 'v1beta1', storage: false })];
const oldUrl = widgetsUrl.replace('/v1/', '/v1beta1/');
const old = (sizeText: string, name = 'w') =>
  widget({ sizeText }, { apiVersion: 'example.com/v1beta1', metadata: { name } });

function converted(object: JsonObject, apiVersion: string): JsonObject {
  const { size, sizeText } = object.spec;
  const spec = apiVersion.endsWith('v1')
    ? { size: Number.parseInt(sizeText, 10) }
    : { sizeText: `${size}cm` };
  return { ...object, apiVersion, spec };
}

const convertAll = ({ objects, desiredAPIVersion }: JsonObject) => ({
  result: { status: 'Success' },
  convertedObjects: objects.map((object: JsonObject) => converted(object, desiredAPIVersion)),
});

async function define(more: JsonObject = {}): Promise<void> {
  const clientConfig = { url: webhook.url('/convert'), caBundle };
  const conversion = {
    strategy: 'Webhook',
    webhook: { clientConfig, conversionReviewVersions: ['v1'], ...more },
  };
  expect(await definer(api)(now, {}, { versions, conversion })).toMatchObject({ code: 201, warnings: [] });
}

beforeEach(() => {
  webhook.answers.set('/convert', convertAll);
});

describe('objects that a webhook converts', () => {
  test('are read in every version, and asked about once', async () => {
    await define();
    await call('POST', widgetsUrl, widget({ size: 3 }));
    expect(webhook.seen).toEqual([]);
    expect(await call('GET', `${oldUrl}/w`)).toMatchObject({
      apiVersion: 'example.com/v1beta1',
      spec: { sizeText: '3cm' },
    });
    await call('GET', `${oldUrl}/w`);
    expect(webhook.seen).toMatchObject([
      { request: { desiredAPIVersion: 'example.com/v1beta1', objects: [{}] } },
    ]);
  });

  test('are written in every version, and stored in one', async () => {
    await define();
    expect(await call('POST', oldUrl, old('4cm'))).toMatchObject({ code: 201, spec: { sizeText: '4cm' } });
    expect(await call('GET', `${widgetsUrl}/w`)).toMatchObject({ spec: { size: 4 } });
    const patched = await call('PATCH', `${oldUrl}/w`, { spec: { sizeText: '5cm' } }, mergePatch);
    expect(patched).toMatchObject({ code: 200, spec: { sizeText: '5cm' } });
    expect(await call('GET', `${widgetsUrl}/w`)).toMatchObject({ spec: { size: 5 } });
    const put = { ...(await call('GET', `${oldUrl}/w`)), spec: { sizeText: '6cm' } };
    expect(await call('PUT', `${oldUrl}/w`, put)).toMatchObject({ code: 200 });
    const apply = { contentType: 'application/apply-patch+yaml' };
    const applied = await call('PATCH', `${oldUrl}/w?fieldManager=m&force=true`, old('7cm'), apply);
    expect(applied).toMatchObject({ code: 200, spec: { sizeText: '7cm' } });
    expect(await call('GET', `${widgetsUrl}/w/scale`)).toMatchObject({ spec: { replicas: 7 } });
    expect(await call('DELETE', `${oldUrl}/w`)).toMatchObject({ code: 200 });
  });

  test('are listed with one question', async () => {
    await define();
    for (const name of ['a', 'b', 'c'])
      await call('POST', widgetsUrl, widget({ size: 3 }, { metadata: { name } }));
    const { items } = await call('GET', oldUrl);
    expect(items.map(({ spec }: JsonObject) => spec)).toEqual(Array(3).fill({ sizeText: '3cm' }));
    expect(webhook.seen).toHaveLength(1);
  });

  test('are watched, in their order', async () => {
    await define();
    await call('POST', widgetsUrl, widget({ size: 1 }));
    const stop = new AbortController();
    const query = new URLSearchParams({ watch: 'true' });
    const response = await api.server().handle({ method: 'GET', path: oldUrl, query, signal: stop.signal });
    if (!('events' in response)) throw new Error('no watch');
    await call('PATCH', `${widgetsUrl}/w`, { spec: { size: 2 } }, mergePatch);
    await call('DELETE', `${widgetsUrl}/w`);
    const seen: unknown[] = [];
    for await (const { type, object } of response.events) {
      seen.push([type, (object as JsonObject).apiVersion, (object as JsonObject).spec]);
      if (seen.length === 3) stop.abort();
    }
    const v1beta1 = 'example.com/v1beta1';
    expect(seen).toEqual([
      ['ADDED', v1beta1, { sizeText: '1cm' }],
      ['MODIFIED', v1beta1, { sizeText: '2cm' }],
      ['DELETED', v1beta1, { sizeText: '2cm' }],
    ]);
  });

  test('are told to webhooks of admission in the version that these ask for', async () => {
    await define();
    const rule = {
      operations: ['*'],
      apiGroups: ['example.com'],
      apiVersions: ['v1beta1'],
      resources: ['widgets'],
    };
    const hook = hookOf(webhook.url('/check'), { rules: [rule] });
    await call('POST', configurations.validating, configurationOf('a', hook));
    await call('POST', widgetsUrl, widget({ size: 8 }));
    const told = webhook.seen.find(({ path }) => path === '/check');
    expect(told?.request).toMatchObject({
      kind: { version: 'v1beta1' },
      object: { apiVersion: 'example.com/v1beta1', spec: { sizeText: '8cm' } },
    });
  });

  test('keep their metadata, but for labels and annotations', async () => {
    await define();
    await call('POST', widgetsUrl, widget({ size: 3 }));
    webhook.answers.set('/convert', ({ objects, desiredAPIVersion }) => ({
      result: { status: 'Success' },
      convertedObjects: objects.map((object: JsonObject) => ({
        ...converted(object, desiredAPIVersion),
        metadata: { ...object.metadata, generation: 99, labels: { by: 'webhook' } },
      })),
    }));
    const { metadata } = await call('GET', `${oldUrl}/w`);
    expect(metadata).toMatchObject({ generation: 1, labels: { by: 'webhook' } });
  });
});

describe('a webhook that does not convert', () => {
  const failed = 'conversion webhook for example.com/v1, Kind=Widget';
  const success = { status: 'Success' };
  test.each<[string, (request: JsonObject) => JsonObject, string]>([
    ['says why', () => ({ result: { status: 'Failure', message: 'no idea' } }), `${failed} failed: no idea`],
    ['says nothing', () => ({}), `${failed} failed: response.result.status was '', not 'Success'`],
    ['answers another', () => ({ uid: 'x', result: success }), `${failed} failed: expected response.uid=`],
    [
      'loses one',
      () => ({ result: success, convertedObjects: [] }),
      `${failed} returned 0 objects, expected 1`,
    ],
    [
      'gives another version',
      ({ objects }) => ({ result: success, convertedObjects: objects }),
      `${failed} returned invalid object: invalid groupVersion (expected example.com/v1beta1, received example.com/v1)`,
    ],
    [
      'gives another object',
      ({ objects, desiredAPIVersion: apiVersion }) => ({
        result: success,
        convertedObjects: [{ ...objects[0], apiVersion, metadata: { ...objects[0].metadata, name: 'x' } }],
      }),
      `${failed} returned invalid object: must have the same name: w != x`,
    ],
  ])('but %s fails the request alone', async (_, answer, message) => {
    await define();
    await call('POST', widgetsUrl, widget({ size: 3 }));
    webhook.answers.set('/convert', answer);
    const refused = await call('GET', `${oldUrl}/w`);
    expect(refused).toMatchObject({ code: 500 });
    expect(refused.message).toContain(message);
    expect(await call('POST', oldUrl, old('1cm', 'y'))).toMatchObject({ code: 500 });
    expect(await call('GET', `${widgetsUrl}/w`)).toMatchObject({ code: 200 });
  });

  test('because it is not there', async () => {
    await define({ clientConfig: { service: { namespace: 'default', name: 'none' } } });
    await call('POST', widgetsUrl, widget({ size: 3 }));
    expect(await call('GET', oldUrl)).toMatchObject({
      code: 500,
      message: `${failed} failed: Post "https://none.default.svc:443/?timeout=30s": service "none" not found`,
    });
  });
});

describe('a definition', () => {
  test.each<[string, JsonObject, string]>([
    ['without TLS', { url: 'http://example.com' }, "'https' is the only allowed URL scheme"],
    [
      'with a bundle that is none',
      { url: 'https://example.com', caBundle: 'eA==' },
      'unable to parse bytes as PEM block',
    ],
  ])('with a webhook %s is refused', async (_, clientConfig, message) => {
    const conversion = { strategy: 'Webhook', webhook: { clientConfig, conversionReviewVersions: ['v1'] } };
    const refused = await definer(api)(now, {}, { versions, conversion });
    expect(refused).toMatchObject({ code: 422 });
    expect(refused.message).toContain(message);
    expect(await call('GET', `${definitionsUrl}/widgets.example.com`)).toMatchObject({ code: 404 });
  });
});
