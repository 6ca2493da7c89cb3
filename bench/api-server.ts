/**
 * The lab's API server alone, as a process, its clients beside it on the same processors: how soon it answers, how many
 * writes it takes beside what etcd takes of the same bytes, how long a list of many pods is, how fast events go round.
 */
import { spawn } from 'node:child_process';
import { Agent, get } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject, NewObject } from '../src/kube/meta.ts';
import { resources } from '../src/kube/resources.ts';
import { ApiProcess, type ApiProcessOptions, apiServerProgram } from '../tests/e2e/support/api-process.ts';
import { concurrently } from '../tests/e2e/support/concurrently.ts';
import { goClient } from '../tests/e2e/support/go-programs.ts';
import { WatchCrowd, Watcher } from '../tests/e2e/support/watch-crowd.ts';
import { startEtcd } from './peers/etcd.ts';
import { medianOf, percentileOf, type Report } from './report.ts';
import { bundled } from './rig/bundle.ts';
import { LineProcess } from './rig/machine.ts';
import { reportRates, takeTurns } from './rig/turns.ts';

export const claim =
  'answers 200 ms after its start, takes thousands of writes a second, lists 10,000 pods within 200 ms, and tells 100 watchers of a change within 20 ms';

const namespace = 'default';
const [starts, lists, loneChanges, burst] = [11, 21, 100, 3000];
const turns = { rounds: 12, ms: 500 };
const pods = 10_000;
const watchers = 100;
const pauseMs = 30;

export async function run(report: Report): Promise<void> {
  const command = [await bundled(apiServerProgram)];
  await reportStart(report, command);
  await reportWrites(report, command);
  await reportLists(report, command);
  await reportFanOut(report, command);
}

async function reportStart(report: Report, command: readonly string[]): Promise<void> {
  const took: number[] = [];
  for (let i = 0; i <= starts; i++) {
    const began = performance.now();
    await using api = await ApiProcess.start({ command });
    await answerOf(api, '/readyz');
    if (i > 0) took.push(performance.now() - began);
  }
  const { median, interval } = medianOf(took);
  report({ name: 'from its start to an answer', value: median, interval, unit: 'ms', runs: starts });
}

/** The client is the same program for all, with 16 writes under way. */
async function reportWrites(report: Report, command: readonly string[]): Promise<void> {
  const client = goClient('writes');
  if (client === undefined) return;
  await using etcd = await startEtcd();
  await using parties = new AsyncDisposableStack();
  const load = async (name: string, options: ApiProcessOptions) => {
    const api = parties.use(await ApiProcess.start({ command, ...options }));
    return loadOf(name, { argv: [client, 'api'], kubeconfig: api.kubeconfig, parties });
  };
  const loads = [
    await load('in memory', {}),
    await load('kept in a directory', { keepsState: true }),
    loadOf(`etcd ${etcd.version}`, { argv: [client, 'etcd', etcd.url], kubeconfig: '', parties }),
  ];
  const [inMemory, kept, peer] = await takeTurns(loads, turns);
  reportRates(report, { name: 'ConfigMaps created, in memory', unit: '/s' }, [inMemory!, peer!]);
  reportRates(report, { name: 'ConfigMaps created, kept (--state)', unit: '/s' }, [kept!, peer!]);
}

