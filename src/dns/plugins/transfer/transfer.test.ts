/** Who gets a zone, and what is in it; cases of CoreDNS's tests of transfer and file. */
import dgram from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { recordTypes, responseCodes } from '../../message/constants.ts';
import { decodeMessage, encodeMessage, type Message, newQuery, replyTo } from '../../message/message.ts';
import { formatRecord, parseRecord } from '../../message/presentation.ts';
import { serveCorefile } from '../../testing/corefile.ts';
import { notify } from './notify.ts';

const directory = mkdtempSync(join(tmpdir(), 'tendril-transfer-'));
afterAll(() => rmSync(directory, { recursive: true }));
const path = join(directory, 'example.org');
const zone = (serial: number) => `$TTL 60
@ SOA ns h ${serial} 1 1 1 1
www A 192.0.2.2
@ MX 10 mail
@ NS ns
ns A 192.0.2.1
sub NS ns.sub
ns.sub A 192.0.2.3
`;
writeFileSync(path, zone(7));

const serving = (lines: string) =>
  serveCorefile(
    `example.org other.org {\n transfer example.org {\n ${lines}\n}\n file ${path} example.org\n}`,
  );

const over = (transport: 'udp' | 'tcp', address: string, message?: Message) => ({
  transport,
  client: { address, port: 4000 },
  ...(message && { message }),
});

const ixfr = (serial?: number) => {
  const query = newQuery(1, { name: 'example.org', type: recordTypes.IXFR });
  if (serial === undefined) return query;
  return { ...query, authorities: [parseRecord(`example.org. 60 IN SOA ns. h. ${serial} 1 1 1 1`)] };
};

const soa = 'example.org. 60 IN SOA ns.example.org. h.example.org. 7 1 1 1 1';

test('a zone goes over TCP to those named: SOA, name servers, the rest by name, SOA', async () => {
  const { ask, lines } = serving('to 192.0.2.9 2001:db8::9');
  for (const address of ['192.0.2.9', '2001:db8::9']) {
    const reply = (await ask('example.org', 'AXFR', over('tcp', address)))!;
    expect(reply.authoritative).toBe(true);
    expect(reply.answers.map(formatRecord)).toEqual([
      soa,
      'example.org. 60 IN NS ns.example.org.',
      'example.org. 60 IN MX 10 mail.example.org.',
      'ns.example.org. 60 IN A 192.0.2.1',
      'sub.example.org. 60 IN NS ns.sub.example.org.',
      'ns.sub.example.org. 60 IN A 192.0.2.3',
      'www.example.org. 60 IN A 192.0.2.2',
      soa,
    ]);
  }
  expect(lines).toEqual(['info a zone is transferred', 'info a zone is transferred']);
});

test.each([
  ['another client', 'to 192.0.2.9', over('tcp', '192.0.2.8'), 'example.org'],
  ['over UDP', 'to *', over('udp', '192.0.2.9'), 'example.org'],
  ['a zone that transfer does not name', 'to *', over('tcp', '192.0.2.9'), 'other.org'],
  ['what is no zone of its own', 'to *', over('tcp', '192.0.2.9'), 'www.example.org'],
  ['a zone of nobody', 'to *', over('tcp', '192.0.2.9'), 'example.net'],
] as const)('refused: %s', async (_, lines, from, name) => {
  const reply = (await serving(lines).ask(name, 'AXFR', from))!;
  expect([reply.rcode, reply.answers]).toEqual([responseCodes.REFUSED, []]);
});

test('without the plugin nobody is asked for a zone', async () => {
  const { ask } = serveCorefile('. {\n last\n}', { last: ({ message }) => replyTo(message) });
  expect((await ask('example.org', 'AXFR', over('tcp', '192.0.2.9')))!.rcode).toBe(responseCodes.REFUSED);
});

test.each([
  ['the version that it has: the SOA record alone', 7, 1],
  ['an older version: all', 6, 8],
] as const)('IXFR from %s', async (_, serial, count) => {
  const from = over('tcp', '192.0.2.9', ixfr(serial));
  const reply = (await serving('to *').ask('example.org', 'IXFR', from))!;
  expect([reply.answers.length, reply.authoritative]).toEqual([count, count > 1]);
});

test('IXFR that does not say from where fails', async () => {
  const from = over('tcp', '192.0.2.9', ixfr());
  expect((await serving('to *').ask('example.org', 'IXFR', from))!.rcode).toBe(responseCodes.SERVFAIL);
});

/** A secondary that answers these codes in turn, then none at all. */
async function secondary(rcodes: number[]) {
  const socket = dgram.createSocket('udp4');
  const heard: Message[] = [];
  let told = () => {};
  socket.on('message', (bytes, { port, address }) => {
    const notice = decodeMessage(bytes);
    heard.push(notice);
    const rcode = rcodes.shift();
    if (rcode !== undefined) socket.send(encodeMessage(replyTo(notice, { rcode })), port, address);
    told();
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return {
    port: (socket.address() as AddressInfo).port,
    heard,
    next: () => new Promise<void>((resolve) => { told = resolve; }), // biome-ignore format: one line
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void socket.close(() => resolve())),
  };
}

test('secondaries are told at the start, and of a zone that has changed', async () => {
  await using told = await secondary([0, 0]);
  const { configuration, clock } = serving(`to 127.0.0.1:${told.port}\n source 127.0.0.1`);
  const first = told.next();
  await configuration.start();
  await first;
  expect(told.heard[0]).toMatchObject({
    opcode: 4,
    authoritative: true,
    recursionDesired: false,
    questions: [{ name: 'example.org', type: recordTypes.SOA, class: 1 }],
  });
  writeFileSync(path, zone(8));
  const second = told.next();
  clock.advance(60_000);
  await second;
  await configuration.close();
  writeFileSync(path, zone(7));
});

test('a secondary is told three times, then it has failed', async () => {
  await using told = await secondary([5, 2]);
  const to = { address: '127.0.0.1', port: told.port };
  await expect(notify('example.org', to, { timeoutMs: 100 })).rejects.toThrow('does not answer');
  expect(told.heard.length).toBe(3);
});
