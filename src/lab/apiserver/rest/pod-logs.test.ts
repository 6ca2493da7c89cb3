import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nodePorts } from '../../../net/ports.ts';
import type { ApiResponse } from '../api-request.ts';
import { type ApiServer, createApiServer } from '../api-server.ts';
import { podOf } from '../test-server.ts';
import type { PodLogOptions } from './pod-logs.ts';

let server: ApiServer;
let log: Readable;
let asked: PodLogOptions | undefined;

beforeEach(async () => {
  server = createApiServer({ serviceCidrs: ['10.96.0.0/16'], nodePortRange: nodePorts });
  const body = podOf('x', { nodeName: 'node-1' });
  await server.handle({ method: 'POST', path: '/api/v1/namespaces/default/pods', body });
  log = new Readable({ read() {} });
  server.setPodLogs((_namespace, _name, options) => {
    asked = options;
    return log;
  });
});
afterEach(() => server.stop());

const read = (query: string): Promise<ApiResponse> =>
  server.handle({
    method: 'GET',
    path: '/api/v1/namespaces/default/pods/x/log',
    query: new URLSearchParams(query),
  });

async function readable(query: string): Promise<Readable> {
  const { raw } = (await read(query)) as { raw: Readable };
  return raw;
}

describe('a pod’s log', () => {
  test.each([
    ['tailLines=-5', 422, 'tailLines: Invalid value: -5: must be greater than or equal to 0'],
    ['tailLines=1e99', 400, 'strconv.ParseInt: parsing "1e99": invalid syntax'],
    ['limitBytes=-1', 422, 'limitBytes: Invalid value: -1: must be greater than 0'],
    ['limitBytes=0', 422, 'limitBytes: Invalid value: 0: must be greater than 0'],
    ['limitBytes=abc', 400, 'strconv.ParseInt: parsing "abc": invalid syntax'],
    ['sinceSeconds=-1', 422, 'sinceSeconds: Invalid value: -1: must be greater than 0'],
    ['sinceSeconds=1&sinceTime=2030-01-01T00:00:00Z', 422, 'at most one of'],
    ['sinceSeconds=x', 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
    ['sinceTime=yesterday', 400, 'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00"'],
    ['sinceTime=2030-13-01T00:00:00Z', 400, 'parsing time "2030-13-01T00:00:00Z"'],
  ])('with %s is refused with %i', async (query, status, message) => {
    const answer = await read(query);
    expect(answer).toMatchObject({ status, body: { message: expect.stringContaining(message) } });
  });

  test.each([
    ['sinceTime=2030-01-01T00:00:01.9Z', 1893456001000],
    ['sinceTime=2030-01-01T01:00:01%2B01:00', 1893456001000],
    ['sinceSeconds=9223372036854775807', 0],
    ['', undefined],
  ])('with %s is asked for from %s on', async (query, since) => {
    await read(query);
    expect(asked?.since).toBe(since);
  });

  test('ends after limitBytes, wherever they are in what is written', async () => {
    const raw = await readable('limitBytes=5&follow=true');
    log.push('abc');
    log.push('def');
    expect(await text(raw)).toBe('abcde');
    expect(log.destroyed).toBe(true);
  });

  test('that is shorter than limitBytes comes whole', async () => {
    const raw = await readable('limitBytes=50');
    log.push('abc');
    log.push(null);
    expect(await text(raw)).toBe('abc');
  });

  test('is no longer read when the client has gone', async () => {
    const raw = await readable('limitBytes=50&follow=true');
    raw.destroy();
    await new Promise((resolve) => log.once('close', resolve));
    expect(log.destroyed).toBe(true);
  });
});
