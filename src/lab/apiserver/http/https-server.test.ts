import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientCases } from '../../../kube/client/client.cases.ts';
import { createHttpClient, type HttpClient } from '../../../kube/client/http-client.ts';
import { parseKubeconfig } from '../../../kube/client/kubeconfig.ts';
import { resources } from '../../../kube/resources.ts';
import { nodePorts } from '../../../net/ports.ts';
import { type ApiServer, createApiServer } from '../api-server.ts';
import type { JsonObject } from '../json.ts';
import { text as field, message } from '../openapi/protobuf.ts';
import { kubeconfig } from '../pki/kubeconfig.ts';
import { apiServerNames, type CertificateAuthority, createCertificateAuthority } from '../pki/pki.ts';
import type { Listener } from './https-server.ts';

let ca: CertificateAuthority;
const servers: ApiServer[] = [];

async function start(): Promise<{ server: ApiServer; listener: Listener }> {
  const server = createApiServer({ serviceCidrs: ['10.96.0.0/16'], nodePortRange: nodePorts });
  servers.push(server);
  const { certificate, key } = ca.serverCertificate(apiServerNames('cluster.local'));
  const at = { host: '127.0.0.1', port: 0 };
  return { server, listener: await server.listen({ certificate, key, clientCa: ca.certificate, at }) };
}

async function connect({ port }: Listener): Promise<HttpClient> {
  const client = ca.clientCertificate('admin', ['system:masters']);
  const text = kubeconfig({ name: 'lab', server: `https://127.0.0.1:${port}`, ca: ca.certificate, client });
  return createHttpClient(await parseKubeconfig(text));
}

