import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, connect, type Server as TcpServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { Container, Probe } from '../../../kube/types.ts';
import { encodeRequest, grpcProbe } from './grpc-probe.ts';
import { type Dial, httpProbe } from './http-probe.ts';
import { probeAction } from './probe-action.ts';
import { ProbeSchedule, ProbeTally, probeTiming } from './probe-plan.ts';

const servers: TcpServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listening(server: TcpServer): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const dial: Dial = (to) =>
  new Promise((resolve, reject) => {
    const socket = connect(to.port, to.ip, () => resolve(socket)).on('error', reject);
  });

describe('http', () => {
  const serve = (handler: RequestListener) => listening(createServer(handler) as Server);
  const target = (port: number, path = '/healthz') =>
    ({ scheme: 'http', host: '127.0.0.1', port, path, headers: [['X-Probe', 'yes']] }) as const;
  const probe = (port: number, timeoutMs = 20_000) =>
    httpProbe({ ...target(port), headers: [['X-Probe', 'yes']] }, dial, timeoutMs);

  test.each([
    [200, true],
    [204, true],
    [399, true],
    [400, false],
    [503, false],
  ])('status %i is a success: %s', async (status, ok) => {
    const port = await serve((_request, response) => response.writeHead(status).end());
    expect((await probe(port)).ok).toBe(ok);
  });

  test('sends the path, the headers and its name', async () => {
    const seen: unknown[] = [];
    const port = await serve((request, response) => {
      seen.push(request.url, request.headers['x-probe'], request.headers['user-agent']);
      response.end();
    });
    await probe(port);
    expect(seen).toEqual(['/healthz', 'yes', 'kube-probe/1.36']);
  });

  test('follows a redirect on the same host, and takes one elsewhere as a success', async () => {
    const port = await serve((request, response) => {
      const location = request.url === '/healthz' ? '/down' : undefined;
      response.writeHead(location ? 302 : 500, location ? { location } : {}).end();
    });
    expect(await probe(port)).toEqual({ ok: false, message: 'HTTP probe failed with statuscode: 500' });
    const away = await serve((_r, response) =>
      response.writeHead(302, { location: 'http://192.0.2.1/' }).end(),
    );
    expect((await probe(away)).ok).toBe(true);
  });

  test('gives up after its timeout', async () => {
    const port = await serve(() => {});
    await expect(probe(port, 50)).rejects.toThrow(/^Get "http:.*context deadline exceeded/);
  });
});

describe('grpc', () => {
  const serve = (status: number) => {
    const server = createHttp2Server();
    server.on('stream', (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.of(0, 0, 0, 0, 2, 0x08, status));
    });
    return listening(server);
  };

  test.each([
    [1, true],
    [2, false],
  ])('serving status %i is a success: %s', async (status, ok) => {
    const port = await serve(status);
    expect((await grpcProbe({ host: '127.0.0.1', port, service: '' }, dial, 1000)).ok).toBe(ok);
  });

  test('names the service in field 1', () => {
    expect([...encodeRequest('a.b')]).toEqual([0, 0, 0, 0, 5, 0x0a, 3, 0x61, 0x2e, 0x62]);
    expect([...encodeRequest('')]).toEqual([0, 0, 0, 0, 0]);
  });
});

