/** Real resolvers in a pod are answered by the DNS program at its veth: nothing else is there to answer. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FastPath } from '../../src/dns/fastpath/fast-path.ts';
import type { NameAddresses } from '../../src/dns/fastpath/zone-maps.ts';
import { parseIp } from '../../src/net/ip.ts';
import { silentLogger } from '../../src/util/logger.ts';
import { bpfIn, objectsDirectory, TestCluster, type TestPod } from './cluster.ts';
import { server, zone } from './dns-rig.ts';
import { setTxChecksum } from './veth-offload.ts';

const names = new Map<string, NameAddresses>([
  ['cluster.local', { ips: [] }],
  ['web.shop.svc.cluster.local', { ips: [parseIp('10.96.0.7'), parseIp('fd00:96::7')] }],
]);

let cluster: TestCluster;
let fastPath: FastPath;
let pod: TestPod;

beforeAll(async () => {
  cluster = new TestCluster();
  const [node] = cluster.nodes as [TestCluster['nodes'][0]];
  ({ pod } = node);
  const pinDirectory = join(node.pinDirectory, 'dns');
  fastPath = new FastPath({ bpf: bpfIn(node.netns), objectsDirectory, pinDirectory, logger: silentLogger });
  fastPath.setServers([parseIp(server[4]), parseIp(server[6])]);
  fastPath.attachPod(pod.ifindex);
  await fastPath.follow({ names: () => names.keys(), addresses: (name) => names.get(name) }, () => zone);
});
afterAll(() => {
  fastPath?.close();
  cluster?.close();
});

const dig = (family: 4 | 6, ...words: string[]) =>
  cluster.inside(pod.path, `dig +nocookie +tries=1 +time=2 @${server[family]} ${words.join(' ')} || true`);

describe.each([4, 6] as const)('over IPv%s', (family) => {
  describe.each([true, false])('with checksums left to the veth: %s', (offload) => {
    beforeAll(() => setTxChecksum(pod.netns, 'eth0', offload));
    afterAll(() => setTxChecksum(pod.netns, 'eth0', true));

    it('gets addresses', () => {
      expect(dig(family, '+short', 'web.shop.svc.cluster.local', 'A')).toBe('10.96.0.7\n');
      expect(dig(family, '+short', 'web.shop.svc.cluster.local', 'AAAA')).toBe('fd00:96::7\n');
    });

    it('is told what does not exist', () => {
      expect(dig(family, 'www.example.com.shop.svc.cluster.local', 'A')).toMatch(
        /status: NXDOMAIN[\s\S]*cluster\.local\.\s+30\s+IN\s+SOA\s+ns\.dns\.cluster\.local\. hostmaster\.cluster\.local\. 7 7200 1800 86400 30/,
      );
    });

    it('hears nothing of other names: there is no server behind', () => {
      expect(dig(family, '+time=1', 'www.example.com', 'A')).toContain('no servers could be reached');
    });
  });
});

it('a change is seen by the next question', async () => {
  const name = 'new.shop.svc.cluster.local';
  names.set(name, { ips: [parseIp('10.96.0.99')] });
  await fastPath.changed([name]);
  expect(dig(4, '+short', name, 'A')).toBe('10.96.0.99\n');
  names.delete(name);
  await fastPath.changed([name]);
  expect(dig(4, name, 'A')).toContain('NXDOMAIN');
});

it('a pod that is detached asks the server', () => {
  fastPath.detachPod(pod.ifindex);
  expect(dig(4, '+time=1', 'web.shop.svc.cluster.local', 'A')).toContain('no servers could be reached');
  fastPath.attachPod(pod.ifindex);
  expect(dig(4, '+short', 'web.shop.svc.cluster.local', 'A')).toBe('10.96.0.7\n');
});
