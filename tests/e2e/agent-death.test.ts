/** The datapath outlives its agent: what is pinned goes on, and the next agent takes it over without a gap. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { shopManifest } from './support/shop.ts';
import { must } from './support/tendril.ts';
import { bringUp, onRealCluster, type TestCluster } from './support/test-cluster.ts';
import { until } from './support/until.ts';

let lab: TestCluster;

beforeAll(async () => {
  lab = await bringUp({ manifest: shopManifest });
});

afterAll(() => lab?.down());

async function killAgents(signal: NodeJS.Signals): Promise<void> {
  const before = lab.agents();
  expect(before).toHaveLength(lab.nodes.length);
  for (const pid of before) process.kill(pid, signal);
  await until('new agents serve', async () => {
    const after = lab.agents();
    if (after.length < lab.nodes.length || after.some((pid) => before.includes(pid))) return false;
    const { code } = await lab.tendril(['status']);
    return code === 0;
  });
}

/**
 * Requests at 100/s, 800 unless told; the status codes and, for a failure, 000. A request that needs more than 900 ms counts as
 * failed: that is a SYN sent twice.
 */
async function requests(
  where: string[],
  url: string,
  options: { newConnections: boolean; count?: number },
): Promise<string[]> {
  const close = options.newConnections ? ['-H', 'Connection: close'] : [];
  const { stdout } = await lab.tendril([
    'exec',
    ...where,
    '--',
    ...['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}\n', '--rate', '6000/m', '-m', '0.9', ...close],
    `${url}?n=[1-${options.count ?? 800}]`,
  ]);
  return stdout.trim().split('\n');
}

/** Lines that come back of 320 datagrams that one socket sends within 8 s. */
async function echoes(where: string[], target: string): Promise<string[]> {
  const script = `(for i in $(seq 320); do echo $i; sleep 0.025; done) | socat -t 1 - ${target}`;
  return (await lab.exec(where, 'sh', '-c', script)).trim().split('\n');
}

/** Answers to 200 questions to cluster DNS, each by a socket of its own that asks once. */
async function lookups(): Promise<string[]> {
  const dig = 'dig +short +time=1 +tries=1 backend.default.svc.cluster.local';
  const script = `for i in $(seq 200); do ${dig}; sleep 0.02; done`;
  return (await lab.exec(['client'], 'sh', '-c', script)).trim().split('\n');
}

interface Ips {
  4: string;
  6: string;
}

/** Of node-1 and so on. */
async function nodeIps(): Promise<Ips[]> {
  type Address = { type: string; address: string };
  const addresses = lab.nodes.map(async (name): Promise<Address[]> => {
    return JSON.parse(await must(lab.tendril(['get', 'node', name, '-o', 'json']))).status.addresses;
  });
  return (await Promise.all(addresses)).map((all) => {
    const ips = all.filter(({ type }) => type === 'InternalIP').map(({ address }) => address);
    return { 4: ips.find((ip) => !ip.includes(':'))!, 6: ips.find((ip) => ip.includes(':'))! };
  });
}

async function backendIps(): Promise<[string, string]> {
  const service = JSON.parse(await must(lab.tendril(['get', 'svc', 'backend', '-o', 'json'])));
  return service.spec.clusterIPs;
}

test.for(['SIGKILL', 'SIGTERM'] as const)(
  '%s under traffic: no new and no established connection fails',
  { timeout: 120_000 },
  async (signal, { skip }) => {
    skip(
      onRealCluster,
      'one or two of its 800 requests take more than 900 ms there, for a reason not known yet; tests/real/traffic.real.test.ts counts them',
    );
    const [ip4, ip6] = await backendIps();
    const [first, second, third] = (await nodeIps()) as [Ips, Ips, Ips];
    const http = Promise.all([
      requests(['client'], `http://${ip4}/`, { newConnections: true }),
      requests(['client'], `http://[${ip6}]/`, { newConnections: true }),
      requests(['client'], `http://${ip4}/`, { newConnections: false }),
      requests(['--node', 'node-2'], `http://${ip4}/`, { newConnections: true }),
      requests(['--outside'], `http://${first[4]}:30090/`, { newConnections: true }),
      requests(['--outside'], `http://${second[4]}:30090/`, { newConnections: false }),
      requests(['--outside'], `http://[${third[6]}]:30090/`, { newConnections: true }),
    ]);
    const udp = Promise.all([
      echoes(['client'], `UDP4:${ip4}:5000`),
      echoes(['client'], `UDP6:[${ip6}]:5000`),
      echoes(['--outside'], `UDP4:${second[4]}:30091`),
      echoes(['--outside'], `UDP6:[${first[6]}]:30091`),
    ]);
    const dns = lookups();
    await killAgents(signal);
    await killAgents(signal);
    for (const codes of await http) {
      expect(codes).toHaveLength(800);
      expect(codes.filter((code) => code !== '200')).toEqual([]);
    }
    for (const lines of await udp) expect(lines).toHaveLength(320);
    expect(await dns).toEqual(Array(200).fill(ip4));
  },
);