describe('what to ask', () => {
  const container = { name: 'app', ports: [{ name: 'web', containerPort: 8080 }] } as Container;
  const at = { container, podIp: '10.244.1.5' };
  const standIn = { tcp: [8080, 9090], udp: [] };

  test.each<[string, Probe, object | undefined, object]>([
    [
      'a named port',
      { tcpSocket: { port: 'web' } },
      undefined,
      { do: 'tcp', host: '10.244.1.5', port: 8080 },
    ],
    [
      'a host',
      { tcpSocket: { port: 1, host: 'localhost' } },
      undefined,
      { do: 'tcp', host: '127.0.0.1', port: 1 },
    ],
    [
      'https',
      { httpGet: { port: 'web', scheme: 'HTTPS', path: 'x' } },
      undefined,
      { do: 'http', url: { scheme: 'https', host: '10.244.1.5', port: 8080, path: '/x', headers: [] } },
    ],
    [
      'grpc',
      { grpc: { port: 50051, service: 's' } },
      undefined,
      { do: 'grpc', host: '10.244.1.5', port: 50051, service: 's' },
    ],
    [
      'grpc of a stand-in',
      { grpc: { port: 50051 } },
      standIn,
      { do: 'tcp', host: '10.244.1.5', port: 50051 },
    ],
    [
      'exec of a stand-in',
      { exec: { command: ['x'] } },
      standIn,
      { do: 'tcp', host: '10.244.1.5', port: 8080 },
    ],
    [
      'exec of a stand-in without ports',
      { exec: { command: ['x'] } },
      { tcp: [], udp: [] },
      { do: 'nothing' },
    ],
  ])('%s', (_name, probe, ports, action) => {
    expect(probeAction(probe, { ...at, standIn: ports as typeof standIn })).toMatchObject(action);
  });

  test('an unknown port name is an error', () => {
    expect(() => probeAction({ tcpSocket: { port: 'nope' } }, at)).toThrow('no port named "nope"');
  });
});

describe('timing', () => {
  const slow: Probe = { initialDelaySeconds: 30, periodSeconds: 20, failureThreshold: 3, timeoutSeconds: 2 };

  test('is as the manifest says, with the defaults of the API', () => {
    expect(probeTiming('readiness', {}, false)).toEqual({
      initialDelayMs: 0,
      periodMs: 10_000,
      firstPeriodMs: 10_000,
      timeoutMs: 1000,
      successThreshold: 1,
      failureThreshold: 3,
    });
    expect(probeTiming('liveness', slow, false)).toMatchObject({ initialDelayMs: 30_000, periodMs: 20_000 });
  });

  test('fast probes lose their delay, ask each second until ready, and allow a start as long as before', () => {
    expect(probeTiming('readiness', slow, true)).toMatchObject({
      initialDelayMs: 0,
      firstPeriodMs: 1000,
      periodMs: 20_000,
    });
    expect(probeTiming('startup', slow, true)).toMatchObject({ firstPeriodMs: 1000, failureThreshold: 60 });
    expect(probeTiming('liveness', slow, true)).toMatchObject({ firstPeriodMs: 20_000, failureThreshold: 3 });
  });

  test('until it is ready a container is asked sooner than each period, then at each period', () => {
    const schedule = new ProbeSchedule('readiness', probeTiming('readiness', { periodSeconds: 1 }, false), 0);
    const times: [at: number, regular: boolean][] = [];
    for (let tries = 0; tries < 9; tries++) {
      times.push([schedule.next, schedule.isRegular]);
      schedule.advance(tries < 7 ? 'failure' : 'success');
    }
    expect(times.map(([at]) => at)).toEqual([0, 20, 60, 140, 300, 620, 1000, 2000, 3000]);
    expect(times.filter(([, regular]) => regular).map(([at]) => at)).toEqual([0, 1000, 2000, 3000]);
  });

  test('liveness is asked at its period only', () => {
    const schedule = new ProbeSchedule('liveness', probeTiming('liveness', {}, false), 0);
    schedule.advance('failure');
    expect(schedule.next).toBe(10_000);
  });

  test('a verdict needs its threshold in a row', () => {
    const tally = new ProbeTally(
      probeTiming('readiness', { successThreshold: 2, failureThreshold: 3 }, false),
    );
    const verdicts = (
      ['success', 'failure', 'success', 'success', 'failure', 'failure', 'failure'] as const
    ).map((o) => tally.note(o));
    expect(verdicts).toEqual([undefined, undefined, undefined, 'success', undefined, undefined, 'failure']);
  });
});