function loadOf(
  name: string,
  options: { argv: readonly string[]; kubeconfig: string; parties: AsyncDisposableStack },
) {
  const [program, ...rest] = options.argv;
  const env = { ...process.env, KUBECONFIG: options.kubeconfig };
  const child = spawn(program!, rest, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  options.parties.defer(() => void child.kill('SIGKILL'));
  return { contender: { name, forget: async () => {} }, client: new LineProcess(child, options.argv) };
}

async function reportLists(report: Report, command: readonly string[]): Promise<void> {
  await using api = await ApiProcess.start({ command });
  await createAll(api, pods);
  const all = `/api/v1/namespaces/${namespace}/pods`;
  const took = { whole: [] as number[], paged: [] as number[], first: [] as number[] };
  let bytes = 0;
  for (let i = 0; i <= lists; i++) {
    const began = performance.now();
    bytes = (await answerOf(api, all)).length;
    (i === 0 ? took.first : took.whole).push(performance.now() - began);
  }
  for (let i = 0; i < lists; i++) {
    const began = performance.now();
    let next: string | undefined = '';
    while (next !== undefined) {
      const page = JSON.parse(String(await answerOf(api, `${all}?limit=500&continue=${next}`)));
      next = page.metadata.continue;
    }
    took.paged.push(performance.now() - began);
  }
  const line = (name: string, values: readonly number[]) => {
    const { median, interval } = medianOf(values);
    report({
      name: `list of 10,000 pods, ${name}`,
      value: median,
      interval,
      unit: 'ms',
      runs: values.length,
    });
  };
  line('the first', took.first);
  line('whole', took.whole);
  line('in pages of 500, read as JSON', took.paged);
  report({ name: 'list of 10,000 pods', value: bytes / 2 ** 20, unit: 'MiB', runs: 1 });
  report({ name: 'resident then', value: (await api.report()).residentMib, unit: 'MiB', runs: 1 });
}

async function createAll(api: ApiProcess, count: number): Promise<void> {
  const client = api.client();
  const indexes = Array.from({ length: count }, (_, index) => index);
  await concurrently(16, indexes, async (index) => {
    await client.create(resources.pods, podOf(index));
  });
  client.close();
}

/** As a Deployment's: what a list has most of. */
function podOf(index: number): NewObject<KubeObject> {
  const labels = { app: `app-${index % 100}`, 'pod-template-hash': '5d4f8c7b9' };
  const spec = {
    nodeName: `node-${index % 50}`,
    containers: [
      {
        name: 'server',
        image: 'example.com/app:1',
        ports: [{ name: 'http', containerPort: 8080 }],
        env: [{ name: 'MODE', value: 'production' }],
        readinessProbe: { httpGet: { path: '/', port: 'http' } },
      },
    ],
  };
  return { metadata: { name: `pod-${index}`, namespace, labels }, spec } as NewObject<KubeObject>;
}

async function reportFanOut(report: Report, command: readonly string[]): Promise<void> {
  await using api = await ApiProcess.start({ command });
  const client = api.client();
  const key = { namespace, name: 'one' };
  await client.create(resources.configMaps, { metadata: key, data: {} } as NewObject<KubeObject>);
  const { resourceVersion } = await client.list(resources.configMaps, { namespace });
  const path = `/api/v1/namespaces/${namespace}/configmaps?watch=1&resourceVersion=${resourceVersion}`;
  using crowd = await WatchCrowd.open(
    api.endpoint,
    Array.from({ length: watchers }, () => new Watcher(path)),
  );
  let changes = 0;
  const change = async () => {
    const body = { data: { change: `${changes++}`, text: 'x'.repeat(400) } };
    await client.patch(resources.configMaps, key, { type: 'application/merge-patch+json', body });
  };
  const lone: number[] = [];
  for (let i = 0; i < loneChanges; i++) {
    // Events that follow shortly after one go together: a change is alone after a pause.
    await sleep(pauseMs);
    const began = performance.now();
    await change();
    await crowd.until(() => changes);
    lone.push(performance.now() - began);
  }
  const began = performance.now();
  await concurrently(16, Array.from({ length: burst }), change);
  await crowd.until(() => changes);
  const perSecond = (burst * watchers) / ((performance.now() - began) / 1000);
  for (const [name, share] of [
    ['p50', 0.5],
    ['p99', 0.99],
  ] as const) {
    const value = percentileOf(lone, share);
    report({ name: `a change at the last of 100 watchers, ${name}`, value, unit: 'ms', runs: loneChanges });
  }
  report({ name: 'events at 100 watchers', value: perSecond, unit: '/s', runs: 1 });
  client.close();
}

const agents = new WeakMap<ApiProcess, Agent>();

/** A GET's whole body, by a connection that stays open. @throws Error for another status than 200 */
function answerOf(api: ApiProcess, path: string): Promise<Buffer> {
  const { ca, cert, key, server } = api.endpoint;
  const agent = agents.get(api) ?? new Agent({ ca, cert, key, keepAlive: true });
  agents.set(api, agent);
  const { hostname: host, port } = new URL(server);
  return new Promise((resolve, reject) => {
    get({ host, port, path, agent }, async (answer) => {
      const body = Buffer.concat(await answer.toArray());
      if (answer.statusCode === 200) resolve(body);
      else reject(new Error(`${path} is answered by ${answer.statusCode}`));
    }).on('error', reject);
  });
}
