import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { formatIp } from '../../../net/ip.ts';
import { responseCodes } from '../../message/constants.ts';
import { type Message, replyTo } from '../../message/message.ts';
import { serveCorefile } from '../../testing/corefile.ts';

const directory = mkdtempSync(join(tmpdir(), 'tendril-hosts-'));
const file = join(directory, 'hosts');
afterEach(() => rmSync(file, { force: true }));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

const example = `
127.0.0.1 localhost localhost.domain
::1 localhost localhost.domain
10.0.0.1 example.org
::FFFF:10.0.0.2 example.com
10.0.0.3 fallthrough-example.org
1.2.3.4 aa.example.com # a comment
5.6.7.8 *.apps.example.com
reload 5s
timeout 3600
`;

const { REFUSED, SERVFAIL } = responseCodes;

async function served(lines: string, text = example) {
  writeFileSync(file, text);
  const one = serveCorefile(`. {\n hosts ${lines}\n last\n}`, {
    last: ({ message }) => replyTo(message, { rcode: REFUSED }),
  });
  await one.configuration.start();
  return one;
}

const told = (reply: Message | undefined) =>
  reply!.rcode !== 0
    ? reply!.rcode
    : reply!.answers.map(
        ({ ttl, data }) => `${ttl} ${'ip' in data ? formatIp(data.ip) : 'target' in data && data.target}`,
      );

describe('a hosts file', () => {
  test.each([
    ['example.org', 'A', ['3600 10.0.0.1']],
    ['EXAMPLE.org', 'A', ['3600 10.0.0.1']],
    ['example.com', 'A', ['3600 10.0.0.2']],
    ['localhost', 'AAAA', ['3600 ::1']],
    ['1.0.0.10.in-addr.arpa', 'PTR', ['3600 example.org']],
    ['2.0.0.10.in-addr.arpa', 'PTR', ['3600 example.com']],
    ['1.0.0.127.in-addr.arpa', 'PTR', ['3600 localhost', '3600 localhost.domain']],
    ['example.org', 'AAAA', []],
    ['example.org', 'MX', []],
    ['aa.example.com', 'A', ['3600 1.2.3.4']],
    ['x.apps.example.com', 'A', ['3600 5.6.7.8']],
    ['x.y.apps.example.com', 'A', SERVFAIL],
    ['apps.example.com', 'A', SERVFAIL],
    ['9.0.0.10.in-addr.arpa', 'PTR', REFUSED],
    ['missing.org', 'A', SERVFAIL],
  ] as const)('%s %s', async (name, type, expected) => {
    const { ask } = await served(file);
    expect(told(await ask(name, type))).toEqual(expected);
  });

  test.each([
    ['fallthrough', 'missing.org', 'A', REFUSED],
    ['fallthrough example.net', 'missing.org', 'A', SERVFAIL],
    ['fallthrough org', 'missing.org', 'A', REFUSED],
    ['fallthrough', 'example.org', 'TXT', []],
    ['fallthrough\nfallthrough_unsupported', 'example.org', 'TXT', REFUSED],
    ['fallthrough example.net\nfallthrough_unsupported', 'example.org', 'TXT', []],
    ['no_reverse', '1.0.0.10.in-addr.arpa', 'PTR', REFUSED],
    ['ttl 30', 'example.org', 'A', ['30 10.0.0.1']],
    ['10.9.9.9 example.org inline.org\nfallthrough', 'inline.org', 'A', ['3600 10.9.9.9']],
    ['10.9.9.9 example.org', 'example.org', 'A', ['3600 10.0.0.1', '3600 10.9.9.9']],
  ] as const)('%j: %s %s', async (lines, name, type, expected) => {
    const { ask } = await served(`${file} {\n${lines}\n}`);
    expect(told(await ask(name, type))).toEqual(expected);
  });

  test('only names of its zones', async () => {
    const { ask } = await served(`${file} example.com {\n ttl 60\n}`);
    expect(told(await ask('example.org', 'A'))).toBe(REFUSED);
    expect(told(await ask('1.0.0.10.in-addr.arpa', 'PTR'))).toBe(REFUSED);
    expect(told(await ask('example.com', 'A'))).toEqual(['60 10.0.0.2']);
  });

  test('is read again when it has changed', async () => {
    const { ask, clock, configuration } = await served(`${file} {\n reload 2s\n}`);
    writeFileSync(file, '10.0.0.9 example.org other.org\n');
    utimesSync(file, new Date(), new Date(Date.now() + 5000));
    await clock.advance(2000);
    expect(told(await ask('other.org', 'A'))).toEqual(['3600 10.0.0.9']);
    rmSync(file);
    await clock.advance(2000);
    expect(told(await ask('other.org', 'A'))).toEqual(['3600 10.0.0.9']);
    await configuration.close();
  });
});

test.each([
  'ttl',
  'ttl 0',
  'ttl 65536',
  'ttl zero',
  'reload',
  'reload -1s',
  'reload 5',
  'fallthrough\n10.0.0.1 late.org',
  'fallthrough_unsupported',
])('refused: %j', (lines) => {
  expect(() => serveCorefile(`. {\n hosts /nothing {\n${lines}\n}\n}`)).toThrow(/^Corefile:\d+: /);
});
