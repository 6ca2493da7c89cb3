import { describe, expect, test } from 'vitest';
import { parseCidr } from '../../net/cidr.ts';
import { durationMs, reverseZones, zonesOfText } from './options.ts';

const at = { file: 'Corefile', line: 3 };

describe('reverse zones of a CIDR', () => {
  test.each([
    ['10.0.0.0/8', ['10.in-addr.arpa']],
    ['10.244.0.0/15', ['244.10.in-addr.arpa', '245.10.in-addr.arpa']],
    ['192.0.2.7/32', ['7.2.0.192.in-addr.arpa']],
    ['0.0.0.0/0', ['in-addr.arpa']],
    ['fd00:10:244::/47', ['4.4.2.0.0.1.0.0.0.0.d.f.ip6.arpa', '5.4.2.0.0.1.0.0.0.0.d.f.ip6.arpa']],
  ])('%s', (cidr, zones) => {
    expect(reverseZones(parseCidr(cidr))).toEqual(zones);
  });
});

test.each([
  ['Example.ORG.', ['example.org']],
  ['.', ['']],
  ['10.1.0.0/16', ['1.10.in-addr.arpa']],
])('a zone %s', (text, zones) => {
  expect(zonesOfText(text, at)).toEqual(zones);
});

test('what is no zone is told with its place', () => {
  expect(() => zonesOfText('a..b', at)).toThrow('Corefile:3: "a..b" is neither a domain name nor a CIDR');
});

test.each([
  ['5s', 5000],
  ['1h2m3.5s', 3_723_500],
  ['250ms', 250],
  ['0', 0],
])('a duration %s', (text, ms) => {
  expect(durationMs(text, at)).toBe(ms);
});

test.each(['5', 's', '5 s', '-3s', '5sx'])('no duration: "%s"', (text) => {
  expect(() => durationMs(text, at)).toThrow('Corefile:3');
});
