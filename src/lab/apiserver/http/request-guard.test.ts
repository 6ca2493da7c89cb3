import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { checkMediaType, checkTarget } from './request-guard.ts';

function message(head: { method?: string; url?: string; headers?: object }): IncomingMessage {
  return Object.assign(new IncomingMessage(new Socket()), head);
}

const withLength = { 'content-length': '2' };
const merge = 'application/merge-patch+json';

describe('the type of a body', () => {
  test.each([
    ['POST', undefined],
    ['POST', 'application/json'],
    ['PUT', 'Application/JSON; charset=utf-8'],
    ['POST', 'application/yaml'],
    ['DELETE', 'application/json'],
    ['PATCH', undefined],
    ['PATCH', `${merge}; charset=utf-8`],
  ])('of %s may be %s', (method, type) => {
    const headers = { ...withLength, 'content-type': type };
    expect(() => checkMediaType(message({ method, headers }))).not.toThrow();
  });

  test.each([
    ['POST', 'text/plain'],
    ['PUT', 'application/x-www-form-urlencoded'],
    ['POST', 'multipart/form-data; boundary=x'],
    ['POST', merge],
    ['PATCH', 'application/json'],
    ['PATCH', 'text/plain'],
    ['DELETE', 'text/plain'],
  ])('of %s is not %s', (method, type) => {
    const headers = { ...withLength, 'content-type': type };
    expect(() => checkMediaType(message({ method, headers }))).toThrow(/unknown format/);
  });

  test('of a DELETE that has none does not matter', () => {
    const headers = { 'content-type': 'text/plain' };
    expect(() => checkMediaType(message({ method: 'DELETE', headers }))).not.toThrow();
  });
});

test.each(['//', 'http://server:99999/', '//[x'])('"%s" is no path', (url) => {
  expect(() => checkTarget(message({ url }))).toThrow('is no path');
});
