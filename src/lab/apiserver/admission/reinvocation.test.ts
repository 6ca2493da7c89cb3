import { describe, expect, test } from 'vitest';
import { inDefault, podOf, useTestServer } from '../test-server.ts';
import { configurer, hookOf, patchOf, useTestWebhook } from '../webhooks/test-webhook.ts';
import {
  applied,
  mutatingBindingOf,
  mutatingBindings,
  mutatingPolicies,
  mutatingPolicyOf,
} from './test-policies.ts';

const server = useTestServer();
const { call } = server;
const webhook = useTestWebhook();
const configure = configurer(server);
const labels = 'object.metadata.?labels.orValue({})';
/** Says which labels it has seen last. */
const counting = applied(
  `Object{metadata: Object.metadata{labels: {"policy": string(size(${labels}.transformList(k, v, k)))}}}`,
);

describe('a policy before a webhook that changes the object', () => {
  test.each([
    ['Never', 'Never', '0', 1],
    ['IfNeeded', 'Never', '2', 1],
    ['IfNeeded', 'IfNeeded', '2', 2],
    ['Never', 'IfNeeded', '0', 1],
  ])('asked again %s, the webhook %s', async (ofPolicy, ofWebhook, policy, calls) => {
    webhook.answers.set('/mutate', ({ object }) => {
      const known = object.metadata.labels?.hook ?? 'none';
      return known === 'none'
        ? patchOf({ op: 'add', path: '/metadata/labels/hook', value: 'first' })
        : patchOf({ op: 'replace', path: '/metadata/labels/hook', value: 'again' });
    });
    await configure('mutating', hookOf(webhook.url('/mutate'), { reinvocationPolicy: ofWebhook }));
    const spec = { mutations: [counting], reinvocationPolicy: ofPolicy };
    await call('POST', mutatingPolicies, mutatingPolicyOf(spec));
    await call('POST', mutatingBindings, mutatingBindingOf());
    const made = await call('POST', `${inDefault}/pods`, podOf('a'));
    const hook = calls === 1 ? 'first' : 'again';
    expect([made.metadata.labels, webhook.seen.length]).toEqual([{ policy, hook }, calls]);
  });
});
