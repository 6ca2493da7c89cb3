import { describe, expect, test } from 'vitest';
import { negotiate } from './negotiation.ts';

const spdy = (...versions: string[]) => ({
  upgrade: 'SPDY/3.1',
  'x-stream-protocol-version': versions.join(', '),
});
const webSocket = (...names: string[]) => ({
  upgrade: 'websocket',
  ...(names.length > 0 ? { 'sec-websocket-protocol': names.join(', ') } : {}),
});
const command = { kind: 'command' } as const;
const ports = { kind: 'ports', ports: ['80'] } as const;

describe('a command over SPDY', () => {
  test.each([
    [['v4.channel.k8s.io', 'v3.channel.k8s.io', 'channel.k8s.io'], 'v4.channel.k8s.io'],
    [['v5.channel.k8s.io', 'v4.channel.k8s.io'], 'v4.channel.k8s.io'],
    [['channel.k8s.io'], 'channel.k8s.io'],
  ])('of %j is %s', (offered, name) => {
    expect(negotiate(spdy(...offered), command)).toEqual({ transport: 'spdy', name });
  });

  test('of protocols that are not served is refused, with those that are', () => {
    expect(negotiate(spdy('v9.channel.k8s.io'), command)).toEqual({
      status: 403,
      text: 'unable to upgrade: unable to negotiate protocol: client supports [v9.channel.k8s.io], server accepts [v4.channel.k8s.io v3.channel.k8s.io v2.channel.k8s.io channel.k8s.io]\n',
      headers: {
        'X-Accepted-Stream-Protocol-Versions': ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'], // biome-ignore format: one line
      },
    });
  });

  test.each<[Record<string, string>, string]>([
    [{ upgrade: 'SPDY/3.1', host: 'x', a: 'b' }, 'header X-Stream-Protocol-Version does not exist in request with 2 headers'], // biome-ignore format: one line
    [spdy(''), 'header X-Stream-Protocol-Version contains [], but no valid protocols'],
    [
      { upgrade: 'h2c', 'x-stream-protocol-version': 'v4.channel.k8s.io' },
      'missing upgrade headers in request',
    ],
  ])('with the headers %j is a bad request', (headers, why) => {
    expect(negotiate(headers, command)).toMatchObject({ status: 400, text: expect.stringContaining(why) });
  });
});

describe('a WebSocket', () => {
  test.each([
    [[], ''],
    [['v4.channel.k8s.io', 'v5.channel.k8s.io'], 'v5.channel.k8s.io'],
    [['v4.base64.channel.k8s.io', 'v4.channel.k8s.io'], 'v4.base64.channel.k8s.io'],
    [['base64.channel.k8s.io'], 'base64.channel.k8s.io'],
  ])('that offers %j for a command gets "%s"', (offered, name) => {
    expect(negotiate(webSocket(...offered), command)).toEqual({ transport: 'websocket', name });
  });

  test('of a name in capitals is one too', () => {
    expect(negotiate({ upgrade: 'WebSocket' }, command)).toEqual({ transport: 'websocket', name: '' });
  });

  test('of other protocols is forbidden, without a word', () => {
    expect(negotiate(webSocket('v3.channel.k8s.io'), command)).toEqual({ status: 403, text: '' });
  });

  test('tunnels SPDY for ports', () => {
    const name = 'SPDY/3.1+portforward.k8s.io';
    expect(negotiate(webSocket(name), { kind: 'ports', ports: [] })).toEqual({ transport: 'tunnel', name });
    expect(negotiate(webSocket('SPDY/3.1+x.k8s.io'), ports)).toMatchObject({ status: 403 });
  });

  test('without a tunnel names its ports in the query', () => {
    expect(negotiate(webSocket('v4.channel.k8s.io'), ports)).toMatchObject({ transport: 'websocket' });
    expect(negotiate(webSocket('v4.channel.k8s.io'), { kind: 'ports', ports: [] })).toEqual({
      status: 400,
      text: 'query parameter "port" is required',
    });
  });
});
