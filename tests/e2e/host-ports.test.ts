/** Host ports with real packets: who reaches them from where, whose address the pod sees, and what ends with the pod. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scratchFiles } from './support/scratch-files.ts';
import { must } from './support/tendril.ts';
import { bringUp, type TestCluster } from './support/test-cluster.ts';
import { until } from './support/until.ts';

const image = 'registry.k8s.io/e2e-test-images/agnhost:2.53';

/** Both of its protocols on one host port. */
const server = (name: string, hostPort: number, more = '') => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: {app: ${name}}}
spec:
  nodeName: node-1
  terminationGracePeriodSeconds: 0
  containers:
  - name: agnhost
    image: ${image}
    args: [netexec, --http-port=80, --udp-port=81]
    ports:
    - {containerPort: 80, hostPort: ${hostPort}${more}}
    - {containerPort: 81, hostPort: ${hostPort}, protocol: UDP${more}}
---`;

const client = (name: string, node: string) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  nodeName: ${node}
  containers: [{name: netshoot, image: nicolaka/netshoot, command: [sleep, infinity]}]
---`;

const nodePort = `
apiVersion: v1
kind: Service
metadata: {name: rival}
spec:
  type: NodePort
  ipFamilyPolicy: RequireDualStack
  selector: {app: web}
  ports: [{port: 80, nodePort: 30555}]
---`;

const manifest = [
  server('web', 8080),
  server('ipv4', 8081, ', hostIP: 0.0.0.0'),
  server('loopback', 8082, ', hostIP: 127.0.0.1'),
  server('rivalled', 30555),
  client('near', 'node-1'),
  client('far', 'node-2'),
].join('');

type Family = 4 | 6;
const families = [4, 6] as const;
const loopback = { 4: '127.0.0.1', 6: '::1' } as const;

let lab: TestCluster;
/** By name of a pod, or of a node as manifests have it. */
const ips: Record<string, Record<Family, string>> = {};

beforeAll(async () => {
  lab = await bringUp({ manifest, args: ['--nodes', '2'] });
  const of = (all: string[]) => ({
    4: all.find((ip) => !ip.includes(':'))!,
    6: all.find((ip) => ip.includes(':'))!,
  });
  const { items: pods } = await get('pods');
  for (const { metadata, status } of pods)
    ips[metadata.name] = of(status.podIPs.map(({ ip }: { ip: string }) => ip));
  const { items: nodes } = await get('nodes');
  for (const [i, name] of lab.nodes.entries()) {
    const { status } = nodes.find((node: { metadata: { name: string } }) => node.metadata.name === name);
    ips[`node-${i + 1}`] = of(status.addresses.map(({ address }: { address: string }) => address));
  }
});
afterAll(() => lab?.down());

const get = async (...what: string[]) => JSON.parse(await must(lab.tendril(['get', ...what, '-o', 'json'])));
const at = (ip: string, port: number) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);

/** Whose address the pod saw; `nothing` where there was no answer. */
async function ask(where: readonly string[], protocol: string, ip: string, port: number): Promise<string> {
  const http = ['curl', '-sf', '-m', '10', `http://${at(ip, port)}/clientip`];
  // It waits for answers after its input has ended: all questions are asked at once.
  const udp = ['sh', '-c', `echo clientip | socat -t 5 - UDP:${at(ip, port)}`];
  const { code, stdout } = await lab.tendril(['exec', ...where, '--', ...(protocol === 'TCP' ? http : udp)]);
  return code === 0 && stdout !== '' ? stdout.replace(/:\d+$/, '').replace(/[[\]]/g, '') : 'nothing';
}

const places: Record<string, readonly string[]> = {
  'the pod itself': ['web'],
  'a pod of the node': ['near'],
  'a pod elsewhere': ['far'],
  'the node': ['--node', 'node-1'],
  'another node': ['--node', 'node-2'],
  'the outside': ['--outside'],
};

/** Of all places at once. */
async function seenBy(protocol: string, ip: string, port: number): Promise<Record<string, string>> {
  const seen = Object.entries(places).map(async ([place, where]) => [
    place,
    await ask(where, protocol, ip, port),
  ]);
  return Object.fromEntries(await Promise.all(seen));
}

const nobody = Object.fromEntries(Object.keys(places).map((place) => [place, 'nothing']));

