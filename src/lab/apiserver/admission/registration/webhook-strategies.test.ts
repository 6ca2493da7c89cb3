import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../json.ts';
import { useTestServer } from '../../test-server.ts';
import { configurationOf, configurations, hookOf, podRule } from '../../webhooks/test-webhook.ts';

const { call } = useTestServer();
const url = 'https://example.com/hook';
const service = { namespace: 'default', name: 'hook' };

test('a configuration gets its defaults', async () => {
  const clientConfig = { service };
  const { webhooks } = await call(
    'POST',
    configurations.mutating,
    configurationOf('a', hookOf(url, { clientConfig })),
  );
  expect(webhooks).toMatchObject([
    {
      clientConfig: { service: { port: 443 } },
      failurePolicy: 'Fail',
      matchPolicy: 'Equivalent',
      namespaceSelector: {},
      objectSelector: {},
      reinvocationPolicy: 'Never',
      timeoutSeconds: 10,
      rules: [{ scope: '*' }],
    },
  ]);
});

describe('a webhook is refused', () => {
  test.each<[string, JsonObject, string]>([
    ['without a name', { name: '' }, 'webhooks[0].name: Required value'],
    [
      'with a name of two parts',
      { name: 'hook.example' },
      'webhooks[0].name: Invalid value: "hook.example": should be a domain with at least three segments separated by dots',
    ],
    [
      'without a place',
      { clientConfig: {} },
      'webhooks[0].clientConfig: Required value: exactly one of url or service is required',
    ],
    ['with two places', { clientConfig: { url, service } }, 'exactly one of url or service is required'],
    [
      'without TLS',
      { clientConfig: { url: 'http://example.com' } },
      `webhooks[0].clientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https://host[/path]`,
    ],
    [
      'with a query',
      { clientConfig: { url: `${url}?a=b` } },
      'webhooks[0].clientConfig.url: Invalid value: "a=b": query parameters are not permitted in the URL',
    ],
    [
      'with an empty step in its path',
      { clientConfig: { service: { ...service, path: '/a//b' } } },
      'webhooks[0].clientConfig.service.path: Invalid value: "/a//b": segment[1] may not be empty',
    ],
    [
      'with side effects',
      { sideEffects: 'Some' },
      'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
    ],
    [
      'without saying which',
      { sideEffects: undefined },
      'webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun',
    ],
    [
      'with too long a time',
      { timeoutSeconds: 31 },
      'webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds',
    ],
    [
      'with reviews of no version',
      { admissionReviewVersions: [] },
      'webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1',
    ],
    [
      'with reviews of other versions',
      { admissionReviewVersions: ['v2'] },
      'webhooks[0].admissionReviewVersions: Invalid value: ["v2"]: must include at least one of v1, v1beta1',
    ],
    [
      'with an operation that there is not',
      { rules: [{ ...podRule, operations: ['READ'] }] },
      'webhooks[0].rules[0].operations[0]: Unsupported value: "READ": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"',
    ],
    [
      'with everything and more',
      { rules: [{ ...podRule, resources: ['*/*', 'pods'] }] },
      'webhooks[0].rules[0].resources: Invalid value: ["*/*","pods"]: if \'*/*\' is present, must not specify other resources',
    ],
    [
      'with all subresources and one of them',
      { rules: [{ ...podRule, resources: ['pods/*', 'pods/status'] }] },
      'webhooks[0].rules[0].resources[1]: Invalid value: "pods/status": if \'pods/*\' is present, must not specify pods/status',
    ],
    [
      'with a condition that does not compile',
      { matchConditions: [{ name: 'x', expression: 'object.x ==' }] },
      'webhooks[0].matchConditions[0].expression: Invalid value: "object.x ==": compilation failed',
    ],
    [
      'with a condition that is no condition',
      { matchConditions: [{ name: 'x', expression: '"yes"' }] },
      'webhooks[0].matchConditions[0].expression: Invalid value: "\\"yes\\"": must evaluate to bool but got string',
    ],
    [
      'with two conditions of a name',
      {
        matchConditions: [
          { name: 'x', expression: 'true' },
          { name: 'x', expression: 'true' },
        ],
      },
      'webhooks[0].matchConditions[1].name: Duplicate value: "x"',
    ],
  ])('%s', async (_, more, message) => {
    // As it comes over the wire: what is undefined is not there.
    const sent = JSON.parse(JSON.stringify(configurationOf('a', hookOf(url, more))));
    const answer = await call('POST', configurations.validating, sent);
    expect(answer).toMatchObject({ code: 422 });
    expect(answer.message).toContain(message);
  });

  test('whose name another of the configuration has', async () => {
    const answer = await call(
      'POST',
      configurations.mutating,
      configurationOf('a', hookOf(url), hookOf(url)),
    );
    expect(answer.message).toContain('webhooks[1].name: Duplicate value: "hook.example.com"');
  });
});
