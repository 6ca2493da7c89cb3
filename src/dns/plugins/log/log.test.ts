import { expect, test } from 'vitest';
import { responseCodes } from '../../message/constants.ts';
import { newQuery, replyTo } from '../../message/message.ts';
import { serveCorefile } from '../../testing/corefile.ts';

const { NXDOMAIN, SERVFAIL } = responseCodes;

/** Answers by the first label: nx, fail, or what there is. */
function logged(lines: string) {
  return serveCorefile(`. {\n ${lines}\n last\n}`, {
    last: ({ message, name }) => {
      if (name.startsWith('throws.')) throw new Error('no route');
      return replyTo(message, {
        rcode: name.startsWith('nx.') ? NXDOMAIN : name.startsWith('fail.') ? SERVFAIL : 0,
      });
    },
  });
}

test.each([
  ['log', 'org', 'info 10.240.0.1:40212 - 1 "A IN org. udp 21 false 512" NOERROR qr,rd 21 0s'],
  [
    'log . {combined}',
    'org',
    'info 10.240.0.1:40212 - 1 "A IN org. udp 21 false 512" NOERROR qr,rd 21 0s "0"',
  ],
  ['log . "{proto} {name} {unknown} {>id}"', 'a.org', 'info udp a.org. {unknown} 1'],
  ['log . "{/a/b} {rcode}"', 'nx.org', 'info - NXDOMAIN'],
  ['log org', 'a.net', undefined],
  ['log . "{rcode}" {\n class denial\n}', 'nx.org', 'info NXDOMAIN'],
  ['log . "{rcode}" {\n class denial\n}', 'a.org', undefined],
  ['log . "{rcode}" {\n class error\n}', 'fail.org', 'info SERVFAIL'],
  ['log . "{rcode}" {\n class success error\n}', 'a.org', 'info NOERROR'],
  ['log . "{rcode}" {\n class all\n}', 'nx.org', 'info NXDOMAIN'],
  ['log net "net"\nlog . "{rcode} rest"', 'a.org', 'info NOERROR rest'],
  ['metadata\nlog . "{/log/type} {/log/class}"', 'nx.org', 'info NXDOMAIN denial'],
])('%j, asked for %s', async (lines, name, line) => {
  const { ask, lines: told } = logged(lines);
  await ask(name);
  expect(told).toEqual(line === undefined ? [] : [line]);
});

test('what fails is logged as SERVFAIL', async () => {
  const { ask, lines } = logged('log . {rcode}\nlog . "{rcode}"');
  await expect(ask('throws.org')).rejects.toThrow('no route');
  expect(lines).toEqual(['info SERVFAIL']);
});

test('an IPv6 client and EDNS', async () => {
  const { ask, lines } = logged('log . "{remote} {local} {>do} {>bufsize} {size}"');
  const edns = { udpBytes: 4096, version: 0, dnssecOk: true, options: [] };
  await ask('org', 'A', {
    client: { address: 'fd00::1', port: 1 },
    server: { address: 'fd00::2', port: 53 },
    message: newQuery(1, { name: 'org', type: 1 }, { edns }),
  });
  expect(lines).toEqual(['info [fd00::1] [fd00::2] true 4096 32']);
});
