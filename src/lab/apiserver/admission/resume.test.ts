import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type ApiServer, createApiServer } from '../api-server.ts';
import type { JsonObject } from '../json.ts';
import { FileStorage } from '../storage/file-storage.ts';
import { inDefault, podOf } from '../test-server.ts';
import {
  configurationOf,
  configurations,
  hookOf,
  patchOf,
  useTestWebhook,
} from '../webhooks/test-webhook.ts';
import {
  applied,
  bindingOf,
  bindings,
  mutatingBindingOf,
  mutatingBindings,
  mutatingPolicies,
  mutatingPolicyOf,
  policies,
  policyOf,
} from './test-policies.ts';

const webhook = useTestWebhook();
const directory = mkdtempSync(join(tmpdir(), 'tendril-admission-'));
const pods = `${inDefault}/pods`;

let stop: () => Promise<void> = async () => undefined;
afterEach(async () => {
  await stop();
  rmSync(directory, { recursive: true, force: true });
});

/** A server as `tendril up --state` has it. */
async function start() {
  const storage = new FileStorage({ directory, cluster: {} });
  const nodePortRange = { first: 30000, last: 30009 };
  const server: ApiServer = createApiServer({ storage, serviceCidrs: ['10.96.0.0/24'], nodePortRange });
  stop = async () => {
    await server.stop();
    storage.close();
  };
  return async (method: string, path: string, body?: object): Promise<JsonObject> => {
    const response = await server.handle({ method, path, body });
    if (!('body' in response)) throw new Error('no JSON answer');
    return { ...(response.body as JsonObject), code: response.status };
  };
}

test('webhooks and policies are asked again after a restart', async () => {
  const label = (key: string) => ({ op: 'add', path: `/metadata/labels/${key}`, value: 'yes' });
  webhook.answers.set('/mutate', () => patchOf(label('hook')));
  webhook.answers.set('/validate', ({ name }) => ({
    allowed: name !== 'refused',
    status: { message: 'not by this name' },
  }));
  const first = await start();
  const made: [string, object][] = [
    [configurations.mutating, configurationOf('m', hookOf(webhook.url('/mutate')))],
    [configurations.validating, configurationOf('v', hookOf(webhook.url('/validate')))],
    [
      mutatingPolicies,
      mutatingPolicyOf({
        mutations: [applied('Object{metadata: Object.metadata{labels: {"policy": "yes"}}}')],
      }),
    ],
    [mutatingBindings, mutatingBindingOf()],
    [policies, policyOf({ validations: [{ expression: 'object.metadata.name != "forbidden"' }] })],
    [bindings, bindingOf()],
  ];
  for (const [url, body] of made) expect(await first('POST', url, body)).toMatchObject({ code: 201 });
  await stop();

  const second = await start();
  expect(webhook.seen).toEqual([]);
  expect(await second('POST', pods, podOf('a'))).toMatchObject({
    code: 201,
    metadata: { labels: { hook: 'yes', policy: 'yes' } },
  });
  expect(webhook.seen.map(({ path }) => path)).toEqual(['/mutate', '/validate']);
  const refused = await second('POST', pods, podOf('refused'));
  expect(refused.message).toContain('not by this name');
  expect(await second('POST', pods, podOf('forbidden'))).toMatchObject({ code: 422 });
});