test('an agent killed as often as it starts: traffic goes on', {
  timeout: 180_000,
}, async () => {
  const [ip4] = await backendIps();
  const where = ['--node', 'node-1'];
  const traffic = requests(where, `http://${ip4}/`, { newConnections: true, count: 2500 });
  for (let i = 0; i < 10; i++) {
    await until('the agent of node-1 runs', () => lab.agents('node-1').length === 1, 60_000);
    for (const pid of lab.agents('node-1')) process.kill(pid, 'SIGKILL');
    await until('it is dead', () => lab.agents('node-1').length === 0);
  }
  expect((await traffic).filter((code) => code !== '200')).toEqual([]);
  await until('all is well', async () => (await lab.tendril(['status'])).code === 0, 60_000);
});

test('deaths of agents are told', async ({ skip }) => {
  skip(onRealCluster, 'a kubelet tells the deaths of its containers in words of its own');
  const events = await must(lab.kubectl('describe', 'node', 'node-1'));
  expect(events).toMatch(/Warning +AgentDied .*killed by signal 9/);
  expect(events).toMatch(/Normal +AgentStarted .*started again \(restarts: \d+\)/);
});

test('endpoints that changed while no agent ran are caught up with', async () => {
  const select = async (app: string) => {
    for (const pid of lab.agents()) process.kill(pid, 'SIGKILL');
    const patch = JSON.stringify({ spec: { selector: { app } } });
    await must(lab.kubectl('patch', 'service', 'backend', '-p', patch));
  };
  const curl = async () =>
    (await lab.tendril(['exec', 'client', '--', 'curl', '-s', '-m', '2', 'http://backend/'])).code;
  await select('nobody');
  // curl: 7 is "could not connect".
  await until('the Service refuses', async () => (await curl()) === 7);
  await select('backend');
  await until('the Service answers', async () => (await curl()) === 0);
  await until('all is well', async () => (await lab.tendril(['status'])).code === 0);
});

test('pods made right after a death become Ready, and their addresses are not handed out twice', async () => {
  for (const pid of lab.agents()) process.kill(pid, 'SIGKILL');
  const { code, stderr } = await lab.kubectl('scale', 'deployment/backend', '--replicas=9');
  expect([code, stderr]).toEqual([0, '']);
  await must(lab.kubectl('rollout', 'status', 'deployment/backend', '--timeout=30s'));
  const { items } = JSON.parse(await must(lab.tendril(['get', 'pods', '-o', 'json'])));
  const ips = items.flatMap((pod: { status: { podIPs: { ip: string }[] } }) =>
    pod.status.podIPs.map(({ ip }) => ip),
  );
  expect(new Set(ips).size).toBe(ips.length);
});

test('what changed while no agent ran is caught up with', async () => {
  const before = lab.agents();
  for (const pid of before) process.kill(pid, 'SIGKILL');
  await must(lab.tendril(['apply', '-f', '-'], { stdin: lateService }));
  await must(lab.tendril(['delete', 'service', 'pods']));
  const answer = () => lab.tendril(['exec', 'client', '--', 'curl', '-s', '-m', '2', 'http://late/']);
  await until('the new Service answers', async () => (await answer()).stdout.includes('backend-'));
  await until('all is well', async () => (await lab.tendril(['status'])).code === 0);
});

const lateService = `
apiVersion: v1
kind: Service
metadata: {name: late}
spec: {selector: {app: backend}, ports: [{port: 80, targetPort: http}]}
`;
