import { expect, test } from 'vitest';
import { formatIp, parseIp } from '../../../net/ip.ts';
import { type TestEndpoint, testService, testSlice } from '../../testing-objects.ts';
import { ClusterNodes } from './cluster-nodes.ts';
import { frontendFlags, layouts } from './generated/layouts.ts';
import { type TestRig, testRig } from './testing-backend.ts';

const annotations = { 'tendril.dev/service-forwarding': 'dsr' };

function serve(rig: TestRig, endpoints: TestEndpoint[], marks: Record<string, string> = annotations): void {
  const service = testService('web', {
    ...{ type: 'NodePort', clusterIPs: ['10.96.0.1'], externalIPs: ['203.0.113.1'] },
    ports: [{ port: 80, nodePort: 30080 }],
  });
  rig.services.set({ ...service, metadata: { ...service.metadata, annotations: marks } });
  rig.slices.set(testSlice('web', { family: 4, ports: [{ port: 8080 }], endpoints }));
}

/** `frontend > backend`, or with the backend's generation where it has a number. */
function returns(rig: TestRig): string[] {
  const texts = [...rig.at.map('direct_returns').entries()].map(([key, value]) => {
    const { frontend, frontendPort, backend, backendPort } = layouts.directKey.decode(key);
    const { backendId, generation } = layouts.direct.decode(value);
    const known = backendId > 0 ? ` of generation ${generation}` : '';
    return `${formatIp(frontend)}|${frontendPort} > ${formatIp(backend)}|${backendPort}${known}`;
  });
  return texts.sort();
}

const here = { ip: '10.244.1.2', node: 'here' };
const there = { ip: '10.244.2.2', node: 'there' };

test('endpoints of this node answer under the frontends of the outside, NodePorts of any node', async () => {
  const rig = testRig();
  serve(rig, [here, there]);
  await rig.sync();
  const generation = layouts.backend.decode([...rig.at.map('backends').entries()][0]![1]).generation;
  expect(returns(rig)).toEqual([
    `0.0.0.0|30080 > 10.244.1.2|8080 of generation ${generation}`,
    `203.0.113.1|80 > 10.244.1.2|8080 of generation ${generation}`,
  ]);
});

test('only frontends of the outside are marked', async () => {
  const rig = testRig();
  serve(rig, [there]);
  await rig.sync();
  const marked = [...rig.at.map('frontends').entries()].map(([key, value]) => {
    const { flags } = layouts.frontend.decode(value);
    return [formatIp(layouts.frontendKey.decode(key).addr), (flags & frontendFlags.FRONTEND_DSR) !== 0];
  });
  expect(Object.fromEntries(marked)).toMatchObject({
    ...{ '10.96.0.1': false, '203.0.113.1': true, '10.9.0.1': true },
  });
});

test('they follow endpoints, annotations and what an earlier process left', async () => {
  const rig = testRig();
  serve(rig, [here, there]);
  await rig.sync();
  const before = returns(rig);
  rig.restart();
  await rig.sync();
  expect(returns(rig)).toEqual(before);
  serve(rig, [{ ...here, ip: '10.244.1.9' }]);
  await rig.sync();
  expect(returns(rig).every((text) => text.includes('10.244.1.9'))).toBe(true);
  rig.restart();
  serve(rig, [here], {});
  await rig.sync();
  expect(returns(rig)).toEqual([]);
  serve(rig, [here]);
  await rig.sync();
  expect(returns(rig)).toHaveLength(2);
  rig.services.remove('default/web');
  await rig.sync();
  expect(returns(rig)).toEqual([]);
});

test('the nodes’ addresses are written by difference, and not while they are unknown', () => {
  const { at } = testRig();
  const map = at.map('cluster_nodes');
  const nodes = new ClusterNodes();
  const present = () => [...map.entries()].length;
  const [one, two, six] = ['10.9.0.1', '10.9.0.2', 'fd09::1'].map((text) => parseIp(text)) as [Ip, Ip, Ip];
  nodes.sync(map, [one, six]);
  expect(present()).toBe(2);
  nodes.sync(map, undefined);
  expect(present()).toBe(2);
  const { writes } = map;
  nodes.sync(map, [one, two]);
  expect(present()).toBe(2);
  expect(map.writes - writes).toBe(2);
  nodes.sync(map, []);
  expect(present()).toBe(0);
});
type Ip = ReturnType<typeof parseIp>;

test('what has no room is left out and told; all else is served', async () => {
  const rig = testRig({ mapSizes: { direct_returns: 3 } });
  const pods = Array.from({ length: 3 }, (_, i) => ({ ip: `10.244.1.${i + 2}`, node: 'here' }));
  serve(rig, pods);
  await rig.sync();
  expect(returns(rig)).toHaveLength(3);
  expect([...rig.at.map('frontends').entries()]).toHaveLength(5);
  expect(rig.refusal()).toMatchObject({ code: 'MAP_FULL' });
  expect(rig.refusal()?.message).toContain('direct_returns is full with 3 entries: default/web:/TCP');
  rig.restart();
  await rig.sync();
  expect(returns(rig)).toHaveLength(3);
  serve(rig, [here]);
  await rig.sync();
  expect(returns(rig)).toHaveLength(2);
  expect(rig.refusal()).toBeUndefined();
});
