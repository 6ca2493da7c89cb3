import { beforeEach, describe, expect, test } from 'vitest';
import { FakeClient } from '../kube/client/fake-client.ts';
import { resources } from '../kube/resources.ts';
import type { Pod } from '../kube/types.ts';
import { encodeOutcome } from '../node-tasks/outcome.ts';
import { FakeClock } from '../util/clock.ts';
import { nodePodLabels, nodePodNamespace } from './node-pod.ts';
import { type NodeTaskResult, type NodeTaskRun, requireReports, runNodeTask } from './node-pods.ts';

type Statuses = Record<string, Pod['status']>;

const values = { image: 'registry/tendril:1', cgroup: '/sys/fs/cgroup', imagePullSecrets: [] };
const ended = { phase: 'Succeeded', containerStatuses: [{ state: { terminated: { exitCode: 0 } } }] };

let client: FakeClient;
let clock: FakeClock;
/** By node. */
let logs: Record<string, string>;

beforeEach(() => {
  clock = new FakeClock();
  client = new FakeClient({ clock });
  logs = {};
});

/** The kubelets give each node's pod its status as soon as it is asked for. */
function kubelets(statuses: Statuses): void {
  const nodeOf = (name: string | undefined) =>
    client.objects(resources.pods).find(({ metadata }) => metadata.name === name)?.spec?.nodeName ?? '';
  client.intercept = ({ verb, type, name }) => {
    const pod = client.objects(resources.pods).find(({ metadata }) => metadata.name === name);
    const status = statuses[nodeOf(name)];
    if (verb === 'get' && type === resources.pods && pod && status && !pod.status?.phase)
      client.change(resources.pods, pod.metadata, { status });
  };
  client.request = async (_, path) => {
    const name = /pods\/([^/]+)\/log$/.exec(path)?.[1];
    return logs[nodeOf(name)] ?? '';
  };
}

async function run(options: Partial<NodeTaskRun>): Promise<NodeTaskResult[]> {
  const nodes = options.nodes ?? ['a'];
  let results: NodeTaskResult[] | undefined;
  const running = runNodeTask(client, { task: 'preflight', values, clock, ...options, nodes }).then((all) => {
    results = all;
  });
  for (let i = 0; i < 100 && results === undefined; i++) await clock.advance(10_000);
  await running;
  return results!;
}

const messageOf = (results: NodeTaskResult[]): string => {
  const [first] = results;
  return String((first as { error: Error }).error);
};

describe('a task on nodes', () => {
  test('gives each one’s report, in their order, and leaves no pod', async () => {
    kubelets({ a: ended as never, b: ended as never });
    logs = {
      a: `something else\n${encodeOutcome({ report: { kernel: '6.1' } })}`,
      b: encodeOutcome({ report: { kernel: '6.12' } }),
    };
    const reports = requireReports(await run({ nodes: ['b', 'a'] }));
    expect([...reports]).toEqual([
      ['b', { kernel: '6.12' }],
      ['a', { kernel: '6.1' }],
    ]);
    expect(client.objects(resources.pods)).toEqual([]);
  });

  test('gets what it takes, one input for all or one for each', async () => {
    const seen: unknown[] = [];
    kubelets({ a: ended as never, b: ended as never });
    const { create } = client;
    client.create = async (type, object) => {
      seen.push((object as unknown as Pod).spec?.containers[0]?.args?.at(-1));
      return (await create.call(client, type, object as never)) as never;
    };
    await run({ nodes: ['a', 'b'], input: (node: string) => ({ node }) });
    expect(seen.sort()).toEqual(['{"node":"a"}', '{"node":"b"}']);
  });

  test('that failed throws what it threw there, with the node’s name', async () => {
    kubelets({ a: { ...ended, phase: 'Failed' } as never });
    logs.a = encodeOutcome({
      error: { code: 'KERNEL_FEATURE', message: 'no veth', remedy: 'modprobe veth' },
    });
    const results = await run({});
    expect(() => requireReports(results)).toThrow(
      expect.objectContaining({ code: 'KERNEL_FEATURE', message: 'a: no veth', remedy: 'modprobe veth' }),
    );
    expect(client.objects(resources.pods)).toEqual([]);
  });

  test('whose image is not to be had is told at once', async () => {
    const waiting = { reason: 'ImagePullBackOff', message: 'no such manifest' };
    kubelets({ a: { phase: 'Pending', containerStatuses: [{ state: { waiting } }] } as never });
    const results = await run({});
    expect(messageOf(results)).toMatch(/a: .*ImagePullBackOff: no such manifest/);
    expect(clock.now()).toBeLessThanOrEqual(10_000);
    expect(client.objects(resources.pods)).toEqual([]);
  });

  test('whose pod does not start is given up, with what its events say', async () => {
    kubelets({});
    const { create } = client;
    client.create = async (type, object) => {
      const pod = await create.call(client, type, object as never);
      client.seed(resources.events, {
        metadata: { name: 'e', namespace: nodePodNamespace },
        ...{ involvedObject: { name: pod.metadata.name }, type: 'Warning' },
        ...{ reason: 'FailedMount', message: '/sys/fs/bpf is not a directory' },
      } as never);
      return pod as never;
    };
    expect(messageOf(await run({ timeoutMs: 20_000 }))).toMatch(
      /a: no report within 20 s: FailedMount: .sys.fs.bpf is not a directory/,
    );
  });

  test('that ended without a word is told with its exit status', async () => {
    const terminated = { exitCode: 137, reason: 'OOMKilled' };
    kubelets({ a: { phase: 'Failed', containerStatuses: [{ state: { terminated } }] } as never });
    expect(messageOf(await run({}))).toContain('without a report: exit status 137, OOMKilled');
  });

  test('is cancelled, and its pods are deleted', async () => {
    kubelets({});
    const stop = new AbortController();
    const running = runNodeTask(client, {
      ...{ task: 'preflight', values, clock },
      nodes: ['a', 'b'],
      signal: stop.signal,
    });
    await clock.advance(1000);
    expect(client.objects(resources.pods)).toHaveLength(2);
    stop.abort(new Error('Ctrl-C'));
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(client.objects(resources.pods)).toEqual([]);
  });

  test('removes the pods that an earlier command left', async () => {
    kubelets({ a: ended as never });
    logs.a = encodeOutcome({ report: {} });
    for (const [name, phase] of [
      ['left', 'Failed'],
      ['at-work', 'Running'],
    ])
      client.seed(resources.pods, {
        metadata: { name: name!, namespace: nodePodNamespace, labels: nodePodLabels },
        status: { phase },
      } as never);
    await run({});
    expect(client.objects(resources.pods).map(({ metadata }) => metadata.name)).toEqual(['at-work']);
  });
});
