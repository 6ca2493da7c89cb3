/** What the calculator makes of a cluster at random is what the objects say, and the same whichever way it came about. */
import { expect, test } from 'vitest';
import type { MemoryStore } from '../kube/client/memory-store.ts';
import { type KubeObject, keyOf } from '../kube/meta.ts';
import { parseIp } from '../net/ip.ts';
import { protocolNumbers } from '../net/protocol.ts';
import fc from '../util/testing/properties.ts';
import { type Attempt, evaluate } from './evaluate.ts';
import { judge } from './judge.ts';
import type { Direction } from './policy-state.ts';
import type { ClusterChange } from './testing/arbitraries.ts';
import { anyAddress, anyChange, anyNamespace, anyPod, anyPolicy, portsTried } from './testing/arbitraries.ts';
import { ipsOfLocal, plain, TestCluster } from './testing/objects.ts';

const protocols = ['TCP', 'UDP', 'SCTP'] as const;
/** A prime, so that it is now these ports, now those. */
const sampled = 13;
const directions: readonly Direction[] = ['ingress', 'egress'];

const anyCluster = fc.record({
  policies: fc.uniqueArray(anyPolicy, { selector: keyOf, maxLength: 4 }),
  namespaces: fc.uniqueArray(anyNamespace, { selector: keyOf, maxLength: 3 }),
  pods: fc.uniqueArray(anyPod, { selector: keyOf, minLength: 3, maxLength: 9 }),
});

test('what the state says of every packet is what the objects say', () => {
  fc.assert(
    fc.property(anyCluster, fc.nat(sampled - 1), (objects, offset) => {
      const cluster = new TestCluster(objects);
      expect(disagreements(cluster, offset)).toEqual([]);
    }),
    { numRuns: 100 },
  );
});

test('after every change the state is as one made anew, and in the end says what the objects say', () => {
  fc.assert(
    fc.property(
      anyCluster,
      fc.array(anyChange, { minLength: 4, maxLength: 16 }),
      fc.nat(sampled - 1),
      (objects, changes, offset) => {
        const cluster = new TestCluster(objects);
        for (const change of changes) {
          carryOut(cluster, change);
          expect(plain(cluster.state())).toEqual(plain(cluster.newCalculator().state()));
        }
        expect(disagreements(cluster, offset)).toEqual([]);
      },
    ),
    { numRuns: 60 },
  );
});

test('several changes between two looks come to the same', () => {
  fc.assert(
    fc.property(anyCluster, fc.array(anyChange, { minLength: 6, maxLength: 40 }), (objects, changes) => {
      const cluster = new TestCluster(objects);
      changes.forEach((change, i) => {
        carryOut(cluster, change);
        if (i % 5 === 0) cluster.state();
      });
      expect(plain(cluster.state())).toEqual(plain(cluster.newCalculator().state()));
    }),
    { numRuns: 100 },
  );
});

test('what changes while earlier changes are being worked off comes to the same', async () => {
  const property = fc.asyncProperty(
    anyCluster,
    fc.array(anyChange, { minLength: 6, maxLength: 30 }),
    async (objects, changes) => {
      const cluster = new TestCluster(objects);
      const left = [...changes];
      while (left.length > 0) {
        await cluster.calculator.settle(() => {
          const change = left.shift();
          if (change) carryOut(cluster, change);
          return undefined;
        });
        const change = left.shift();
        if (change) carryOut(cluster, change);
      }
      expect(plain(cluster.state())).toEqual(plain(cluster.newCalculator().state()));
    },
  );
  await fc.assert(property, { numRuns: 100 });
});

test('who follows the changes told of has what there is', () => {
  const property = fc.property(
    anyCluster,
    fc.array(anyChange, { minLength: 6, maxLength: 30 }),
    (objects, changes) => {
      const cluster = new TestCluster(objects);
      let before = cluster.state();
      let had = plain(before);
      changes.forEach((change, i) => {
        carryOut(cluster, change);
        if (i % 3 > 0) return;
        const state = cluster.state();
        const now = plain(state);
        expect(state.changes?.since ?? before.version).toBeLessThanOrEqual(before.version!);
        const told = state.version === before.version ? undefined : state.changes;
        const peers = [...now.peers.keys(), ...had.peers.keys()];
        const rules = [...now.rules, ...had.rules];
        expect(peers.filter((ip) => now.peers.get(ip) !== had.peers.get(ip) && !told?.peers.has(ip))).toEqual(
          [],
        );
        expect(
          rules.filter((key) => now.rules.has(key) !== had.rules.has(key) && !told?.rules.has(key)),
        ).toEqual([]);
        [before, had] = [state, now];
      });
    },
  );
  fc.assert(property, { numRuns: 60 });
});

function carryOut(cluster: TestCluster, change: ClusterChange): void {
  if ('policy' in change) putOrDelete(cluster.policies, change.policy, change.gone);
  else if ('namespace' in change) putOrDelete(cluster.namespaces, change.namespace, change.gone);
  else putOrDelete(cluster.pods, change.pod, change.gone);
}

function putOrDelete<T extends KubeObject>(store: MemoryStore<T>, object: T, gone: boolean): void {
  if (gone) store.delete(keyOf(object));
  else store.set(object);
}

/** Packets that the state and the objects judge differently: of those that there are one in `sampled`. */
function disagreements(cluster: TestCluster, offset: number): unknown[] {
  const state = cluster.state();
  const objects = cluster.objects();
  const found: unknown[] = [];
  for (const local of cluster.localPods()) {
    const pod = `${local.namespace}/${local.name}`;
    for (const ip of ipsOfLocal(local))
      for (const attempt of attempts({ pod, ip }).filter((_, i) => i % sampled === offset)) {
        const { direction, peer, protocol, port } = attempt;
        const side = evaluate(objects, attempt)[direction];
        const said = side.isolatedBy.length === 0 || side.allowedBy !== undefined;
        const judged = judge(state, {
          pod: parseIp(ip),
          direction,
          peer: parseIp(peer),
          protocol: protocolNumbers[protocol],
          port,
        });
        if (judged !== said) found.push({ ...attempt, judged, side });
      }
  }
  return found;
}

function attempts(pod: { pod: string; ip: string }): (Attempt & { direction: Direction; peer: string })[] {
  const family = parseIp(pod.ip).family;
  const peers = anyAddress.filter((peer) => peer !== pod.ip && parseIp(peer).family === family);
  return directions.flatMap((direction) =>
    peers.flatMap((peer) =>
      protocols.flatMap((protocol) =>
        portsTried.map((port) => {
          const [from, to] = direction === 'egress' ? [pod, { ip: peer }] : [{ ip: peer }, pod];
          return { direction, peer, from, to, protocol, port };
        }),
      ),
    ),
  );
}
