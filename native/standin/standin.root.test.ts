/** The stand-in server, over the loopback of a network namespace that nobody else uses. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const program = resolve('dist/native/standin');
const port = 28_080;
const env = {
  TENDRIL_POD: 'web-"0"',
  TENDRIL_NAMESPACE: 'shop',
  TENDRIL_NODE: 'n1',
  TENDRIL_POD_IPS: '10.0.0.1,fd00::1',
};

async function start(...argv: string[]): Promise<ChildProcess> {
  const child = spawn(program, argv, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  for (let open = false; !open && child.exitCode === null; ) {
    const probe = connect(Number(argv[1]), '127.0.0.1');
    open = await Promise.race([
      once(probe, 'connect').then(() => true),
      once(probe, 'close').then(() => false),
    ]).catch(() => false);
    probe.destroy();
  }
  return child;
}

/** Sends bytes, half-closes, and resolves with all that comes back. */
async function talk(
  bytes: string | Uint8Array,
  { host = '127.0.0.1', keepOpen = false } = {},
): Promise<string> {
  const socket = connect({ port, host, allowHalfOpen: true });
  const chunks: Buffer[] = [];
  socket.on('error', () => {});
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('end', () => socket.end());
  if (keepOpen) socket.write(bytes);
  else socket.end(bytes);
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}

let server: ChildProcess;
beforeAll(async () => {
  server = await start('--http', String(port), '--udp', String(port));
});
afterAll(() => void server.kill('SIGKILL'));

const url = (rest: string, host = '127.0.0.1') => `http://${host}:${port}${rest}`;

describe('HTTP', () => {
  it.each(['127.0.0.1', '[::1]'])(
    'says who answers, whom it sees and what was asked, at %s',
    async (host) => {
      const response = await fetch(url('/a?b=1', host), {
        method: 'POST',
        headers: { 'X-A': 'é' },
        body: 'four',
      });
      const ip = host.includes(':') ? '[::1]' : host;
      expect(await response.json()).toMatchObject({
        pod: 'web-"0"',
        namespace: 'shop',
        node: 'n1',
        ips: ['10.0.0.1', 'fd00::1'],
        client: expect.stringContaining(`${ip}:`),
        server: `${ip}:${port}`,
        method: 'POST',
        path: '/a?b=1',
        proto: 'HTTP/1.1',
        headers: { 'x-a': 'é', 'content-length': '4' },
        bodyBytes: 4,
      });
    },
  );

  it('does as the query asks', async () => {
    const response = await fetch(url('/?status=503&bytes=100000'));
    expect([response.status, (await response.text()).length]).toEqual([503, 100_000]);
  });

  it.each([
    ['a HEAD without a body', 'HEAD / HTTP/1.1\r\n\r\n', /^HTTP\/1.1 200[^{]*$/],
    ['pipelined requests in order', 'GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n', /"\/1"[\s\S]*"\/2"/],
    ['chunks', 'PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n', /"bodyBytes":3}/],
    ['bare line feeds', 'GET / HTTP/1.1\nA: b\n\n', /"a":"b"/],
    ['a bad chunk with 400', 'PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n', /^HTTP\/1.1 400/],
    ['a header without colon with 400', 'GET / HTTP/1.1\r\nnonsense\r\n\r\n', /^HTTP\/1.1 400/],
    [
      'two lengths with 400',
      'PUT / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      /^HTTP\/1.1 400/,
    ],
    ['a huge head with 431', `GET / HTTP/1.1\r\nA: ${'a'.repeat(40_000)}\r\n\r\n`, /^HTTP\/1.1 431/],
  ])('answers %s', async (_, request, answer) => {
    expect(await talk(request)).toMatch(answer);
  });

  it('ends an HTTP/1.0 connection after the answer', async () => {
    expect(await talk('GET / HTTP/1.0\r\n\r\n', { keepOpen: true })).toMatch(/Connection: close/);
  });
});

describe('everything else', () => {
  it.each(['hello\n', 'GET', 'PING', 'GETTING', '\x16\x03\x01'])('%j comes back', async (bytes) => {
    expect(await talk(bytes)).toBe(bytes);
  });

  it('datagrams come back, from the address they were sent to', async () => {
    for (const [family, host] of [
      ['udp4', '127.0.0.2'],
      ['udp6', '::1'],
    ] as const) {
      const socket = createSocket(family);
      socket.send('ping', port, host);
      const [message, from] = await once(socket, 'message');
      socket.close();
      expect([message.toString(), from.address]).toEqual(['ping', host]);
    }
  });

  it('no bytes bring it down, and whatever is not HTTP is echoed', async () => {
    const words = fc.constantFrom(
      'GET ',
      'PUT /',
      ' HTTP/1.1',
      '\r\n',
      '\n',
      ':',
      'Content-Length: 9',
      'PRI * HTTP/2.0',
    );
    const text = fc
      .array(fc.oneof(words, fc.string({ maxLength: 8 })), { maxLength: 12 })
      .map((all) => all.join(''));
    await fc.assert(
      fc.asyncProperty(text, async (bytes) => {
        const answer = await talk(bytes);
        if (!/^([A-Z]+ [/*h]|PRI)/.test(bytes)) expect(answer).toBe(Buffer.from(bytes).toString('latin1'));
      }),
      { numRuns: 300 },
    );
    expect(server.exitCode).toBeNull();
    const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))![1]);
    expect(rss).toBeLessThan(3 * 1024);
  });
});

describe('its life', () => {
  it('an init container is done at once', () => {
    expect(() => execFileSync(program, ['--init'])).not.toThrow();
  });

  it('a taken port is named', async () => {
    const second = spawn(program, ['--tcp', String(port)], { stdio: ['ignore', 'ignore', 'pipe'] });
    const [[message], [code]] = await Promise.all([once(second.stderr, 'data'), once(second, 'exit')]);
    expect([code, message.toString()]).toEqual([1, expect.stringMatching(`TCP port ${port}`)]);
  });

  it('on SIGTERM it finishes what it has begun, and nothing new', async () => {
    const other = await start('--http', String(port + 1));
    const idle = connect(port + 1, '127.0.0.1');
    await once(idle, 'connect');
    const slow = fetch(`http://127.0.0.1:${port + 1}/?delay=200`);
    await fetch(`http://127.0.0.1:${port + 1}/`);
    other.kill('SIGTERM');
    const [code] = await once(other, 'exit');
    expect([code, (await slow).status]).toEqual([0, 200]);
    idle.destroy();
  });
});

it('opens ports that its file names at SIGHUP, those it has already stay as they are', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'standin-'));
  const file = join(directory, 'ports');
  const child = await start('--tcp', '28090', '--more', file);
  try {
    writeFileSync(file, 'tcp 28090\ntcp 28091\nudp 28091\nnonsense\n');
    child.kill('SIGHUP');
    const [complaint] = await once(child.stderr!, 'data');
    expect(String(complaint)).toBe('standin: no port: nonsense\n');
    for (const each of [28_090, 28_091]) {
      const socket = connect(each, '127.0.0.1');
      await once(socket, 'connect');
      // Before the server dies: its end would be a reset that nobody awaits.
      socket.destroy();
    }
  } finally {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true });
  }
});
