import { expect, test } from 'vitest';
import fc from '../../util/testing/properties.ts';
import { codecOf, decodeMessage, encodeMessage } from './websocket-channels.ts';

test.each([
  ['', false, false],
  ['base64.channel.k8s.io', true, false],
  ['v4.base64.channel.k8s.io', true, false],
  ['v4.channel.k8s.io', false, false],
  ['v5.channel.k8s.io', false, true],
])('the protocol "%s": base64 %s, channels end by themselves %s', (protocol, base64, endsChannels) => {
  expect(codecOf(protocol)).toEqual({ base64, endsChannels });
});

test('messages survive the way', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9 }), fc.uint8Array(), fc.boolean(), (channel, bytes, base64) => {
      const codec = { base64, endsChannels: false };
      const data = Buffer.from(bytes);
      expect(decodeMessage(Buffer.from(encodeMessage(channel, data, codec)), codec)).toEqual({ channel, data }); // biome-ignore format: one line
    }),
  );
});

test('text that is no base64 is refused', () => {
  expect(() => decodeMessage(Buffer.from('0no base64'), codecOf('base64.channel.k8s.io'))).toThrow(
    RangeError,
  );
});
