/** A kubeconfig whose user authenticates by a program: a real one, and a server that says whom it believes. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadKubeconfig } from '../../kube/client/kubeconfig.ts';
import { createTransport, type Transport } from '../../kube/client/transport.ts';
import { FakeClock } from '../../util/clock.ts';
import { pluginRunner } from './plugin-runner.ts';

let directory: string;
let server: Server;
let believed: (headers: IncomingHttpHeaders) => boolean;
const transports: Transport[] = [];
let clock: FakeClock;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'plugin-'));
  clock = new FakeClock(Date.parse('2030-01-01T00:00:00Z'));
  believed = () => true;
  server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.writeHead(believed(request.headers) ? 200 : 401);
    response.end(JSON.stringify({ authorization: request.headers.authorization }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(() => {
  for (const transport of transports.splice(0)) transport.close();
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true });
});

/** Counts its runs in a file, and gives out a token with that number, until the year of that number. */
const script = `#!/bin/sh
echo run >>"$0.runs"
printf %s "$KUBERNETES_EXEC_INFO" >"$0.info"
n=$(wc -l <"$0.runs")
echo "{\\"kind\\":\\"ExecCredential\\",\\"apiVersion\\":\\"$API\\",\\"status\\":{
\\"token\\":\\"$1-$n\\",\\"expirationTimestamp\\":\\"203$n-01-01T00:00:00Z\\"}}"
`;

const runs = () => readFileSync(join(directory, 'plugin.runs'), 'utf8').split('\n').length - 1;

/** The kubeconfig names the program by a path that begins where it lies itself. */
async function transportOf(exec: Record<string, unknown> = {}, text = script): Promise<Transport> {
  writeFileSync(join(directory, 'plugin'), text);
  chmodSync(join(directory, 'plugin'), 0o755);
  const apiVersion = 'client.authentication.k8s.io/v1';
  const env = [{ name: 'API', value: apiVersion }];
  const user = {
    exec: { apiVersion, command: './plugin', args: ['t'], env, interactiveMode: 'Never', ...exec },
  };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const extensions = [{ name: 'client.authentication.k8s.io/exec', extension: { audience: 'x' } }];
  const config = {
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'robot' } }],
    clusters: [{ name: 'c', cluster: { server: url, 'certificate-authority-data': btoa('CA'), extensions } }],
    users: [{ name: 'robot', user }],
  };
  const file = join(directory, 'config');
  writeFileSync(file, JSON.stringify(config));
  const transport = createTransport(await loadKubeconfig(file, { plugins: pluginRunner }), { clock });
  transports.push(transport);
  return transport;
}

const ask = async (transport: Transport) =>
  ((await transport.send({ method: 'GET', path: '/version' })) as { authorization: string }).authorization;

test('its token is kept until it expires, also for many requests at once', async () => {
  const transport = await transportOf();
  expect(await Promise.all([1, 2, 3].map(() => ask(transport)))).toEqual(Array(3).fill('Bearer t-1'));
  await clock.advance(366 * 24 * 3_600_000);
  expect(await Promise.all([1, 2, 3].map(() => ask(transport)))).toEqual(Array(3).fill('Bearer t-2'));
  expect(runs()).toBe(2);
});

test('a token that is refused is replaced, and the request made again', async () => {
  const transport = await transportOf();
  expect(await ask(transport)).toBe('Bearer t-1');
  believed = ({ authorization }) => authorization !== 'Bearer t-1';
  expect(await ask(transport)).toBe('Bearer t-2');
  believed = () => false;
  await expect(ask(transport)).rejects.toMatchObject({ status: { code: 401 } });
  // Once more for the request, and not again and again.
  expect(runs()).toBe(3);
});

test('it is told of the cluster where it wants that', async () => {
  await ask(await transportOf({ provideClusterInfo: true }));
  const { port } = server.address() as AddressInfo;
  expect(JSON.parse(readFileSync(join(directory, 'plugin.info'), 'utf8'))).toEqual({
    kind: 'ExecCredential',
    apiVersion: 'client.authentication.k8s.io/v1',
    spec: {
      interactive: false,
      cluster: {
        server: `http://127.0.0.1:${port}`,
        'certificate-authority-data': btoa('CA'),
        config: { audience: 'x' },
      },
    },
  });
});

test('one that fails, and one that is not there, are told', async () => {
  const failing = await transportOf({}, '#!/bin/sh\nexit 3\n');
  await expect(ask(failing)).rejects.toMatchObject({
    code: 'TOOL_FAILED',
    message: expect.stringMatching(/user "robot" .* authenticates by the program \.\/plugin, which failed/),
    cause: { message: 'exit status 3' },
  });
  const missing = await transportOf({
    command: 'tendril-no-such-program',
    installHint: 'Get it\x1bthere.\n',
  });
  await expect(ask(missing)).rejects.toMatchObject({ code: 'TOOL_FAILED', remedy: 'Get it there.' });
});