describe.each(families)('IPv%s', (family) => {
  test.each(['TCP', 'UDP'])(
    'everybody reaches the node’s address by %s, and is seen as who it is',
    async (protocol) => {
      expect(await seenBy(protocol, ips['node-1']![family], 8080)).toEqual({
        'the pod itself': ips.web![family],
        'a pod of the node': ips.near![family],
        'a pod elsewhere': ips.far![family],
        'the node': ips['node-1']![family],
        'another node': ips['node-2']![family],
        'the outside': lab.outsideIps[family],
      });
    },
  );

  test.each(['TCP', 'UDP'])('loopback is the node’s own by %s', async (protocol) => {
    expect(await seenBy(protocol, loopback[family], 8080)).toEqual({
      ...nobody,
      'the node': ips['node-1']![family],
    });
  });

  test.each(['TCP', 'UDP'])('no other node has it by %s', async (protocol) => {
    expect(await seenBy(protocol, ips['node-2']![family], 8080)).toEqual(nobody);
  });
});

test('hostIP 0.0.0.0 is IPv4’s alone, and 127.0.0.1 for processes of the node', async () => {
  const node = ips['node-1']!;
  const onNode = ['--node', 'node-1'];
  expect(await ask(['--outside'], 'TCP', node[4], 8081)).toBe(lab.outsideIps[4]);
  expect(await ask(['--outside'], 'TCP', node[6], 8081)).toBe('nothing');
  expect(await ask(['--outside'], 'TCP', node[4], 8082)).toBe('nothing');
  expect(await ask(onNode, 'TCP', node[4], 8082)).toBe('nothing');
  expect(await ask(onNode, 'TCP', '127.0.0.1', 8082)).toBe(node[4]);
});

/** As Kubernetes' conformance test "HostPort validates that there is no conflict between pods with same hostPort". */
test('one port serves three pods, by address and protocol', { timeout: 60_000 }, async () => {
  const node = ips['node-1']![4];
  const one = (name: string, hostIP: string, protocol: string) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  nodeSelector: {'kubernetes.io/hostname': node-1}
  terminationGracePeriodSeconds: 0
  containers:
  - name: agnhost
    image: ${image}
    args: [netexec, --http-port=8080, --udp-port=8080]
    ports: [{containerPort: 8080, hostPort: 54323, hostIP: ${hostIP}, protocol: ${protocol}}]
---`;
  const all = one('pod1', '127.0.0.1', 'TCP') + one('pod2', node, 'TCP') + one('pod3', node, 'UDP');
  await must(lab.tendril(['apply', '-f', '-'], { stdin: all }));
  const hostname = (...to: string[]) =>
    lab.tendril(['exec', '--node', 'node-1', '--', 'curl', '-s', '-m', '10', ...to]);
  const answered = async (...to: string[]) => (await hostname(...to)).stdout;
  const loopbacks = ['--interface', node, 'http://127.0.0.1:54323/hostname'];
  await until('the first answers', async () => (await answered(...loopbacks)) === 'pod1');
  await until('the second answers', async () => (await answered(`http://${node}:54323/hostname`)) === 'pod2');
  const udp = `echo hostname | socat -t 5 - UDP:${node}:54323`;
  await until('the third answers', async () => {
    return (await lab.tendril(['exec', '--node', 'node-1', '--', 'sh', '-c', udp])).stdout === 'pod3';
  });
});

test('a second pod on the same port waits for the first, and has it then', { timeout: 60_000 }, async () => {
  const waiting = server('second', 8081).replace(
    /\n *nodeName: .*/,
    "\n  nodeSelector: {'kubernetes.io/hostname': node-1}",
  );
  await must(lab.tendril(['apply', '-f', '-'], { stdin: waiting }));
  await until('it waits', async () =>
    JSON.stringify((await get('pod', 'second')).status).includes('free ports'),
  );
  await must(lab.tendril(['delete', 'pod', 'ipv4']));
  await until(
    'it serves',
    async () => (await ask(['--outside'], 'TCP', ips['node-1']![6], 8081)) !== 'nothing',
  );
});

/** Of the port that both want. */
async function kinds(protocol: string): Promise<string[]> {
  const listed = JSON.parse(await must(lab.tendril(['service', 'list', '--node', 'node-1', '-o', 'json'])));
  const views: { frontend: string; protocol: string; kind: string }[] = listed.services;
  const those = views.filter((view) => view.frontend.endsWith('|30555') && view.protocol === protocol);
  return [...new Set(those.map(({ kind }) => kind))];
}

