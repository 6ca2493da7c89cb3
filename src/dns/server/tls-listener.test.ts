import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { createCertificateAuthority } from '../../lab/apiserver/pki/pki.ts';
import { silentLogger } from '../../util/logger.ts';
import { recordTypes } from '../message/constants.ts';
import { decodeMessage, encodeMessage, newQuery, replyTo } from '../message/message.ts';
import type { DnsPlugin, TlsSettings } from '../plugin.ts';
import { type DnsTlsServer, startDnsTlsServer } from './dns-server.ts';

const authority = createCertificateAuthority('dns');
const other = createCertificateAuthority('other');
const { certificate: cert, key } = authority.serverCertificate(['127.0.0.1', 'dns.example.org']);
const known = authority.clientCertificate('client');
const strange = other.clientCertificate('somebody');

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

const echo: DnsPlugin = {
  name: 'echo',
  serve: ({ message, transport, server }) =>
    replyTo(message, { rcode: transport === 'tls' && server!.port > 0 ? 0 : 2 }),
};

const settings = (clientAuth: TlsSettings['clientAuth'] = 'nocert'): TlsSettings => ({
  cert,
  key,
  ca: authority.certificate,
  clientAuth,
});

async function start(tls: TlsSettings): Promise<DnsTlsServer> {
  const server = await startDnsTlsServer({
    plugins: [echo],
    logger: silentLogger,
    listen: [{ address: '127.0.0.1', port: 0 }],
    tls,
  });
  open.push(server);
  return server;
}

const serve = async (clientAuth?: TlsSettings['clientAuth']) => (await start(settings(clientAuth))).ports[0]!;

/** The response code, or `closed`. */
function ask(port: number, options: tls.ConnectionOptions = {}): Promise<number | 'closed'> {
  return new Promise((resolve) => {
    const socket = tls.connect({
      host: '127.0.0.1',
      port,
      ca: authority.certificate,
      ALPNProtocols: ['dot'],
      ...options,
    });
    const query = encodeMessage(newQuery(1, { name: 'a.example.org', type: recordTypes.A }));
    socket.on('secureConnect', () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(query.length);
      socket.write(Buffer.concat([length, query]));
    });
    socket.on('data', (bytes) => {
      resolve(decodeMessage(bytes.subarray(2)).rcode);
      socket.destroy();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve('closed'));
  });
}

test('answers over TLS', async () => {
  expect(await ask(await serve())).toBe(0);
});

const own = { cert: known.certificate, key: known.key };
const foreign = { cert: strange.certificate, key: strange.key };

test.each([
  ['nocert', { none: 0, own: 0, foreign: 0 }],
  ['request', { none: 0, own: 0, foreign: 0 }],
  ['require', { none: 'closed', own: 0, foreign: 0 }],
  ['verify_if_given', { none: 0, own: 0, foreign: 'closed' }],
  ['require_and_verify', { none: 'closed', own: 0, foreign: 'closed' }],
] as const)('client_auth %s', async (clientAuth, expected) => {
  const port = await serve(clientAuth);
  expect({ none: await ask(port), own: await ask(port, own), foreign: await ask(port, foreign) }).toEqual(
    expected,
  );
});

test('who does not speak TLS is closed, and the next is answered', async () => {
  const port = await serve();
  const socket = net.connect(port, '127.0.0.1');
  const closed = new Promise((resolve) => socket.on('close', resolve).on('error', () => {}));
  socket.write('this is not TLS, not at all, in no way whatsoever');
  socket.resume();
  await closed;
  expect(await ask(port)).toBe(0);
});

test('other certificates are for clients to come; those who are connected are answered on', async () => {
  const server = await start(settings());
  const port = server.ports[0]!;
  const query = encodeMessage(newQuery(1, { name: 'a.example.org', type: recordTypes.A }));
  const framed = Buffer.concat([Buffer.of(0, query.length), query]);
  const early = tls.connect({ host: '127.0.0.1', port, ca: authority.certificate });
  await once(early, 'secureConnect');
  const changed = other.serverCertificate(['127.0.0.1']);
  server.setTls({ ...settings('require_and_verify'), cert: changed.certificate, key: changed.key });
  early.write(framed);
  const [bytes] = await once(early, 'data');
  expect(decodeMessage(bytes.subarray(2)).rcode).toBe(0);
  early.destroy();
  expect(await ask(port)).toBe('closed');
  expect(await ask(port, { ca: other.certificate })).toBe('closed');
  expect(await ask(port, { ...own, ca: other.certificate })).toBe(0);
});
