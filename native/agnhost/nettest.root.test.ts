/** nettest beside the original, both members of one Service that an API server made for the test tells of. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { originalAgnhost } from '../../tests/e2e/support/go-programs.ts';
import { until } from '../../tests/e2e/support/until.ts';

const ours = resolve('dist/native/agnhost');
const original = originalAgnhost();
const children: ChildProcess[] = [];
const account = '/var/run/secrets/kubernetes.io/serviceaccount';
const apiPort = 28_500;
const asked: { url: string; authorization: string | undefined }[] = [];
let directory: string;
let api: Server;

const version = {
  major: '1',
  minor: '36',
  emulationMajor: '1',
  gitVersion: 'v1.36.3',
  platform: 'linux/amd64',
};
const ports = [{ port: 28_510 }, { port: 28_520 }];
const objects: Record<string, unknown> = {
  '/version': version,
  '/api/v1/namespaces/ours/endpoints/two': {
    kind: 'Endpoints',
    apiVersion: 'v1',
    metadata: { name: 'two', namespace: 'ours' },
    subsets: [
      { addresses: [{ ip: '127.0.0.1' }], ports, notReadyAddresses: [{ ip: '127.0.0.9' }] },
      { addresses: [{ ip: '::1' }], ports: [{ port: 28_510 }] },
    ],
  },
};

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-nettest-'));
  const request = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-subj',
    '/CN=api',
    '-keyout',
  ];
  for (const [name, names] of [['ca', 'IP:127.0.0.1,DNS:localhost'], ['other', 'IP:127.0.0.2']] as const)
    execFileSync('openssl', [...request, join(directory, `${name}.key`), '-out', join(directory, `${name}.crt`), '-addext', `subjectAltName=${names}`], { stdio: 'ignore' }); // biome-ignore format: one line
  writeFileSync(join(directory, 'token'), 'secret');
  api = await serveApi('ca', apiPort);
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  api?.close();
  api?.closeAllConnections();
  rmSync(directory, { recursive: true, force: true });
});

async function serveApi(certificate: string, port: number): Promise<Server> {
  const [cert, key] = ['crt', 'key'].map((end) => readFileSync(join(directory, `${certificate}.${end}`)));
  const server = createServer({ cert: cert!, key: key! }, ({ url, headers }, response) => {
    asked.push({ url: url!, authorization: headers.authorization });
    const object = objects[url!];
    const status = {
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      message: 'no such thing',
      code: 404,
    };
    response.writeHead(object ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(object ?? status));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

interface Pod {
  hostname?: string;
  env?: Record<string, string>;
  /** The file of `directory` that is the pod's ca.crt. */
  authority?: string;
}

/** A program in a mount and a host name of its own, with the ServiceAccount's files at their place. */
function startPod(
  program: string,
  args: string[],
  { hostname = 'pod', env = {}, authority = 'ca.crt' }: Pod = {},
) {
  const script = `mount -t tmpfs tmpfs /run && mkdir -p ${account} && cp ${directory}/token ${account}/token &&
    cp ${directory}/${authority} ${account}/ca.crt; hostname ${hostname} && exec "$@"`;
  const child = spawn('unshare', ['-mu', 'sh', '-c', script, 'sh', program, 'nettest', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(apiPort), ...env },
  });
  children.push(child);
  return child;
}

/** The first line, without the time: the original's logger writes a line of its process before it. */
const message = (said: string) =>
  said.split('\n')[0]!.replace(/^(\S+ \S+ +\d+ log\.go:\d+\] |\d+\/\S+ \S+ )/, '');

async function ending(...args: Parameters<typeof startPod>) {
  const child = startPod(...args);
  const [said, [status]] = await Promise.all([text(child.stderr!), once(child, 'exit')]);
  return { status, said: message(said) };
}

async function ask(port: number, path: string, body?: string) {
  const init = body === undefined ? {} : { method: 'POST', body };
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
  return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
}

