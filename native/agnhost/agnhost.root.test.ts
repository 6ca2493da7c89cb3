/** The lab's agnhost beside the original: the same requests and command lines, the same answers and exit statuses. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { originalAgnhost } from '../../tests/e2e/support/go-programs.ts';
import { until } from '../../tests/e2e/support/until.ts';

const ours = resolve('dist/native/agnhost');
const original = originalAgnhost();
const children: ChildProcess[] = [];

interface Server {
  child: ChildProcess;
  http: number;
  udp: number;
}

async function accepts(port: number): Promise<boolean> {
  const probe = connect(port, '127.0.0.1');
  const open = await once(probe, 'connect').then(
    () => true,
    () => false,
  );
  probe.destroy();
  return open;
}

async function start(program: string, http: number, ...args: string[]): Promise<Server> {
  const child = spawn(program, args, { stdio: 'ignore', env: { ...process.env, SERVE_PORT_28294: 'a<b' } });
  children.push(child);
  await until(`${program} ${args.join(' ')} listens`, () => accepts(http));
  return { child, http, udp: http + 1 };
}

const startNetexec = (program: string, http: number, ...more: string[]) =>
  start(program, http, 'netexec', `--http-port=${http}`, `--udp-port=${http + 1}`, ...more);

let mine: Server;
let theirs: Server;
beforeAll(async () => {
  mine = await startNetexec(ours, 28_200);
  if (original) theirs = await startNetexec(original, 28_210);
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

/** What differs by nature: ports of the servers and of their clients. */
const plain = (text: string) =>
  text.replaceAll(/282[01](\d)/g, '282x$1').replaceAll(/(127\.0\.0\.1|\[::1\]):\d{5}\b/g, '$1:PORT');

async function ask(server: Server, path: string, init: RequestInit = {}, host = '127.0.0.1') {
  const url = `http://${host}:${server.http}${path.replaceAll('HTTP', String(server.http)).replaceAll('UDP', String(server.udp))}`;
  const response = await fetch(url, { redirect: 'manual', ...init }).catch(() => undefined);
  if (response === undefined) return 'no answer';
  const { status, headers } = response;
  return {
    status,
    body: plain(await response.text()),
    type: headers.get('content-type'),
    location: headers.get('location'),
  };
}

async function datagram(server: Server, text: string) {
  const socket = createSocket('udp4');
  socket.send(text, server.udp, '127.0.0.1');
  const [answer] = await once(socket, 'message');
  socket.close();
  return plain(String(answer));
}

function run(program: string, args: string[]) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 20_000 });
  return {
    status,
    stdout: stdout.replaceAll(program, 'agnhost'),
    stderr: plain(stderr.split('\n\ngoroutine ')[0]!.trim()),
  };
}

const form = { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' } };
const paths: [string, RequestInit?][] = [
  ['/clientip'],
  ['/serverport'],
  ['/hostname'],
  ['/hostName'],
  ['/healthz'],
  ['/readyz'],
  ['/header?key=X-Try', { headers: { 'x-try': 'a b' } }],
  ['/header?key=host'],
  ['/header', { headers: { 'x-try': 'ä<&>"', 'x-a': '1' } }],
  ['/echo?msg=a%20b+c'],
  ['/echo?msg=a&msg=b'],
  ['/echo?msg=%zz&code=404'],
  ['/echo?msg=teapot&code=418'],
  ['/echo?code=x'],
  ['/echo?code=99'],
  ['/echo?code=204'],
  ['/echo?a;msg=b'],
  ['/echo', { ...form, body: 'msg=posted&code=201' }],
  ['/echo?msg=query', { ...form, body: 'msg=body' }],
  ['/echo?msg=h', { method: 'HEAD' }],
  ['/redirect?location=/echo%3Fmsg=foobar&code=307'],
  ['/redirect?location=http://a.example/%3Fb'],
  ['/redirect?location=x/../y/'],
  ['/redirect'],
  ['/redirect?location=/a&code=x'],
  ['/redirect?location=/a%22%3Cb', { method: 'POST' }],
  ['/shell?cmd=echo%20hi'],
  ['/shell?shellCommand=echo%20out;echo%20err%20%3E%262;exit%203'],
  ['/shell?cmd=kill%20-9%20%24%24'],
  ['/shell?cmd=printf%20%27%5C377%3C%5Ct%27'],
  ['/shell'],
  ['/dial?host=127.0.0.1&port=HTTP&request=hostName'],
  ['/dial?host=::1&port=HTTP&request=echo?msg=x&protocol=http&tries=3'],
  ['/dial?host=::1&port=UDP&request=echo%20Hello&protocol=udp&tries=2'],
  ['/dial?host=127.0.0.1&port=1&request=hostName'],
  ['/dial?host=127.0.0.1&port=1&request=hostName&protocol=udp'],
  ['/dial?host=127.0.0.1&port=HTTP'],
  ['/dial?host=127.0.0.1&port=HTTP&request=a&protocol=x'],
  ['/dial?host=127.0.0.1&port=HTTP&request=a&tries=x'],
  ['/dial?host=127.0.0.1&port=HTTP&request=a&tries=0'],
  ['/dial?host=127.0.0.1&port=99999&request=a'],
  ['/exit?code=x'],
  ['/exit?timeout=x'],
  ['/upload', { method: 'POST' }],
];

describe.skipIf(original === undefined)('as the original', () => {
  test.each(paths)('%s %j', async (path, init) => {
    expect(await ask(mine, path, init)).toEqual(await ask(theirs, path, init));
  });

  test.each(['hostname', ' HostName\n', 'echo Some Text', 'clientip', 'ServerPort'])(
    'udp %j',
    async (text) => {
      expect(await datagram(mine, text)).toBe(await datagram(theirs, text));
    },
  );

  test.each([
    ['connect', '127.0.0.1:28200'],
    ['connect', 'localhost:28200', '--timeout=2s'],
    ['connect', '127.0.0.1:1'],
    ['connect', '[::1]:1', '--timeout', '2s'],
    ['connect', '[::1]:28201', '--protocol=udp', '--timeout=2s'],
    ['connect', '127.0.0.1:1', '--protocol', 'udp'],
    ['connect', '--protocol=udp', '--udp-data=silence', '--timeout=100ms', '127.0.0.1:28201'],
    ['connect', 'nowhere'],
    ['connect', '::1:80'],
    ['connect', '255.255.255.255:80', '--timeout=1s'],
    ['connect', '127.0.0.1:80', '--protocol=icmp'],
    ['dns-suffix'],
    ['dns-server-list'],
    ['etc-hosts'],
    ['entrypoint-tester', 'a', 'b c'],
  ])('%s %s %s %s', (...args) => {
    expect(run(ours, args)).toEqual(run(original!, args));
  });

  test.each([
    [['connect']],
    [['connect', '--nothing', 'a:1']],
    [['connect', 'a:1', '--timeout=x']],
    [['nothing']],
  ])('a wrong command line %j has the same exit status', (args) => {
    expect(run(ours, args).status).toBe(run(original!, args).status);
    expect(run(ours, args).stderr).toMatch(/^Error: /);
  });

  test('connect to a name that does not resolve', () => {
    for (const program of [ours, original!])
      expect(run(program, ['connect', 'a.invalid:80'])).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/^DNS: /),
      });
  });

  test('pause tells of its signal', async () => {
    const ends = [ours, original!].map(async (program) => {
      const child = spawn(program, ['pause'], { stdio: ['ignore', 'pipe', 'ignore'] });
      const chunks: string[] = [];
      child.stdout.on('data', (chunk) => chunks.push(String(chunk)));
      await until('pause waits', () => chunks.join('').includes('registered'));
      child.kill('SIGTERM');
      return [...(await once(child, 'close')), chunks.join('')];
    });
    expect(await ends[0]).toEqual(await ends[1]);
  });
});

