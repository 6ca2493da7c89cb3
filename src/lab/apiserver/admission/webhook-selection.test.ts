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
const asked = () => webhook.seen.map(({ path }) => path);

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
