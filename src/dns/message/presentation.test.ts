import { describe, expect, test } from 'vitest';
import { absoluteName, formatRecord, parseRecord, ttlSeconds } from './presentation.ts';

describe('a record is read and written', () => {
  test.each([
    'www.example.org. 300 IN A 192.0.2.1',
    'www.example.org. 300 IN AAAA 2001:db8::1',
    'example.org. 3600 IN NS ns.example.org.',
    'example.org. 3600 IN MX 10 mail.example.org.',
    'www.example.org. 5 IN CNAME example.net.',
    '1.2.0.192.in-addr.arpa. 5 IN PTR www.example.org.',
    '_http._tcp.example.org. 30 IN SRV 0 100 80 web.example.org.',
    'example.org. 30 IN SOA ns.example.org. admin.example.org. 2026112601 7200 1800 86400 30',
    'example.org. 30 IN TXT "one" "two words" "a \\"quote\\" and \\\\"',
    'example.org. 30 IN TXT "\\000\\255"',
    'a\\.b.example.org. 30 IN A 192.0.2.1',
    'example.org. 30 IN TYPE1234 \\# 4 c0000201',
    'example.org. 30 IN TYPE1234 \\# 0',
    'id.server. 0 CH TXT "a"',
    '. 1 IN NS a.root-servers.net.',
  ])('%s', (text) => {
    expect(formatRecord(parseRecord(text))).toBe(text);
  });
});

describe('what a record need not say', () => {
  test.each([
    ['www A 192.0.2.1', 'www.example.org. 60 IN A 192.0.2.1'],
    ['@ NS ns', 'example.org. 60 IN NS ns.example.org.'],
    ['www in 1h a 192.0.2.1 ; a comment', 'www.example.org. 3600 IN A 192.0.2.1'],
    ['www 5 IN CNAME www.example.net.', 'www.example.org. 5 IN CNAME www.example.net.'],
    ['   IN A 192.0.2.1', 'owner.example.org. 60 IN A 192.0.2.1'],
    ['txt TXT plain "a ; in quotes"', 'txt.example.org. 60 IN TXT "plain" "a ; in quotes"'],
    ['d DNAME other', 'd.example.org. 60 IN DNAME \\# 19 056f74686572076578616d706c65036f726700'],
    ['c CAA 0 issue "ca.example"', 'c.example.org. 60 IN CAA \\# 17 0005697373756563612e6578616d706c65'],
    [
      'n NAPTR 100 10 "S" "SIP+D2U" "" _sip._udp',
      'n.example.org. 60 IN NAPTR \\# 38 0064000a0153075349502b443255000 45f736970045f756470076578616d706c65036f726700'.replace(
        '0 4',
        '04',
      ),
    ],
  ])('%s', (text, whole) => {
    expect(
      formatRecord(parseRecord(text, { origin: 'example.org', ttl: 60, owner: 'owner.example.org' })),
    ).toBe(whole);
  });
});

test.each([
  ['www.example.org. 5 IN A 2001:db8::1', 'no IPv4 address'],
  ['www.example.org. 5 IN A', 'its address is missing'],
  ['www.example.org. 5 IN', 'a record has a type'],
  ['www.example.org. 5 IN NOSUCH x', '"NOSUCH" is no type, class or TTL'],
  ['www.example.org. 5 IN MX ten mail.', 'its preference is a number'],
  ['www.example.org. 5 IN CNAME a. b.', '"b." is too much'],
  ['www..example.org. 5 IN A 192.0.2.1', 'is no domain name'],
  ['a. 5 IN TXT "open', 'a quote is not closed'],
  ['a. 5 IN TYPE1234 \\# 3 c0', 'there are not 3 bytes'],
  ['a. 5 IN LOC 1 2', 'as in RFC 3597'],
  ['', 'begins with its name'],
])('cannot be read: %s', (text, problem) => {
  expect(() => parseRecord(text)).toThrow(problem);
});

test.each([
  ['0', 0],
  ['1h30m', 5400],
  ['2W', 1_209_600],
  ['4294967296', undefined],
  ['1y', undefined],
])('a TTL of %s', (text, seconds) => {
  expect(ttlSeconds(text)).toBe(seconds);
});

test('names below an origin', () => {
  expect(absoluteName('a', 'b.c')).toBe('a.b.c');
  expect(absoluteName('a.', 'b.c')).toBe('a');
  expect(absoluteName('a\\.', 'b.c')).toBe('a\\..b.c');
  expect(absoluteName('@', '')).toBe('');
});
