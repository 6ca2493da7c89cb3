import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import { inDefault, mergePatch, podOf, useTestServer } from '../test-server.ts';
import {
  configurationOf,
  configurations,
  configurer,
  hookOf,
  patchOf,
  useTestWebhook,
} from '../webhooks/test-webhook.ts';

const api = useTestServer();
const { call } = api;
const webhook = useTestWebhook();
const pods = `${inDefault}/pods`;
const configure = configurer(api);
const validatedBy = (more: JsonObject = {}) => configure('validating', hookOf(webhook.url('/check'), more));
const asked = () => webhook.seen.map(({ path }) => path);

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
