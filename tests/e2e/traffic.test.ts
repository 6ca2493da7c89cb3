import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shopManifest } from './support/shop.ts';
import { must } from './support/tendril.ts';
import { bringUp, onRealCluster, type TestCluster } from './support/test-cluster.ts';

let lab: TestCluster;

interface Pod {
  metadata: { name: string };
  spec: { nodeName: string };
  status: { podIPs: { ip: string }[] };
}

beforeAll(async () => {
  lab = await bringUp({ manifest: shopManifest });
});

afterAll(() => lab?.down());

const objects = async <T>(...args: string[]): Promise<T> =>
  JSON.parse(await must(lab.tendril(['get', ...args, '-o', 'json']))) as T;
const urlHost = (ip: string) => (ip.includes(':') ? `[${ip}]` : ip);
const fetchFrom = async (where: string[], url: string) =>
  JSON.parse(await lab.exec(where, 'curl', '-s', '-m', '5', url));

describe('from a pod', () => {
  test('every pod on every node, in both families, which sees the pod’s own address', async () => {
    const client = await objects<Pod>('pod', 'client');
    const { items } = await objects<{ items: Pod[] }>('pods', '-l', 'app=backend');
    const used = new Set(items.map(({ spec }) => spec.nodeName));
    expect([...used].sort()).toEqual([...lab.workers].sort());
    for (const { metadata, status } of items) {
      for (const [i, { ip }] of status.podIPs.entries()) {
        const answer = await fetchFrom(['client'], `http://${urlHost(ip)}:8080/`);
        expect(answer.pod).toBe(metadata.name);
        expect(answer.client).toContain(client.status.podIPs[i]!.ip);
      }
    }
  });

  test.each(['backend', 'backend.default', 'backend.default.svc.cluster.local', 'pods:8080'])(
    'a Service by its name %s',
    async (name) => {
      expect(await fetchFrom(['client'], `http://${name}/`)).toMatchObject({
        pod: expect.stringMatching(/^backend-/),
      });
    },
  );

  test('a Service by each of its addresses, and all its pods get their share', async () => {
    const service = await objects<{ spec: { clusterIPs: string[] } }>('svc', 'backend');
    expect(service.spec.clusterIPs).toHaveLength(2);
    for (const ip of service.spec.clusterIPs) {
      const script = `for i in $(seq 30); do curl -s -m 5 http://${urlHost(ip)}/; echo; done`;
      const answers = (await lab.exec(['client'], 'sh', '-c', script))
        .split('\n')
        .filter((line) => line !== '');
      expect(new Set(answers.map((line) => JSON.parse(line).pod)).size).toBe(3);
    }
  });

  test('a Service without endpoints refuses at once', async () => {
    const { code } = await lab.tendril(['exec', 'client', '--', 'curl', '-s', '-m', '5', 'http://nobody/']);
    // curl: 7 is "could not connect", 28 would be a time-out.
    expect(code).toBe(7);
  });

  test('the outside world by name', async ({ skip }) => {
    skip(onRealCluster, 'only a lab has a world outside that answers; the real cluster has its names alone');
    expect(await fetchFrom(['client'], 'http://www.example.com/')).toMatchObject({ pod: 'outside' });
  });
});

describe('from a node', () => {
  test('pods and Services', async () => {
    const { items } = await objects<{ items: Pod[] }>('pods', '-l', 'app=backend');
    for (const { ip } of items.flatMap(({ status }) => status.podIPs)) {
      expect(await fetchFrom(['--node', 'node-1'], `http://${urlHost(ip)}:8080/`)).toHaveProperty('pod');
    }
    const service = await objects<{ spec: { clusterIPs: string[] } }>('svc', 'backend');
    for (const ip of service.spec.clusterIPs)
      expect(await fetchFrom(['--node', 'node-2'], `http://${urlHost(ip)}/`)).toHaveProperty('pod');
  });
});

