import { expect, test } from 'vitest';
import { cidrOf, formatCidr } from '../../../net/cidr.ts';
import { formatIp, ipFromBigInt } from '../../../net/ip.ts';
import fc from '../../../util/testing/properties.ts';
import { ruleKey } from '../../policy-state.ts';
import { blockEncoding, type Encoding, peerEncoding, podEncoding, ruleEncoding } from './encode.ts';
import { layouts } from './generated/layouts.ts';

const ip = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((bits) => ipFromBigInt(4, bits)),
  // 2000::/3, as those of pods and blocks: none is a v4-mapped one.
  fc.bigInt({ min: 2n ** 125n, max: 2n ** 126n - 1n }).map((bits) => ipFromBigInt(6, bits)),
);
const address = ip.map(formatIp);
const block = fc
  .tuple(ip, fc.nat(128))
  .map(([of, prefix]) => formatCidr(cidrOf(of, of.family === 4 ? prefix % 33 : prefix)));
const number = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n });
const directions = { ingress: fc.boolean(), egress: fc.boolean() };

function expectRoundTrip<V>(encoding: Encoding<V>, name: string, value: V): void {
  const key = encoding.key(name, value);
  const [readName, read] = encoding.read(key, encoding.value(value));
  expect([readName, read]).toEqual([name, value]);
  expect(encoding.same(read, value)).toBe(true);
}

test('what is written of pods, peers and blocks is read back', () => {
  fc.assert(
    fc.property(address, number, fc.record({ subject: number, ...directions }), (at, peer, pod) => {
      expectRoundTrip(podEncoding, at, pod);
      expectRoundTrip(peerEncoding, at, peer);
    }),
  );
  fc.assert(fc.property(block, number, (text, of) => expectRoundTrip(blockEncoding, text, of)));
  expectRoundTrip(blockEncoding, '::/0', 1n);
  expectRoundTrip(blockEncoding, '0.0.0.0/0', 1n);
});

test('what is written of rules is read back', () => {
  const ports = fc
    .tuple(fc.constantFrom(6, 17, 132), fc.nat(65535), fc.nat(16))
    .map(([protocol, port, portBits]) => ({
      protocol,
      port: port - (port % 2 ** (16 - portBits)),
      portBits,
    }));
  const rules = fc.record({
    subject: number,
    direction: fc.constantFrom('ingress' as const, 'egress' as const),
    peer: fc.oneof(fc.constant(0n), number),
    ports: fc.oneof(fc.constant({ protocol: 0, port: 0, portBits: 0 }), ports),
  });
  fc.assert(
    fc.property(rules, ({ ports: of, ...others }) => {
      const rule = { ...others, ...of };
      expectRoundTrip(ruleEncoding, ruleKey(rule), rule);
    }),
  );
});

test('pods that differ in anything are not the same', () => {
  const pod = { subject: 1n, ingress: true, egress: false };
  for (const other of [{ subject: 2n }, { ingress: false }, { egress: true }])
    expect(podEncoding.same(pod, { ...pod, ...other })).toBe(false);
});

test('a rule for every port is a shorter prefix than one for some', () => {
  const bits = (portBits: number, protocol: number) => {
    const rule = { subject: 1n, direction: 'ingress' as const, peer: 2n, protocol, port: 0, portBits };
    return layouts.policyRuleKey.decode(ruleEncoding.key('', rule)).prefix;
  };
  expect([bits(0, 0), bits(0, 6), bits(12, 6), bits(16, 6)]).toEqual([160, 176, 188, 192]);
});
