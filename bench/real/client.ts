/**
 * Asks a real cluster's API from inside its network, for the bench: `node bench/real/client.ts KUBECONFIG`. A line in, a line of
 * JSON out: `pods N` starts that many at once and gives the milliseconds from each one's creation until it is Ready;
 * `changes N` gives those from a change of a Service's endpoints until it answers, and again until it refuses.
 */
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHttpClient } from '../../src/kube/client/http-client.ts';
import { loadKubeconfig } from '../../src/kube/client/kubeconfig.ts';
import type { NewObject } from '../../src/kube/meta.ts';
import { resources } from '../../src/kube/resources.ts';
import type { Pod } from '../../src/kube/types.ts';

const client = createHttpClient(await loadKubeconfig(process.argv[2]!));
const namespace = 'default';
const label = { 'tendril.dev/bench': 'pods' };
const labelSelector = 'tendril.dev/bench=pods';

const podOf = (name: string): NewObject<Pod> => ({
  metadata: { name, namespace, labels: label },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'pause', image: 'registry.k8s.io/pause:3.10.2' }],
  },
});

const isReady = ({ status }: Pod) =>
  status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True');

async function startPods(count: number): Promise<number[]> {
  const { resourceVersion } = await client.list(resources.pods, { namespace, labelSelector });
  const stop = new AbortController();
  const created = new Map<string, number>();
  const took = new Map<string, number>();
  const watching = (async () => {
    const options = { namespace, labelSelector, resourceVersion, signal: stop.signal };
    for await (const event of client.watch(resources.pods, options)) {
      if (event.type === 'BOOKMARK' || !isReady(event.object)) continue;
      const { name } = event.object.metadata;
      if (!took.has(name)) took.set(name, performance.now() - created.get(name)!);
      if (took.size === count) return;
    }
  })();
  const names = Array.from({ length: count }, (_, i) => `bench-${i}`);
  await Promise.all(
    names.map((name) => {
      created.set(name, performance.now());
      return client.create(resources.pods, podOf(name));
    }),
  );
  await Promise.race([watching, sleep(240_000, undefined, { ref: false })]);
  stop.abort();
  if (took.size < count) throw new Error(`${count - took.size} of ${count} pods were not Ready in 240 s`);
  return [...took.values()];
}

async function removePods(): Promise<void> {
  for (;;) {
    const { items } = await client.list(resources.pods, { namespace, labelSelector });
    if (items.length === 0) return;
    await Promise.all(
      items.map(({ metadata: { name } }) =>
        client.delete(resources.pods, { namespace, name }, { gracePeriodSeconds: 0 }).catch(() => {}),
      ),
    );
    await sleep(500);
  }
}

/** Whether anyone accepts there. */
function answers(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port, timeout: 100 });
  for (const [event, result] of [
    ['connect', true],
    ['error', false],
    ['timeout', false],
  ] as const)
    socket.once(event, () => {
      socket.destroy();
      resolve(result);
    });
  return promise;
}

async function until(host: string, port: number, wanted: boolean): Promise<number> {
  const began = performance.now();
  while ((await answers(host, port)) !== wanted) {
    if (performance.now() - began > 60_000) throw new Error(`${host}:${port} did not change in 60 s`);
    await sleep(1);
  }
  return performance.now() - began;
}

/** A Service without a selector, whose endpoint comes and goes: the server is the API's own, so that nothing but the proxy is waited for. */
async function changeService(count: number): Promise<{ up: number[]; down: number[] }> {
  const name = 'bench-change';
  const service = await client.create(resources.services, {
    metadata: { name, namespace },
    spec: { ports: [{ port: 443, targetPort: 6443 }] },
  });
  const host = service.spec!.clusterIP!;
  const up: number[] = [];
  const down: number[] = [];
  try {
    await until(host, 443, false);
    for (let i = 0; i < count; i++) {
      await client.create(resources.endpointSlices, {
        metadata: { name, namespace, labels: { 'kubernetes.io/service-name': name } },
        addressType: 'IPv4',
        endpoints: [{ addresses: ['10.90.0.10'], conditions: { ready: true } }],
        ports: [{ name: '', port: 6443, protocol: 'TCP' }],
      });
      up.push(await until(host, 443, true));
      await client.delete(resources.endpointSlices, { namespace, name });
      down.push(await until(host, 443, false));
      // Past the time in which kube-proxy waits before its next sync.
      await sleep(1200);
    }
  } finally {
    await client.delete(resources.services, { namespace, name });
  }
  return { up, down };
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command, count] = line.split(' ');
  if (command === 'pods') {
    const took = await startPods(Number(count));
    process.stdout.write(`${JSON.stringify(took)}\n`);
  } else if (command === 'clear') {
    await removePods();
    process.stdout.write('[]\n');
  } else process.stdout.write(`${JSON.stringify(await changeService(Number(count)))}\n`);
}
process.exit(0);