describe('from outside', () => {
  test('the NodePort of every node reaches backends on every node, in both families', async () => {
    const backends = await objects<{ items: Pod[] }>('pods', '-l', 'app=backend');
    const nodeOf = new Map(backends.items.map(({ metadata, spec }) => [metadata.name, spec.nodeName]));
    const { items } = await objects<{
      items: { metadata: { name: string }; status: { addresses: { type: string; address: string }[] } }[];
    }>('nodes');
    for (const { status } of items) {
      for (const { address } of status.addresses.filter(({ type }) => type === 'InternalIP')) {
        const script = `for i in $(seq 20); do curl -s -m 5 http://${urlHost(address)}:30090/ || echo '{"pod":"none"}'; echo; done`;
        const answers = (await lab.exec(['--outside'], 'sh', '-c', script)).trim().split('\n');
        const reached = answers
          .filter((line) => line !== '')
          .map((line) => nodeOf.get(JSON.parse(line).pod) ?? `nobody: ${line}`);
        expect([...new Set(reached)].sort()).toEqual([...lab.workers].sort());
      }
    }
  });

  test('nodes by their names', async ({ skip }) => {
    skip(onRealCluster, 'only a lab gives its nodes’ names to the host outside');
    expect(await fetchFrom(['--outside'], 'http://node-2:30090/')).toHaveProperty('pod');
  });
});

describe('exec', () => {
  test('gives the command’s own status, and 125 where Tendril fails', async () => {
    expect((await lab.tendril(['exec', 'client', '--', 'sh', '-c', 'exit 42'])).code).toBe(42);
    // By the API nothing is started where there is no such program; in a lab a process says so.
    const noProgram = onRealCluster ? 125 : 127;
    expect((await lab.tendril(['exec', 'client', '--', 'no-such-command'])).code).toBe(noProgram);
    expect((await lab.tendril(['exec', 'no-such-pod', '--', 'true'])).code).toBe(125);
    expect((await lab.tendril(['exec', 'client'])).code).toBe(125);
  });

  test('passes standard input', async () => {
    expect(await must(lab.tendril(['exec', 'client', '--', 'cat'], { stdin: 'through' }))).toBe('through');
  });
});

describe('what the kernel holds', () => {
  test('service list: the frontends of a Service and its backends, on each node', async () => {
    const { spec } = await objects<{ spec: { clusterIPs: string[] } }>('svc', 'backend');
    for (const node of [lab.nodes[0], lab.nodes[2]] as string[]) {
      const text = await must(
        lab.tendril(['service', 'list', '--node', node, '-n', 'default', '-o', 'json']),
      );
      const listed: { node: string; services: { frontend: string; state: string; backends: object[] }[] } =
        JSON.parse(text);
      expect(listed.node).toBe(node);
      for (const ip of spec.clusterIPs) {
        const found = listed.services.find(({ frontend }) => frontend.startsWith(`${ip}|`))!;
        expect([found.state, found.backends.length]).toEqual(['serving', 3]);
      }
    }
    expect(await must(lab.tendril(['service', 'list']))).toMatch(
      /default\/nobody:\S* +ClusterIP +\S+ +refused/,
    );
    expect((await lab.tendril(['service', 'list', '--node', 'node-9'])).stderr).toMatch(/no node "node-9"/);
  });

  test('conntrack list: a connection from outside, under the name that each side knows', async () => {
    const node = await objects<{ status: { addresses: { address: string }[] } }>('node', 'node-1');
    const address = node.status.addresses[0]!.address;
    const services = await objects<{ items: { spec: { ports: { nodePort?: number }[] } }[] }>('svc');
    const port = services.items.flatMap(({ spec }) => spec.ports).find(({ nodePort }) => nodePort)!.nodePort!;
    await fetchFrom(['--outside'], `http://${address}:${port}/`);
    const text = await must(lab.tendril(['conntrack', 'list', '--node', 'node-1', '-o', 'json']));
    const { connections } = JSON.parse(text);
    expect(connections).toContainEqual(
      expect.objectContaining({ protocol: 'TCP', frontend: `${address}|${port}`, state: 'closed' }),
    );
  });
});
