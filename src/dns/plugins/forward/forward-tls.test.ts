import { expect, test } from 'vitest';
import { createCertificateAuthority } from '../../../lab/apiserver/pki/pki.ts';
import { systemClock } from '../../../util/clock.ts';
import { MetricRegistry } from '../../../util/metrics.ts';
import { replyTo } from '../../message/message.ts';
import { queryFor } from '../../testing/ask.ts';
import { startFakeUpstream } from './fake-upstream.ts';
import { Forwarder } from './forward.ts';
import { createForwardMetrics } from './forward-metrics.ts';
import { forwardDefaults } from './options.ts';

const authority = createCertificateAuthority('dns');
const { certificate: cert, key } = authority.serverCertificate(['127.0.0.1', 'dns.example.org']);

test.each([
  ['its address', undefined, undefined, 'rcode 0'],
  ['the name of the upstream', 'dns.example.org', undefined, 'rcode 0'],
  ['tls_servername', undefined, 'dns.example.org', 'rcode 0'],
  ['another name', 'evil.example.org', undefined, 'refused'],
])('a certificate for %s', async (_, serverName, tlsServerName, expected) => {
  await using server = await startFakeUpstream(({ message }) => [replyTo(message)], {
    secure: { cert, key },
  });
  const upstream = { transport: 'tls' as const, host: '127.0.0.1', port: server.port, serverName };
  const metrics = new MetricRegistry();
  const options = {
    ...forwardDefaults([upstream]),
    maxFails: 0,
    readTimeoutMs: 20_000,
    tls: { ca: authority.certificate },
    tlsServerName,
  };
  const forwarder = new Forwarder(options, { clock: systemClock, metrics: createForwardMetrics(metrics) });
  const ask = async () => {
    try {
      return `rcode ${(await forwarder.serve(queryFor('a.example.org', 'A')))!.rcode}`;
    } catch {
      return 'refused';
    }
  };
  expect([await ask(), await ask()]).toEqual([expected, expected]);
  if (expected !== 'refused') {
    expect(server.connections).toBe(1);
    expect(metrics.render()).toMatch(/conn_cache_hits_total\{.*proto="tcp-tls"\} 1/);
  }
  forwarder.close();
});

test('a certificate of an unknown authority is refused', async () => {
  await using server = await startFakeUpstream(({ message }) => [replyTo(message)], {
    secure: { cert, key },
  });
  const upstream = { transport: 'tls' as const, host: '127.0.0.1', port: server.port };
  const metrics = createForwardMetrics(new MetricRegistry());
  const forwarder = new Forwarder(
    { ...forwardDefaults([upstream]), maxFails: 0, readTimeoutMs: 20_000 },
    { clock: systemClock, metrics },
  );
  await expect(forwarder.serve(queryFor('a.example.org', 'A'))).rejects.toThrow('does not answer');
  expect(server.asked).toEqual([]);
  forwarder.close();
});
