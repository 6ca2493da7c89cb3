/** Pods of the image that Kubernetes' network tests use, asked as those tests ask them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { must } from './support/tendril.ts';
import { bringUp, type TestCluster } from './support/test-cluster.ts';

const image = 'registry.k8s.io/e2e-test-images/agnhost:2.53';
const netexec = (name: string, node: string) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: {app: netexec}}
spec:
  nodeName: ${node}
  containers:
  - {name: agnhost, image: ${image}, args: [netexec, --http-port=8080, --udp-port=8081],
     readinessProbe: {httpGet: {path: /healthz, port: 8080}}}
---`;
const porter = `
apiVersion: v1
kind: Pod
metadata: {name: porter}
spec:
  nodeName: node-2
  containers:
  - {name: a, image: ${image}, args: [porter], env: [{name: SERVE_PORT_80, value: eighty}, {name: SERVE_UDP_PORT_80, value: datagram}]}
  - {name: b, image: ${image}, args: [porter, --json-response], env: [{name: SERVE_TCP_PORT_81, value: next}]}
  - {name: c, image: ${image}, args: [serve-hostname]}
---`;

let lab: TestCluster;
const ips: Record<string, string[]> = {};
const at = (ip: string, port: number) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);
const pods = ['first', 'second', 'porter'];

beforeAll(async () => {
  lab = await bringUp({ manifest: netexec('first', 'node-1') + netexec('second', 'node-2') + porter });
  for (const pod of pods) {
    const { status } = JSON.parse(await must(lab.tendril(['get', 'pod', pod, '-o', 'json'])));
    ips[pod] = status.podIPs.map(({ ip }: { ip: string }) => ip);
  }
});

afterAll(() => lab?.down());

const fetched = (url: string) => lab.exec(['first'], 'curl', '-s', '-m', '10', url);

/** What first says of dialling a pod's address. */
async function dial(to: { ip: string; port: number; protocol: string; request: string }) {
  const query = new URLSearchParams({ ...to, host: to.ip, port: String(to.port), tries: '2' });
  return JSON.parse(await fetched(`http://127.0.0.1:8080/dial?${query}`));
}

async function connect(...args: string[]) {
  const { code, stderr } = await lab.tendril(['exec', 'first', '--', '/agnhost', 'connect', ...args]);
  return { code, stderr };
}

describe.each([0, 1])('family %i', (family) => {
  test.each([
    ['http', 8080],
    ['udp', 8081],
  ])('a pod dials another node’s over %s', async (protocol, port) => {
    const ip = ips.second![family]!;
    expect(await dial({ ip, port, protocol, request: 'hostname' })).toEqual({
      responses: ['second', 'second'],
    });
    const { responses } = await dial({ ip, port, protocol, request: 'clientip' });
    expect(responses[0]).toContain(ips.first![family]);
  });

  test('connect says what came of it', async () => {
    const ip = ips.second![family]!;
    expect(await connect('--timeout=3s', at(ip, 8080))).toMatchObject({ code: 0 });
    expect(await connect('--timeout=3s', '--protocol=udp', at(ip, 8081))).toMatchObject({ code: 0 });
    const refused = { code: 1, stderr: expect.stringMatching(/^REFUSED/) };
    expect(await connect('--timeout=3s', at(ip, 9))).toMatchObject(refused);
    expect(await connect('--timeout=3s', '--protocol=udp', at(ip, 9))).toMatchObject(refused);
  });

  test('the ports of a pod with several containers', async () => {
    const ip = ips.porter![family]!;
    expect(await fetched(`http://${at(ip, 80)}/`)).toBe('eighty');
    expect(JSON.parse(await fetched(`http://${at(ip, 81)}/`))).toEqual({ Method: 'GET', Body: 'next' });
    expect(await fetched(`http://${at(ip, 9376)}/`)).toBe('porter');
    const { responses } = await dial({ ip, port: 80, protocol: 'udp', request: 'x' });
    expect(responses).toEqual(['datagram', 'datagram']);
  });
});

test('connect to a name that does not resolve', async () => {
  expect(await connect('--timeout=3s', 'nobody.default.svc.cluster.local:80')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^DNS: /),
  });
});

test('connect to a Service by its name', async () => {
  const service =
    'apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: netexec}, ports: [{port: 80, targetPort: 8080}]}\n';
  await must(lab.tendril(['apply', '-f', '-'], { stdin: service }));
  expect(await connect('--timeout=5s', 'web:80')).toMatchObject({ code: 0 });
});

test('/shell runs in the pod’s own container', async () => {
  const query = new URLSearchParams({ cmd: 'hostname; exit 3' });
  expect(JSON.parse(await fetched(`http://127.0.0.1:8080/shell?${query}`))).toEqual({
    error: 'exit status 3',
    output: 'first\n',
  });
});

test('/upload writes a file that the container can read', async () => {
  const script = 'echo content | curl -s -F file=@- http://127.0.0.1:8080/upload';
  const { output } = JSON.parse(await lab.exec(['first'], 'sh', '-c', script));
  expect(output).toMatch(/^\/uploads\/upload/);
  expect(await lab.exec(['first'], 'cat', output)).toBe('content\n');
});