test('a command that the lab lacks names those there are', () => {
  expect(run(ours, ['inclusterclient'])).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/"inclusterclient".*the lab does not have it[\s\S]*netexec/),
  });
});

test('a command lists its flags', () => {
  expect(run(ours, ['netexec', '--help'])).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('--udp-listen-addresses string'),
  });
});

describe('the servers', () => {
  test('--http-override answers every path with one', async () => {
    const server = await startNetexec(ours, 28_220, '--http-override=/echo?msg=over&code=503');
    expect(await ask(server, '/hostname', { method: 'POST' })).toMatchObject({ status: 503, body: 'over' });
  });

  test('/healthz is 412 without a UDP server; SIGTERM ends with 0', async () => {
    const server = await start(ours, 28_230, 'netexec', '--http-port=28230', '--udp-port=-1');
    expect(await ask(server, '/healthz')).toMatchObject({ status: 412 });
    server.child.kill('SIGTERM');
    expect(await once(server.child, 'exit')).toEqual([0, null]);
  });

  test('--delay-shutdown goes on serving, and /readyz says so', async () => {
    const server = await startNetexec(ours, 28_240, '--delay-shutdown=60');
    server.child.kill('SIGTERM');
    await until('not ready', async () => JSON.stringify(await ask(server, '/readyz')).includes('503'));
    expect(await ask(server, '/healthz')).toMatchObject({ status: 200 });
  });

  test.each(['/exit?code=7', '/exit?code=7&timeout=5s&wait=1ms'])('%s', async (path) => {
    const server = await startNetexec(ours, 28_250);
    const exit = once(server.child, 'exit');
    await ask(server, path);
    expect(await exit).toEqual([7, null]);
  });

  test('porter and serve-hostname', async () => {
    await start(ours, 28_294, 'porter', '--json-response');
    expect(await (await fetch('http://[::1]:28294/')).text()).toBe('{"Method":"GET","Body":"a\\u003cb"}');
    await start(ours, 28_296, 'serve-hostname', '--port=28296', '--close');
    expect((await fetch('http://127.0.0.1:28296/')).headers.get('connection')).toBe('close');
  });
});

describe('hostile clients', () => {
  async function send(bytes: Uint8Array | string): Promise<void> {
    const socket = connect(mine.http, '127.0.0.1');
    socket.on('error', () => {});
    socket.on('data', () => {});
    socket.end(bytes);
    await once(socket, 'close');
  }

  const alive = async () => expect(await ask(mine, '/healthz')).toMatchObject({ status: 200 });

  test('garbage', async () => {
    const head = fc.constantFrom(
      '',
      'GET /',
      'POST /upload HTTP/1.1\r\ncontent-length: 9\r\n\r\n',
      'GET /dial?',
    );
    await fc.assert(
      fc.asyncProperty(head, fc.uint8Array({ maxLength: 2000 }), (start, rest) =>
        send(Buffer.concat([Buffer.from(start), rest])),
      ),
      { numRuns: 200 },
    );
    await alive();
  });

  test('a body larger than what is kept', async () => {
    const body = 'x'.repeat(40 << 20);
    expect(await ask(mine, '/upload', { method: 'POST', body })).toMatchObject({ status: 200 });
    await alive();
  });

  test('many that send nothing', async () => {
    const sockets = Array.from({ length: 500 }, () => connect(mine.http, '127.0.0.1'));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    await alive();
    for (const socket of sockets) socket.destroy();
  });
});