test('a Service’s NodePort comes first, and the host port is back when it goes', {
  timeout: 60_000,
}, async () => {
  const url = `http://${ips['node-1']![4]}:30555/hostname`;
  // For a moment the Service is there without endpoints, and refuses.
  const hostname = async () =>
    (await lab.tendril(['exec', '--outside', '--', 'curl', '-s', '-m', '10', url])).stdout;
  expect(await hostname()).toBe('rivalled');
  await must(lab.tendril(['apply', '-f', '-'], { stdin: nodePort }));
  await until('the Service answers', async () => (await hostname()) === 'web');
  expect(await kinds('TCP')).toEqual(['NodePort']);
  expect(await kinds('UDP')).toEqual(['HostPort']);
  await must(lab.tendril(['delete', 'service', 'rival']));
  await until('the pod answers', async () => (await hostname()) === 'rivalled');
});

describe('the agent', () => {
  test('may die at any time: host ports go on, and are the new one’s', { timeout: 90_000 }, async () => {
    const node = ips['node-1']!;
    const script = '(for i in $(seq 40); do echo clientip; sleep 0.1; done) | socat -t 5 - ';
    const datagrams = lab.exec(['--outside'], 'sh', '-c', `${script} UDP:${at(node[6], 8080)}`);
    const requests = lab.exec(
      ['--outside'],
      ...['curl', '-s', '-m', '10', '-H', 'Connection: close', '-w', '\n', '--rate', '600/m'],
      `http://${at(node[4], 8080)}/clientip?n=[1-40]`,
    );
    const before = lab.agents('node-1');
    for (const pid of before) process.kill(pid, 'SIGKILL');
    await until('another agent serves', async () => {
      const others = lab.agents('node-1').filter((pid) => !before.includes(pid));
      return others.length > 0 && (await lab.tendril(['status'])).code === 0;
    });
    expect((await requests).trim().split('\n')).toEqual(
      Array(40).fill(expect.stringContaining(`${lab.outsideIps[4]}:`)),
    );
    expect((await datagrams).split(`[${lab.outsideIps[6]}]`)).toHaveLength(41);
    await must(lab.tendril(['delete', 'pod', 'rivalled']));
    await until(
      'the port is closed',
      async () => (await ask(['--outside'], 'TCP', node[4], 30_555)) === 'nothing',
    );
    expect(await ask(['--outside'], 'TCP', node[4], 8080)).toBe(lab.outsideIps[4]);
  });
});

test('what is connected to a pod ends when the pod is deleted, and the port is free', {
  timeout: 60_000,
}, async () => {
  const node = ips['node-1']!;
  using files = scratchFiles({});
  const talk = (where: readonly string[], log: string) => {
    // A request that never ends.
    const lines = `(printf 'POST / HTTP/1.1\\r\\nHost: x\\r\\n'; while sleep 0.1; do printf 'X: y\\r\\n' || exit; done)`;
    return lab.tendril([
      'exec',
      ...where,
      '--',
      'sh',
      '-c',
      `${lines} | socat - TCP:${at(node[4], 8080)} > ${log}`,
    ]);
  };
  const connected = async (count: number) => {
    const { stdout } = await lab.tendril([
      'exec',
      'web',
      '--',
      'ss',
      '-Htn',
      'state',
      'established',
      'sport = :80',
    ]);
    return stdout.trim().split('\n').filter(Boolean).length >= count;
  };
  const inside = talk(['near'], '/tmp/talk');
  const outer = talk(['--outside'], files.path('talk'));
  await until('both are connected', () => connected(2));
  // As when its programs say nothing more.
  const route = await lab.exec(['--node', 'node-1'], 'ip', '-o', 'route', 'get', ips.web![4]);
  await lab.exec(['--node', 'node-1'], 'ip', 'link', 'set', / dev (\S+)/.exec(route)![1]!, 'down');
  await must(lab.tendril(['delete', 'pod', 'web']));
  await inside;
  await outer;
  expect(await ask(['--outside'], 'TCP', node[4], 8080)).toBe('nothing');
  expect(await must(lab.tendril(['service', 'list', '--node', 'node-1']))).not.toContain('|8080');
});