const members = (program: string, hostname: string, port: number, peers: number) =>
  startPod(program, [`--port=${port}`, '--namespace=ours', '--service=two', `--peers=${peers}`], {
    hostname,
  });

/** A member that waits for peers that never come: what it knows is what it is told. */
async function waiting(program: string, port: number) {
  const child = startPod(program, [`--port=${port}`, '--namespace=ours', '--service=two', '--peers=9']);
  await until(`${program} serves and waits`, async () => {
    const { body } = await ask(port, '/read').catch(() => ({ body: '' }));
    return body.includes('less than 9');
  });
  return child;
}

/* What nettest knows, but for how often it has looked for its peers. */
const known = (read: string) =>
  read.replace(/"Log": \[\n\t\t("[^\n]*"),?\n(\t\t"[^\n]*\n)*\t\]/, '"Log": [$1]');

describe.skipIf(original === undefined)('as the original', () => {
  test('ours and theirs find each other, and both pass', async () => {
    members(ours, 'first', 28_510, 2);
    members(original!, 'second', 28_520, 2);
    for (const port of [28_510, 28_520])
      await until(`${port} passes`, async () => {
        const { body } = await ask(port, '/status').catch(() => ({ body: '' }));
        return body === 'pass';
      });
    const read = async (port: number) => JSON.parse((await ask(port, '/read')).body);
    const [mine, theirs] = [await read(28_510), await read(28_520)];
    for (const state of [mine, theirs])
      expect(state).toMatchObject({ Errors: null, StillContactingPeers: true, Sent: { first: expect.any(Number), second: expect.any(Number) } }); // biome-ignore format: one line
    expect(Object.keys(mine)).toEqual(Object.keys(theirs));
    const urls = ['http://127.0.0.1:28510', 'http://127.0.0.1:28520', 'http://[::1]:28510'];
    const contacts = (log: string[]) => new Set(log.filter((line) => line.startsWith('Attempting')));
    const all = new Set(urls.map((url) => `Attempting to contact ${url}`));
    for (const port of [28_510, 28_520])
      await until(`${port} has tried all`, async () => contacts((await read(port)).Log).size === all.size);
    for (const port of [28_510, 28_520]) expect(contacts((await read(port)).Log)).toEqual(all);
    expect(asked.every(({ authorization }) => authorization === 'Bearer secret')).toBe(true);
  });

  test('what is posted to /write', async () => {
    const bodies = [
      ['{"Source":"b","Dest":"x"}', '{"source":"B","SOURCE":null}', ' {"Source":"a<\\u00e9\\ud83d\\ude00\\ud800\\n\\"\\/"} trailing', '{"Source":"a\\u0000z"}', '{"Source":"b"}'],
      ['', ' ', '{', '{"Source"', '{"Source":1,"Dest":[]}', '{"Source":"c","Dest":{}}', '[]', '"text"', '12', 'null', '{"Source":tru}'],
      ['{"a":[1,-2.5e+3,true,false,null,{"b":{}},[]],"Source":"deep"}', '{a}', '{"a" 1}', '{"a":1,}', '[1 2]', '01', '-x', '1.x', '1ex', '"\\x"', '"\\u12g4"'],
      ['"a\nb"', "'", '\\', '\u007f', 'é', '{"Source":"d"', '{"Source":{}}', '{"a":{"Source":"inner"}}', '['.repeat(10_001)],
    ].flat(); // biome-ignore format: bodies by kind
    const pods = await Promise.all([waiting(ours, 28_530), waiting(original!, 28_540)]);
    for (const body of bodies)
      expect(await ask(28_530, '/write', body), body.slice(0, 40)).toEqual(await ask(28_540, '/write', body));
    for (const path of ['/status', '/nothing'])
      expect(await ask(28_530, path)).toEqual(await ask(28_540, path));
    const [mine, theirs] = [await ask(28_530, '/read'), await ask(28_540, '/read')];
    expect({ ...mine, body: known(mine.body) }).toEqual({ ...theirs, body: known(theirs.body) });
    for (const [i, port] of [28_530, 28_540].entries()) {
      const exit = once(pods[i]!, 'exit');
      await expect(ask(port, '/quit')).rejects.toThrow();
      expect(await exit).toEqual([0, null]);
    }
  });

  test.each<[string, string[], Pod?]>([
    ['without a Service', ['--service=']],
    ['in no cluster', ['--port=28550'], { env: { KUBERNETES_SERVICE_HOST: '' } }],
    ['with an argument', ['x']],
    ['with a flag that there is not', ['--nothing']],
  ])('%s', async (_, args, pod) => {
    const [mine, theirs] = await Promise.all([ending(ours, args, pod), ending(original!, args, pod)]);
    expect(mine).toEqual(theirs);
  });

  test('what it says of the server', async () => {
    const first = async (program: string, port: number) => {
      const child = startPod(program, [`--port=${port}`, '--peers=1']);
      let said = '';
      child.stderr!.on('data', (chunk) => (said += chunk));
      await until('it has said it', () => said.includes('\n'));
      return message(said);
    };
    const [mine, theirs] = await Promise.all([first(ours, 28_560), first(original!, 28_570)]);
    expect(mine).toBe(theirs);
    expect(mine).toContain('GitVersion:"v1.36.3"');
  });
});

describe('the API server', () => {
  /** What nettest says of a server that it does not trust. */
  async function complaint(pod: Pod) {
    const child = startPod(ours, ['--port=28580', '--peers=1'], pod);
    const exit = once(child, 'exit');
    let said = '';
    child.stderr!.on('data', (chunk) => (said += chunk));
    await until('it complains', () => said.includes('retrying'));
    child.kill('SIGKILL');
    await exit;
    return said;
  }

  test('is asked by its name too', async () => {
    const child = startPod(ours, ['--port=28580', '--peers=1'], {
      env: { KUBERNETES_SERVICE_HOST: 'localhost' },
    });
    const [line] = await once(child.stderr!, 'data');
    expect(String(line)).toContain('Server version');
    child.kill('SIGKILL');
  });

  test.each<[string, Pod, string]>([
    ['of another authority', { authority: 'other.crt' }, 'x509: certificate signed by unknown authority'],
    [
      'for another address',
      { env: { KUBERNETES_SERVICE_HOST: '127.0.0.2' } },
      'certificate is not valid for 127.0.0.2',
    ],
    ['without any authority', { authority: 'token' }, 'x509: certificate signed by unknown authority'],
    [
      'that is not there',
      { env: { KUBERNETES_SERVICE_PORT: '1' } },
      'Get "https://127.0.0.1:1/version": dial tcp 127.0.0.1:1: connect: connection refused',
    ],
  ])('%s', async (_, pod, why) => {
    // biome-ignore format: a table
    const second = await serveSecond();
    expect(await complaint(pod)).toContain(why);
    second.close();
    second.closeAllConnections();
  });

  /** The same certificate, at an address that it does not name. */
  async function serveSecond(): Promise<Server> {
    const [cert, key] = ['crt', 'key'].map((end) => readFileSync(join(directory, `ca.${end}`)));
    const server = createServer({ cert: cert!, key: key! }).listen(apiPort, '127.0.0.2');
    await once(server, 'listening');
    return server;
  }
});

test('SIGTERM ends it with 0 only after --delay-shutdown', async () => {
  const child = startPod(ours, ['--port=28590', '--service=two', '--namespace=ours', '--delay-shutdown=1']);
  await until('it serves', async () => (await ask(28_590, '/status').catch(() => undefined)) !== undefined);
  const said = text(child.stderr!);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(await said).toContain('Sleeping 1 seconds before exit ...');
});
