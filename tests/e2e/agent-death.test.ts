/** The datapath outlives its agent: what is pinned goes on, and the next agent takes it over without a gap. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { labPaths } from '../../src/lab/topology/lab-config.ts';
import { cgroupMount, processes } from '../../src/linux/cgroup/cgroup.ts';
import { bringUp, type TestLab } from './support/lab.ts';
import { shopManifest } from './support/shop.ts';
import { must, runDirectory } from './support/tendril.ts';
import { until } from './support/until.ts';

const nodes = ['node-1', 'node-2', 'node-3'];
let lab: TestLab;

beforeAll(async () => {
  lab = await bringUp({ manifest: shopManifest });
});

afterAll(() => lab?.down());

function agentPids(): number[] {
  const paths = labPaths(lab.name, { base: runDirectory, cgroupMount: cgroupMount() });
  return nodes.flatMap((node) => processes(`${paths.node(node).cgroup}/agent`));
}

async function killAgents(signal: NodeJS.Signals): Promise<void> {
  const before = agentPids();
  expect(before).toHaveLength(nodes.length);
  for (const pid of before) process.kill(pid, signal);
  await until('new agents serve', async () => {
    const after = agentPids();
    if (after.length < nodes.length || after.some((pid) => before.includes(pid))) return false;
    const { code } = await lab.tendril(['status']);
    return code === 0;
  });
}

/**
 * 8 s of requests at 100/s; the status codes and, for a failure, 000. A request that needs more than 900 ms counts as
 * failed: that is a SYN sent twice.
 */
async function requests(
  where: string[],
  url: string,
  options: { newConnections: boolean },
): Promise<string[]> {
  const close = options.newConnections ? ['-H', 'Connection: close'] : [];
  const { stdout } = await lab.tendril([
    'exec',
    ...where,
    '--',
    ...['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}\n', '--rate', '6000/m', '-m', '0.9', ...close],
    `${url}?n=[1-800]`,
  ]);
  return stdout.trim().split('\n');
}

test.each(['SIGKILL', 'SIGTERM'] as const)(
  '%s under traffic: no new and no established connection fails',
  { timeout: 120_000 },
  async (signal) => {
    const service = JSON.parse(await must(lab.tendril(['get', 'svc', 'backend', '-o', 'json'])));
    const [ip4, ip6] = service.spec.clusterIPs as [string, string];
    const streams = [
      requests(['client'], `http://${ip4}/`, { newConnections: true }),
      requests(['client'], `http://[${ip6}]/`, { newConnections: true }),
      requests(['client'], `http://${ip4}/`, { newConnections: false }),
      requests(['--node', 'node-2'], `http://${ip4}/`, { newConnections: true }),
      requests(['--outside'], 'http://172.20.0.11:30090/', { newConnections: true }),
      requests(['--outside'], 'http://172.20.0.12:30090/', { newConnections: false }),
      requests(['--outside'], 'http://[fd00:10:20::d]:30090/', { newConnections: true }),
    ];
    const done = Promise.all(streams);
    await killAgents(signal);
    await killAgents(signal);
    for (const codes of await done) {
      expect(codes).toHaveLength(800);
      expect(codes.filter((code) => code !== '200')).toEqual([]);
    }
  },
);

test('pods made right after a death become Ready, and their addresses are not handed out twice', async () => {
  for (const pid of agentPids()) process.kill(pid, 'SIGKILL');
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
  const before = agentPids();
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
