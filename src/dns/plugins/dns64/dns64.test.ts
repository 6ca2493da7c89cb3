/** What dns64 makes of answers: CoreDNS's own cases (question AAAA of example.com; the answer that is there, and the A answer). */
import { expect, test } from 'vitest';
import { parseCidr } from '../../../net/cidr.ts';
import { formatIp, parseIp } from '../../../net/ip.ts';
import { recordTypes } from '../../message/constants.ts';
import { type Message, replyTo } from '../../message/message.ts';
import { rcodeName, rcodeNumber } from '../../message/names-of-numbers.ts';
import { formatRecord, parseRecord } from '../../message/presentation.ts';
import { serveCorefile } from '../../testing/corefile.ts';
import { embed } from './translate.ts';

const soa = 'example.com. 70 IN SOA foo. bar. 1 1 1 1 1';

interface Said {
  rcode?: string;
  answers?: string[];
  authorities?: string[];
}

function reply(query: Message, { rcode = 'NOERROR', answers = [], authorities = [] }: Said): Message {
  const records = (texts: string[]) => texts.map((text) => parseRecord(text));
  return replyTo(query, {
    rcode: rcodeNumber(rcode)!,
    answers: records(answers),
    authorities: records(authorities),
  });
}

/** The server behind `dns64`, by what it says to AAAA and A questions. */
function behind(options: string, said: { aaaa: Said; a: Said }) {
  return serveCorefile(`. {\n dns64 ${options}\n last\n}`, {
    last: ({ message, type }) => reply(message, type === recordTypes.AAAA ? said.aaaa : said.a),
  });
}

const ipv6Client = { client: { address: 'fd00::1', port: 1 } };
const two = ['example.com. 60 IN A 192.0.2.42', 'example.com. 5000 IN A 192.0.2.43'];

test.each([
  [
    'no AAAA record',
    '',
    { aaaa: { authorities: [soa] }, a: { answers: two } },
    ['example.com. 60 IN AAAA 64:ff9b::c000:22a', 'example.com. 70 IN AAAA 64:ff9b::c000:22b'],
  ],
  ['neither', '', { aaaa: { authorities: [soa] }, a: { authorities: [soa] } }, ['NOERROR', soa]],
  [
    'an error other than that there is no such name',
    '',
    { aaaa: { rcode: 'REFUSED' }, a: { answers: two } },
    ['example.com. 60 IN AAAA 64:ff9b::c000:22a', 'example.com. 600 IN AAAA 64:ff9b::c000:22b'],
  ],
  [
    'no such name',
    '',
    { aaaa: { rcode: 'NXDOMAIN', authorities: [soa] }, a: { answers: two } },
    ['NXDOMAIN', soa],
  ],
  [
    'an AAAA record',
    '',
    { aaaa: { answers: ['example.com. 60 IN AAAA ::1'] }, a: { answers: two } },
    ['example.com. 60 IN AAAA ::1'],
  ],
  [
    'translate_all',
    '{\n translate_all\n}',
    { aaaa: { answers: ['example.com. 60 IN AAAA ::1'] }, a: { answers: two.slice(0, 1) } },
    ['example.com. 60 IN AAAA 64:ff9b::c000:22a'],
  ],
  [
    'an alias',
    '64:dead::/96',
    {
      aaaa: { answers: ['example.com. 60 IN CNAME b.org.'] },
      a: { answers: ['example.com. 60 IN CNAME b.org.', 'b.org. 5 IN A 192.0.2.1'] },
    },
    ['example.com. 60 IN CNAME b.org.', 'b.org. 5 IN AAAA 64:dead::c000:201'],
  ],
] as const)('%s', async (_, options, said, expected) => {
  // biome-ignore format: a table
  const { ask } = behind(options, said as never);
  const { rcode, answers, authorities } = (await ask('example.com', 'AAAA', ipv6Client))!;
  const lines = answers.length > 0 ? answers : authorities;
  expect([...(answers.length > 0 ? [] : [rcodeName(rcode)]), ...lines.map(formatRecord)]).toEqual(expected);
});

test.each([
  ['AAAA over IPv6', '', 'AAAA', 'fd00::1', true],
  ['AAAA over IPv4', '', 'AAAA', '10.0.0.1', false],
  ['AAAA over IPv4, allowed', '{\n allow_ipv4\n}', 'AAAA', '10.0.0.1', true],
  ['A over IPv6', '', 'A', 'fd00::1', false],
] as const)('translates %s: %4$s', async (_, options, type, address, expected) => {
  const { ask, metrics } = behind(options, { aaaa: { authorities: [soa] }, a: { answers: two } });
  await ask('example.com', type, { client: { address, port: 1 } });
  expect(metrics.render().includes('coredns_dns64_requests_translated_total{server="dns://:53"} 1\n')).toBe(
    expected,
  );
});

test.each([
  ['64:ff9b::/96', '64:ff9b::4040:4040'],
  ['64:ff9b::/64', '64:ff9b::40:4040:4000:0'],
  ['64:ff9b::/56', '64:ff9b:0:40:40:4040::'],
  ['64::/32', '64:0:4040:4040::'],
])('64.64.64.64 behind %s is %s', (prefix, expected) => {
  expect(formatIp(embed(parseIp('64.64.64.64'), parseCidr(prefix)))).toBe(formatIp(parseIp(expected)));
});
