import { describe, expect, test } from 'vitest';
import { inDefault, useTestServer } from '../test-server.ts';
import { integerIn } from './query.ts';

const { call } = useTestServer();

describe('an integer in a query', () => {
  test.each([
    ['5', 5],
    ['+5', 5],
    ['-1', -1],
    ['0', 0],
  ])('%s is %i', (text, value) => {
    expect(integerIn(new URLSearchParams({ limit: text }), 'limit')).toBe(value);
  });

  test.each(['abc', '1.5', '1e99', '', ' 1', '0x10', '9223372036854775808'])('"%s" is refused', (text) => {
    expect(() => integerIn(new URLSearchParams({ limit: text }), 'limit')).toThrow('strconv.ParseInt');
  });

  test('is absent where the query has none', () => {
    expect(integerIn(new URLSearchParams(), 'limit')).toBeUndefined();
  });
});

describe('a list', () => {
  test.each(['limit=abc', 'limit=1.5', 'timeoutSeconds=abc', 'watch=true&timeoutSeconds=abc'])(
    'with %s is refused',
    async (query) => {
      expect(await call('GET', `${inDefault}/pods?${query}`)).toMatchObject({
        code: 400,
        reason: 'BadRequest',
      });
    },
  );

  test('with a limit below none has none, as in Kubernetes', async () => {
    const list = await call('GET', '/api/v1/namespaces?limit=-1');
    expect(list).toMatchObject({ code: 200, items: { length: 4 } });
  });
});

test('a page of another server’s list has expired', async () => {
  const token = Buffer.from('{"v":"meta.k8s.io/v1","rv":99999999,"start":"a"}').toString('base64url');
  expect(await call('GET', `${inDefault}/pods?continue=${token}`)).toMatchObject({ code: 410 });
});

describe('a resourceVersion that is still to come', () => {
  const refused = {
    code: 504,
    reason: 'Timeout',
    message: expect.stringMatching(/^Timeout: Too large resource version: 99999999, current: \d+$/),
    details: {
      retryAfterSeconds: 1,
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    },
  };

  test.each([
    'pods?resourceVersion=99999999',
    'pods?resourceVersion=99999999&resourceVersionMatch=Exact',
    'pods?resourceVersion=99999999&resourceVersionMatch=NotOlderThan',
    'pods?watch=true&resourceVersion=99999999',
    'serviceaccounts/default?resourceVersion=99999999',
  ])('is told of at %s', async (path) => {
    expect(await call('GET', `${inDefault}/${path}`)).toMatchObject(refused);
  });
});
