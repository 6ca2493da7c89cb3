/** `tendril ipam`: every address has its pod, and one that has none is found. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { labPaths } from '../../src/lab/topology/lab-config.ts';
import { cgroupMount } from '../../src/linux/cgroup/cgroup.ts';
import { createNetns, deleteNetns } from '../../src/linux/netns/netns.ts';
import type { TestLab } from './support/lab.ts';
import { must, root, runDirectory } from './support/tendril.ts';
import { bringUp, onRealCluster, type TestCluster } from './support/test-cluster.ts';

const pods = ['node-1', 'node-2']
  .map(
    (node) => `
apiVersion: v1
kind: Pod
metadata: {name: on-${node}}
spec:
  nodeName: ${node}
  containers: [{name: netshoot, image: nicolaka/netshoot, command: [sleep, infinity]}]
---`,
  )
  .join('');

let lab: TestCluster;
beforeAll(async () => {
  lab = await bringUp({ manifest: pods, args: ['--nodes', '2'] });
});
afterAll(() => lab?.down());

test('shows pools, and whose each address is', async () => {
  const { pools, allocations } = JSON.parse(
    await must(lab.tendril(['ipam', 'show', '--node', 'node-1', '-o', 'json'])),
  );
  const node = JSON.parse(await must(lab.tendril(['get', 'node', 'node-1', '-o', 'json'])));
  const [ipv4, ipv6] = node.spec.podCIDRs;
  expect([ipv4, ipv6]).toEqual([
    expect.stringMatching(/^10\.244\..*\/24$/),
    expect.stringMatching(/^fd.*\/64$/),
  ]);
  expect(pools.map(({ cidr, size }: { cidr: string; size: string }) => [cidr, size])).toEqual([
    [ipv4, '254'],
    [ipv6, String(2n ** 64n - 1n)],
  ]);
  const { status, metadata } = JSON.parse(await must(lab.tendril(['get', 'pod', 'on-node-1', '-o', 'json'])));
  expect(allocations.find(({ pod }: { pod: string }) => pod === 'default/on-node-1')).toEqual({
    ...{
      node: lab.nodes[0],
      pod: 'default/on-node-1',
      // A sandbox's name is the runtime's.
      containerId: onRealCluster ? expect.stringMatching(/^[0-9a-f]{64}$/) : metadata.uid,
      ifName: 'eth0',
      state: 'in use',
    },
    ips: status.podIPs.map(({ ip }: { ip: string }) => ip),
  });
});

test('finds all well, and a node that there is not', async () => {
  expect(await must(lab.tendril(['ipam', 'check']))).toBe('Every address is its pod’s.\n');
  const { code, stderr } = await lab.tendril(['ipam', 'check', '--node', 'node-9']);
  expect([code, stderr]).toEqual([1, expect.stringMatching(`there are .*${lab.nodes.join(', ')}`)]);
});

/** A call of the plugin, as a runtime makes it for a sandbox that no kubelet knows of. */
function cni(command: 'ADD' | 'DEL', netns: string, cniSocket: string): Promise<number> {
  const env = {
    ...{ CNI_COMMAND: command, CNI_CONTAINERID: 'lost', CNI_NETNS: netns, CNI_IFNAME: 'eth0', CNI_PATH: '/' },
    CNI_ARGS: 'K8S_POD_NAMESPACE=default;K8S_POD_NAME=lost;K8S_POD_UID=lost',
  };
  const shim = spawn(join(root, 'dist', 'native', 'cni-shim'), { env, stdio: ['pipe', 'ignore', 'inherit'] });
  shim.stdin.end(
    JSON.stringify({ cniVersion: '1.0.0', name: 'tendril', type: 'tendril', socket: cniSocket }),
  );
  return new Promise((resolve) => shim.once('close', (code) => resolve(code ?? -1)));
}

test('finds an address whose pod nobody knows, until it is given back', async ({ skip }) => {
  skip(
    onRealCluster,
    'it calls the CNI plugin of a lab’s node itself; a real node’s is the container runtime’s',
  );
  const paths = labPaths((lab as TestLab).name, { base: runDirectory, cgroupMount: cgroupMount() });
  const [netns, { cniSocket }] = [paths.netns('lost'), paths.node('node-1')];
  createNetns(netns);
  try {
    expect(await cni('ADD', netns, cniSocket)).toBe(0);
    const { code, stdout } = await lab.tendril(['ipam', 'check', '-o', 'json']);
    expect([code, JSON.parse(stdout).findings]).toEqual([
      1,
      [
        expect.objectContaining({
          ...{ kind: 'leaked', node: 'node-1' },
          message: expect.stringMatching(/of default\/lost \(container lost\) belong to no pod of the node/),
        }),
      ],
    ]);
    expect((await lab.tendril(['ipam', 'check', '--node', 'node-2'])).code).toBe(0);
    expect(await cni('DEL', netns, cniSocket)).toBe(0);
  } finally {
    deleteNetns(netns);
  }
  expect((await lab.tendril(['ipam', 'check'])).code).toBe(0);
});
