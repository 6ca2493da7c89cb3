import { describe, expect, test } from 'vitest';
import { inDefault, mergePatch, useTestServer } from '../test-server.ts';
import { flagIn } from './options.ts';

const { call } = useTestServer();
const maps = `${inDefault}/configmaps`;
const map = { metadata: { name: 'm' } };

describe('options of a write', () => {
  test.each([
    [`fieldManager=${'x'.repeat(129)}`, 'fieldManager: Too long: may not be more than 128 bytes'],
    [
      'fieldManager=a%01',
      'fieldManager: Invalid value: "a\\u0001": invalid character U+0001 (at position 1)',
    ],
    ['dryRun=Some', 'dryRun: Unsupported value: ["Some"]: supported values: "All"'],
    [
      'fieldValidation=Loud',
      'fieldValidation: Unsupported value: "Loud": supported values: "", "Ignore", "Strict", "Warn"',
    ],
  ])('%s is refused', async (query, why) => {
    expect(await call('POST', `${maps}?${query}`, map)).toMatchObject({
      code: 422,
      message: `CreateOptions.meta.k8s.io "" is invalid: ${why}`,
    });
  });

  test('force is for applies', async () => {
    await call('POST', maps, map);
    const answer = await call('PATCH', `${maps}/m?force=true`, {}, mergePatch);
    expect(answer.message).toBe(
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    );
  });

  test.each([
    [{ propagationPolicy: 'Sideways' }, 422],
    [{ propagationPolicy: 'Orphan', orphanDependents: true }, 422],
    [{ dryRun: ['Some'] }, 422],
    [{ kind: 'ConfigMap' }, 400],
    [{ kind: 'DeleteOptions' }, 200],
  ])('a deletion with %j is answered by %i', async (options, code) => {
    await call('POST', maps, map);
    expect((await call('DELETE', `${maps}/m`, options)).code).toBe(code);
  });
});

describe('options of a list', () => {
  test.each([
    ['resourceVersionMatch=Exact', 422],
    ['resourceVersionMatch=Exact&resourceVersion=0', 422],
    ['resourceVersionMatch=Sometimes&resourceVersion=1', 422],
    ['resourceVersionMatch=NotOlderThan&resourceVersion=1', 200],
    ['sendInitialEvents=true', 422],
    ['watch=1&sendInitialEvents=true', 422],
    ['watch=1&resourceVersionMatch=NotOlderThan', 422],
    ['continue=e30&resourceVersion=7', 400],
  ])('%s is answered by %i', async (query, code) => {
    expect((await call('GET', `${maps}?${query}`)).code).toBe(code);
  });
});

test.each([
  ['POST', '/api/v1/configmaps'],
  ['DELETE', '/api/v1/configmaps'],
  ['DELETE', '/api/v1/namespaces'],
])('%s %s is not for a whole cluster', async (method, path) => {
  const body = { metadata: { name: 'm', namespace: 'default' } };
  expect(await call(method, path, method === 'POST' ? body : undefined)).toMatchObject({
    code: 405,
    message: 'the server does not allow this method on the requested resource',
  });
});

test.each([
  ['', true],
  ['1', true],
  ['maybe', true],
  ['False', false],
  ['0', false],
])('the flag %j is %s', (text, value) => {
  expect(flagIn(new URLSearchParams({ watch: text }), 'watch')).toBe(value);
});