function statusWithoutCertificate(port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, ca: ca.certificate, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

/** A body as it is, to the ConfigMaps unless told otherwise; the answer's JSON. */
function post(
  port: number,
  type: string,
  body: string | Buffer,
  path = '/api/v1/namespaces/default/configmaps',
  headers: Record<string, string> = {},
): Promise<JsonObject> {
  const { certificate: cert, key } = ca.clientCertificate('admin', ['system:masters']);
  const options = { host: '127.0.0.1', port, path, method: 'POST', ca: ca.certificate, cert, key };
  return new Promise((resolve, reject) => {
    request({ ...options, agent: false, headers: { 'content-type': type, ...headers } }, async (answer) => {
      resolve(JSON.parse(Buffer.concat(await answer.toArray()).toString()));
    })
      .on('error', reject)
      .end(body);
  });
}

beforeAll(() => {
  ca = createCertificateAuthority();
});
afterAll(async () => {
  for (const server of servers) await server.stop();
});

describe('the API over HTTPS', () => {
  clientCases(async () => connect((await start()).listener));

  test.each([
    ['pods/nobody/exec?stdout=true', 404, 'pods "nobody" not found'],
    ['pods', 200, undefined],
  ])('%s, with an upgrade that is not to be had, is answered by %i', async (what, status, message) => {
    const { listener } = await start();
    const { certificate: cert, key } = ca.clientCertificate('admin', ['system:masters']);
    const asked = request({
      host: '127.0.0.1',
      port: listener.port,
      path: `/api/v1/namespaces/default/${what}`,
      ca: ca.certificate,
      cert,
      key,
      agent: false,
      headers: { connection: 'Upgrade', upgrade: 'websocket' },
    }).end();
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(status);
    expect(JSON.parse(await text(answer)).message).toBe(message);
  });

  test('who has no certificate opens no stream', async () => {
    const { listener } = await start();
    const headers = { connection: 'Upgrade', upgrade: 'websocket' };
    const path = '/api/v1/namespaces/default/pods/x/exec';
    const asked = request({ host: '127.0.0.1', port: listener.port, path, ca: ca.certificate, agent: false, headers }).end(); // biome-ignore format: one line
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    expect(answer.resume().statusCode).toBe(401);
  });

  test('a protobuf body is read as a JSON one', async () => {
    const { listener } = await start();
    const data = message(2, field(1, 'a'), field(2, 'b'));
    const object = message(2, message(1, field(1, 'x')), data);
    const body = Buffer.concat([
      Buffer.from('k8s\0'),
      message(1, field(1, 'v1'), field(2, 'ConfigMap')),
      object,
    ]);
    const answer = await post(listener.port, 'application/vnd.kubernetes.protobuf', body);
    expect(answer).toMatchObject({ kind: 'ConfigMap', metadata: { name: 'x' }, data: { a: 'b' } });
  });

  test('a body that is no protobuf is refused', async () => {
    const { listener } = await start();
    const answer = await post(listener.port, 'application/vnd.kubernetes.protobuf', '{"kind":"ConfigMap"}');
    expect(answer).toMatchObject({
      code: 400,
      message: expect.stringContaining('expected prefix [107 56 115 0]'),
    });
  });

  test.each([
    ['application/json', '{"metadata":{"name":"x"},"data":{"a":"1","a":"2"}}', 'duplicate field "data.a"'],
    ['application/yaml', 'metadata: {name: x}\ndata:\n  a: "1"\n  a: "2"\n', 'key "a" already set in map'],
  ])('%s with a field twice: the last counts, and Strict refuses it', async (type, body, complaint) => {
    const { listener } = await start();
    const path = '/api/v1/namespaces/default/configmaps';
    const refused = await post(listener.port, type, body, `${path}?fieldValidation=Strict`);
    expect(refused).toMatchObject({ code: 400, message: expect.stringContaining(complaint) });
    expect((await post(listener.port, type, body)).data).toEqual({ a: '2' });
  });

  test('a YAML body is read as a JSON one', async () => {
    const { listener } = await start();
    const answer = await post(listener.port, 'application/yaml', 'metadata: {name: x}\ndata: {a: b}\n');
    expect(answer).toMatchObject({ kind: 'ConfigMap', data: { a: 'b' } });
  });

  const json = 'application/json';
  const path = '/api/v1/namespaces/default/configmaps';
  test.each<[string, string | Buffer, Record<string, string>, object]>([
    [
      'packs far more than a body may have',
      gzipSync(Buffer.alloc(64 << 20)),
      { 'content-encoding': 'gzip' },
      { code: 413 },
    ],
    ['is not packed as it says', 'plain', { 'content-encoding': 'gzip' }, { code: 400 }],
    ['is nested deeper than can be written', `${'['.repeat(5000)}${']'.repeat(5000)}`, {}, { code: 400 }],
    ['sets a prototype', '{"metadata":{"name":"p"},"data":{"__proto__":"x"}}', {}, { code: 400 }],
    [
      'has names that every object has',
      '{"metadata":{"name":"q"},"constructor":1,"data":{"toString":"x"}}',
      {},
      { data: { toString: 'x' } },
    ],
    ['has a name beyond Latin', '{"metadata":{"name":"w"},"中\\n":1}', {}, { kind: 'ConfigMap' }],
  ])('a body that %s', async (_, body, headers, expected) => {
    const { listener } = await start();
    expect(await post(listener.port, json, body, path, headers)).toMatchObject(expected);
    // The server goes on, and nothing that it stored is in the way.
    expect(await post(listener.port, json, '{"metadata":{"name":"ok"}}', path)).toMatchObject({
      kind: 'ConfigMap',
    });
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'json'])(
    'a body of type %s is refused, to be written and to patch',
    async (type) => {
      const { listener } = await start();
      expect(await post(listener.port, type, '{"metadata":{"name":"x"}}')).toMatchObject({
        code: 415,
        message:
          'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
      });
    },
  );

  test.each(['//', 'http://server:99999/', '//[x'])('%s is no path', async (target) => {
    const { listener } = await start();
    expect(await statusWithoutCertificate(listener.port, target)).toBe(400);
  });

  const head = 'POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: x\r\n';
  test.each([
    ['says so', `${head}Content-Length: 3145729\r\n\r\n`],
    ['turns out so', `${head}Transfer-Encoding: chunked\r\n\r\n300001\r\n${' '.repeat(0x300001)}\r\n`],
  ])(
    'a body that is too large and %s is answered without the rest, and the connection ends',
    async (_, bytes) => {
      const { listener } = await start();
      const { certificate: cert, key } = ca.clientCertificate('admin', ['system:masters']);
      const socket = connectTls({ host: '127.0.0.1', port: listener.port, ca: ca.certificate, cert, key });
      socket.write(bytes);
      const answer = await text(socket);
      expect(answer).toMatch(/^HTTP\/1.1 413 /);
      expect(answer).toMatch(/^connection: close\r$/im);
      expect(answer).toContain('RequestEntityTooLarge');
    },
  );

  test('whoever still sends a body that is too large is told so', async () => {
    const { listener } = await start();
    for (let i = 0; i < 5; i++)
      expect(await post(listener.port, json, Buffer.alloc(12 << 20, ' '))).toMatchObject({ code: 413 });
  });

  test('the client’s certificate says who asks', async () => {
    const { listener } = await start();
    const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
    const { status } = await post(listener.port, 'application/json', '{}', path);
    expect(status.userInfo).toEqual({
      username: 'admin',
      groups: ['system:masters', 'system:authenticated'],
    });
  });

  test.each([
    ['/healthz', 200],
    ['/version', 200],
    ['/api/v1/pods', 401],
  ])('without a client certificate %s is %i', async (path, status) => {
    const { listener } = await start();
    expect(await statusWithoutCertificate(listener.port, path)).toBe(status);
  });

  test('a taken port is said so', async () => {
    const { server, listener } = await start();
    const { certificate, key } = ca.serverCertificate(['127.0.0.1']);
    const at = { host: '127.0.0.1', port: listener.port };
    const again = server.listen({ certificate, key, clientCa: ca.certificate, at });
    await expect(again).rejects.toThrow(`cannot listen on 127.0.0.1 port ${listener.port}`);
  });

  test('a list of megabytes arrives whole, also beside a reader that has stopped and one that has gone', async () => {
    const { listener } = await start();
    const client = await connect(listener);
    const text = 'ä'.repeat(100_000);
    for (let i = 0; i < 20; i++)
      await client.create(resources.configMaps, {
        metadata: { name: `n${i}`, namespace: 'default' },
        data: { text },
      });
    const { certificate: cert, key } = ca.clientCertificate('admin', ['system:masters']);
    const path = '/api/v1/configmaps';
    const tls = { ca: ca.certificate, cert, key, agent: false as const };
    const open = async () => {
      const asked = request({ host: '127.0.0.1', port: listener.port, path, ...tls });
      const [answer] = (await once(asked.end(), 'response')) as [IncomingMessage];
      return answer;
    };
    const stopped = await open();
    (await open()).destroy();
    const { items } = await client.list(resources.configMaps, { namespace: 'default' });
    const sent = items.filter((item) => (item as JsonObject).data.text === text);
    expect(sent).toHaveLength(20);
    expect(JSON.parse(Buffer.concat(await stopped.toArray()).toString()).items.length).toBeGreaterThanOrEqual(
      20,
    );
  });

  test('logs come from the hook', async () => {
    const { server, listener } = await start();
    server.setPodLogs((namespace, name, { container, tailLines }) =>
      Readable.from([`${namespace}/${name}/${container} ${tailLines}`]),
    );
    const client = await connect(listener);
    await client.create(resources.pods, {
      metadata: { name: 'x', namespace: 'default' },
      spec: { nodeName: 'node-1', containers: [{ name: 'c', image: 'nginx' }] },
    });
    const client2 = ca.clientCertificate('admin');
    const text = await new Promise<string>((resolve, reject) => {
      const path = '/api/v1/namespaces/default/pods/x/log?tailLines=5';
      const tls = { ca: ca.certificate, cert: client2.certificate, key: client2.key, agent: false as const };
      request({ host: '127.0.0.1', port: listener.port, path, ...tls }, async (answer) => {
        resolve(Buffer.concat(await answer.toArray()).toString());
      })
        .on('error', reject)
        .end();
    });
    expect(text).toBe('default/x/c 5');
  });
});
