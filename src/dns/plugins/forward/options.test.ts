import { expect, test } from 'vitest';
import { parseCorefile } from '../../corefile/parser.ts';
import { readForward } from './options.ts';

function read(line: string, directory = '/nowhere') {
  const text = `. {\n${line}\n}`;
  return readForward(
    parseCorefile({ text, file: 'Corefile', environment: {} })[0]!.directives[0]!,
    directory,
  );
}

const upstreams = (line: string) =>
  read(line).upstreams.map(({ transport, host, port, serverName = '' }) =>
    `${transport} ${host} ${port} ${serverName}`.trim(),
  );

test.each([
  ['forward . 127.0.0.1', ['dns 127.0.0.1 53']],
  ['forward . 127.0.0.1:8080 dns://10.0.0.1', ['dns 127.0.0.1 8080', 'dns 10.0.0.1 53']],
  ['forward . [::1]:53', ['dns ::1 53']],
  ['forward . [2003::1]:5353 ::2', ['dns 2003::1 5353', 'dns ::2 53']],
  ['forward . tls://127.0.0.1', ['tls 127.0.0.1 853']],
  ['forward . tls://127.0.0.1%example.net:854', ['tls 127.0.0.1 854 example.net']],
  ['forward . tls://[::1%example.net]:853', ['tls ::1 853 example.net']],
  ['forward . tls://fe80::1%example.com', ['tls fe80::1 853 example.com']],
  ['forward . tls://[2400:3200::1%dns.alidns.com]:853 {\ntls\n}', ['tls 2400:3200::1 853 dns.alidns.com']],
  ['forward . 10.0.0.1 10.0.0.2 10.0.0.1:53', ['dns 10.0.0.1 53', 'dns 10.0.0.2 53']],
  ['forward . my-dns.example.org:5300', ['dns my-dns.example.org 5300']],
])('%s', (line, expected) => {
  expect(upstreams(line)).toEqual(expected);
});

test.each([
  [
    'health_check 0.5s domain example.org',
    { healthCheck: { intervalMs: 500, recursionDesired: true, domain: 'example.org' } },
  ],
  ['health_check 0.5s no_rec', { healthCheck: { intervalMs: 500, recursionDesired: false, domain: '' } }],
  [
    'health_check 1s no_rec domain example.org',
    { healthCheck: { intervalMs: 1000, recursionDesired: false, domain: 'example.org' } },
  ],
  ['except miek.nl', { except: ['miek.nl'] }],
  ['max_fails 3', { maxFails: 3 }],
  ['max_connect_attempts 0', { maxConnectAttempts: 0 }],
  ['max_connect_attempts 5', { maxConnectAttempts: 5 }],
  ['max_concurrent 1000', { maxConcurrent: 1000 }],
  ['max_idle_conns 10', { maxIdleConns: 10 }],
  ['force_tcp', { forceTcp: true }],
  ['prefer_udp', { preferUdp: true }],
  ['failfast_all_unhealthy_upstreams', { failfast: true }],
  ['next_on_nodata', { nextOnNodata: true }],
  ['expire 20s\nmax_age 30s', { expireMs: 20_000, maxAgeMs: 30_000 }],
  ['read_timeout 500ms', { readTimeoutMs: 500 }],
  ['policy round_robin', { policy: 'round_robin' }],
  ['next NXDOMAIN refused', { nextRcodes: [3, 5] }],
  ['failover ServFail REFUSED', { failoverRcodes: [2, 5] }],
  ['tls_servername dns', { tlsServerName: 'dns' }],
  ['source_address ::ffff:192.0.2.1', { sourceAddress: '192.0.2.1' }],
  ['resolver 10.0.0.1 10.0.0.2:5353', { resolvers: ['10.0.0.1', '10.0.0.2:5353'] }],
])('option %s', (option, expected) => {
  expect(read(`forward . 127.0.0.1 {\n${option}\n}`)).toMatchObject(expected);
});

test('a CIDR stands for its first reverse zone', () => {
  expect(read('forward 10.9.3.0/18 127.0.0.1').from).toBe('0.9.10.in-addr.arpa');
});

test.each([
  'forward .',
  'forward . https://1.1.1.1/',
  'forward . grpc://1.1.1.1',
  'forward . /no/such/file',
  'forward . 127.0.0.1:70000',
  `forward ${'x'.repeat(64)} 127.0.0.1`,
  `forward . ${Array.from({ length: 16 }, (_, i) => `10.0.0.${i}`).join(' ')}`,
  'forward . tls://127.0.0.1%example.net:854 {\ntls_servername foo\n}',
  ...[
    'blaatl',
    'except',
    'force_tcp x',
    'prefer_udp x',
    'health_check',
    'health_check x',
    'health_check 0.5s domain',
    'health_check 0.5s no_rece',
    'max_fails',
    'max_fails -1',
    'max_connect_attempts many',
    'max_connect_attempts -4',
    'max_concurrent many',
    'max_concurrent -4',
    'max_idle_conns -1',
    'expire x',
    'expire 10s\nmax_age 5s',
    'read_timeout 0',
    'policy best',
    'next',
    'next NOSUCH',
    'failover',
    'failover NOERROR',
    'failover NOSUCH',
    'source_address not-an-ip',
    'source_address',
    'resolver',
    'resolver example.org',
    'tls a b c d',
    'tls /no/such/file',
    'failfast_all_unhealthy_upstreams x',
  ].map((option) => `forward . 127.0.0.1 {\n${option}\n}`),
])('refused: %s', (line) => {
  expect(() => read(line)).toThrow(/^Corefile:\d+: |^malformed/);
});
