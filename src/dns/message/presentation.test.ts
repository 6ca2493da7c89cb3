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
    'a\\;b\\@c.example.org. 30 IN NS \\(x\\).example.org.',
    'example.org. 30 IN TYPE1234 \\# 4 c0000201',
    'example.org. 30 IN TYPE1234 \\# 0',
    'id.server. 0 CH TXT "a"',
    '. 1 IN NS a.root-servers.net.',
    'a.org. 60 IN DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118',
    'a.org. 60 IN CDS 0 0 0 00',
    'a.org. 60 IN DNSKEY 256 3 8 AwEAAcNEU67LJI5GEgF9QLNqLO1SMq1EdoQ6',
    'a.org. 60 IN RRSIG A 8 2 3600 20260426031301 20260327031301 12051 a.org. SsRTHytW4YTAuA==',
    'a.org. 60 IN RRSIG TYPE1234 13 2 60 20370101000000 19700101000000 1 . AAAA',
    'a.org. 60 IN NSEC b.a.org. A NS SOA MX AAAA RRSIG NSEC DNSKEY CAA TYPE1234',
    'a.org. 60 IN NSEC .',
    'x.a.org. 60 IN NSEC3 1 1 12 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR MX DNSKEY NSEC3PARAM',
    'x.a.org. 60 IN NSEC3 1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR',
    'a.org. 60 IN NSEC3PARAM 1 0 5 A3DEBC9CC4F695C7',
    '_443._tcp.a.org. 60 IN TLSA 3 1 1 D2ABDE240D7CD3EE6B4B28C54DF034B97983A1D16E8A410E4561CB106618E971',
    'a.org. 60 IN SSHFP 2 1 123456789ABCDEF67890123456789ABCDEF67890',
    'a.org. 60 IN HINFO "PC Intel" Debian',
    'a.org. 60 IN URI 10 1 "ftp://ftp1.example.com/public"',
    'a.org. 60 IN CAA 128 iodef "mailto:a@a.org"',
    'a.org. 60 IN CSYNC 66 3 A NS AAAA',
    'a.org. 60 IN ZONEMD 2018031500 1 1 FEBE3D4CE2EC2FFA4BA99D46CD69D6D29711E552',
    'a.org. 60 IN SVCB 1 . alpn="h2,h3" port="8443" ipv4hint="192.0.2.1,192.0.2.2" ipv6hint="2001:db8::1"',
    'a.org. 60 IN HTTPS 0 svc.a.org.',
    'a.org. 60 IN HTTPS 16 b.a.org. mandatory="alpn,ipv4hint" alpn="h2" no-default-alpn ech="AAEC" key667="hello"',
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
    ['d DNAME other', 'd.example.org. 60 IN DNAME other.example.org.'],
    ['c CAA 0 issue "ca.example"', 'c.example.org. 60 IN CAA 0 issue "ca.example"'],
    [
      'n NAPTR 100 10 "S" "SIP+D2U" "" _sip._udp',
      'n.example.org. 60 IN NAPTR 100 10 S "SIP+D2U" "" _sip._udp.example.org.',
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
  ['a. 5 IN DS 1 2 3 ABC', 'is not hexadecimal'],
  ['a. 5 IN DNSKEY 256 3 8 !', 'is not base64'],
  ['a. 5 IN RRSIG NOSUCH 8 2 60 1 1 1 . AAAA', '"NOSUCH" is no type'],
  ['a. 5 IN RRSIG A 8 2 60 tomorrow 1 1 . AAAA', 'is no time'],
  ['a. 5 IN NSEC3 1 1 12 - !', 'is not base32'],
  ['a. 5 IN DS 65536 2 3 AB', 'a number is a number up to 65535'],
  ['a. 5 IN HTTPS 1 . port=x', 'is no port'],
  ['a. 5 IN HTTPS 1 . ipv4hint=::1', 'is no IPv4 address'],
  ['a. 5 IN HTTPS 1 . colour=red', 'is no parameter'],
  ['', 'begins with its name'],
])('cannot be read: %s', (text, problem) => {
  expect(() => parseRecord(text)).toThrow(problem);
});

test.each([
  [
    'a. 5 IN RRSIG A 8 2 60 1770000000 0 1 . AAAA',
    'a. 5 IN RRSIG A 8 2 60 20260202024000 19700101000000 1 . AAAA',
  ],
  ['a. 5 IN HTTPS 1 . port=80 alpn=h2', 'a. 5 IN HTTPS 1 . alpn="h2" port="80"'],
  ['a. 5 IN DS \\# 4 00010203', 'a. 5 IN DS 1 2 3'],
  ['a. 5 IN NSEC \\# 2 00ff', 'a. 5 IN NSEC \\# 2 00ff'],
  ['a. 5 IN DNSKEY \\# 1 00', 'a. 5 IN DNSKEY \\# 1 00'],
])('%s is written %s', (text, written) => {
  expect(formatRecord(parseRecord(text))).toBe(written);
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
