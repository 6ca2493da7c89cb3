/** agnhost's TLS ports, beside the original's where that can be built. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { originalAgnhost } from '../../tests/e2e/support/go-programs.ts';
import { until } from '../../tests/e2e/support/until.ts';

const ours = resolve('dist/native/agnhost');
const original = originalAgnhost();
const children: ChildProcess[] = [];
let directory: string;
let flags: string[];
const file = (name: string) => join(directory, name);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-agnhost-tls-'));
  const subject = ['-subj', '/CN=a.example', '-addext', 'subjectAltName=DNS:a.example'];
  for (const [name, kind] of [['ec', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']], ['rsa', ['rsa:2048']]] as const)
    execFileSync('openssl', ['req', '-x509', '-newkey', ...kind, '-nodes', '-keyout', file(`${name}.key`), '-out', file(`${name}.crt`), ...subject], { stdio: 'ignore' }); // biome-ignore format: one line
  flags = [`--tls-cert-file=${file('rsa.crt')}`, `--tls-private-key-file=${file('rsa.key')}`];
  await start(ours, 28_400, ['netexec', '--http-port=28400', '--udp-port=-1', ...flags]);
  if (original) await start(original, 28_410, ['netexec', '--http-port=28410', '--udp-port=-1', ...flags]);
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

async function start(program: string, port: number, args: string[], env = {}): Promise<ChildProcess> {
  const child = spawn(program, args, { stdio: 'ignore', env: { ...process.env, ...env } });
  children.push(child);
  await until(`${program} listens`, async () => {
    const probe = connect(port, '127.0.0.1');
    const isOpen = await once(probe, 'connect').then(() => true, () => false); // biome-ignore format: one line
    probe.destroy();
    return isOpen;
  });
  return child;
}

interface Asking {
  body?: string;
  ca?: Buffer;
}

async function ask(port: number, path: string, { body, ca }: Asking = {}) {
  const trust = ca ? { ca, servername: 'a.example' } : { rejectUnauthorized: false };
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const method = body === undefined ? 'GET' : 'POST';
  const asked = request({ port, host: '127.0.0.1', path, method, headers, agent: false, ...trust });
  asked.end(body);
  const [response] = await once(asked, 'response');
  return { status: response.statusCode, type: response.headers['content-type'], body: await text(response) };
}

async function plainAnswer(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  return await text(socket);
}

const large = `msg=${'y'.repeat(3 << 20)}`;
const asked: [string, Asking?][] = [
  ['/echo?msg=hi&code=418'],
  ['/echo', { body: large }],
  ['/serverport'],
  ['/header?key=host'],
];

describe('netexec', () => {
  test.skipIf(original === undefined).each(asked)('%s: as the original', async (path, asking) => {
    const mine = await ask(28_400, path, asking);
    const theirs = await ask(28_410, path, asking);
    expect({ ...mine, body: mine.body.replace('28400', '28410') }).toEqual(theirs);
  });

  test.skipIf(original === undefined)('plain HTTP to the port: as the original', async () => {
    expect(await plainAnswer(28_400)).toBe(await plainAnswer(28_410));
  });

  test('shows the certificate that it was given, and its client’s address', async () => {
    const { body } = await ask(28_400, '/clientip', { ca: readFileSync(file('rsa.crt')) });
    expect(body).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test.each([
    ['nothing.crt', 'rsa.key'],
    ['rsa.crt', 'nothing.key'],
    ['rsa.crt', 'ec.key'],
    ['rsa.key', 'rsa.key'],
  ])(
    // biome-ignore format: one line
    'with %s and %s ends with status 1 and why',
    (certificate, key) => {
      const args = ['netexec', '--http-port=28420', '--udp-port=-1', `--tls-cert-file=${file(certificate)}`, `--tls-private-key-file=${file(key)}`]; // biome-ignore format: one line
      const { status, stderr } = spawnSync(ours, args, { encoding: 'utf8', timeout: 20_000 });
      expect([status, stderr]).toEqual([
        1,
        expect.stringMatching(/open .*nothing.*: no such file or directory|tls: /),
      ]);
    },
  );

  test('outlives clients that say nothing, garbage, or go', async () => {
    const { pid } = children[0]!;
    const held = () => readdirSync(`/proc/${pid}/fd`).length;
    await ask(28_400, '/healthz');
    const before = held();
    const sockets = Array.from({ length: 100 }, () => connect(28_400, '127.0.0.1'));
    for (const [i, socket] of sockets.entries()) {
      socket.on('error', () => {});
      await once(socket, 'connect');
      if (i % 2) socket.write(Buffer.alloc(300, i));
    }
    const open = connectTls({ port: 28_400, host: '127.0.0.1', rejectUnauthorized: false });
    await once(open, 'secureConnect');
    open.write('POST /upload HTTP/1.1\r\ncontent-length: 100000\r\n\r\nhalf');
    expect((await ask(28_400, '/echo?msg=still')).body).toBe('still');
    for (const socket of sockets) socket.destroy();
    open.destroy();
    await until('all is closed', () => held() <= before);
  });
});

describe('porter', () => {
  test('has a certificate of its own, or the one that it is given', async () => {
    const given = { CERT_FILE: file('ec.crt'), KEY_FILE: file('ec.key'), SERVE_TLS_PORT_28431: 'given' };
    await start(ours, 28_430, ['porter'], { SERVE_TLS_PORT_28430: 'built in' });
    await start(ours, 28_431, ['porter', '--json-response'], given);
    expect((await ask(28_430, '/')).body).toBe('built in');
    expect((await ask(28_431, '/', { ca: readFileSync(file('ec.crt')) })).body).toBe(
      '{"Method":"GET","Body":"given"}',
    );
  });
});
