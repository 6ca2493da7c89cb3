import { beforeEach, describe, expect, test } from 'vitest';
import { resources } from '../kube/resources.ts';
import { type InstallRequest, install } from './install.ts';
import { callBack, sendAway } from './kube-proxy.ts';
import { readInstallation } from './record.ts';
import { lookAtStatus } from './status.ts';
import { FakeCluster, goodReport } from './testing/fake-cluster.ts';
import { uninstall } from './uninstall.ts';
import { deployValues } from './values.ts';

let cluster: FakeCluster;
let told: string[];
const values = deployValues({}, 'tendril:1');

const teller = { step: () => {}, note: (text: string) => void told.push(text) };
const request = (changes: Partial<InstallRequest> = {}): InstallRequest => ({
  ...{ given: {}, values, version: '1', restartPods: false, timeoutMs: 1000, teller },
  replace: { kubeProxy: false, cni: false, dns: false },
  ...changes,
});
const run = (changes?: Partial<InstallRequest>) => install(cluster.client, request(changes));
const off = (force = false) => uninstall(cluster.client, { values, force, timeoutMs: 1000, teller });

beforeEach(() => {
  cluster = new FakeCluster(['a', 'b']);
  told = [];
});

const tasks = () => cluster.tasks.map((task) => task.split(' ').slice(0, 2).join(' '));
const podNames = () => cluster.client.objects(resources.pods).map(({ metadata }) => metadata.name);

describe('an installation', () => {
  test('looks at every node, applies the objects, waits, and ends with the status', async () => {
    const status = await run({ given: { zone: 'my.zone' } });
    expect(status).toMatchObject({ kubernetes: 'v1.36.3', installedBy: '1', problems: [] });
    expect(status.nodes.map(({ name, agent, dns }) => [name, agent, dns])).toEqual([
      ['a', 'in force', 'answers'],
      ['b', 'in force', 'answers'],
    ]);
    expect(tasks().slice(0, 2).sort()).toEqual(['preflight a', 'preflight b']);
    expect(await readInstallation(cluster.client)).toEqual({ version: '1', values: { zone: 'my.zone' } });
    expect(podNames().filter((name) => /preflight|attachments/.test(name))).toEqual([]);
  });

  test('is the same the second time', async () => {
    await run();
    const before = cluster.client
      .objects(resources.daemonSets)
      .map(({ metadata }) => metadata.resourceVersion);
    await run();
    expect(
      cluster.client.objects(resources.daemonSets).map(({ metadata }) => metadata.resourceVersion),
    ).toEqual(before);
    expect(told).toContainEqual(expect.stringMatching(/^\d+ objects are as they should be$/));
  });

  test('with something in the way tells it all, and has changed nothing', async () => {
    cluster.reports.preflight = (node) => ({
      ...goodReport,
      cgroup2: false,
      kubeProxyRules: [`rules on ${node}`],
    });
    const error = await run().catch((thrown: Error) => thrown);
    expect(String(error)).toMatch(/a, b: .*no cgroup2[\s\S]*a: rules[\s\S]*rules on a[\s\S]*b: rules/);
    expect(cluster.client.writes.filter((write) => !write.includes('/tendril-preflight-'))).toEqual([]);
    expect(podNames()).toEqual([]);
  });

  test('without the rights for it names them, and looks no further', async () => {
    cluster.allows = ({ verb, resource }) => !(verb === 'create' && resource === 'daemonsets');
    await expect(run()).rejects.toThrow(
      /create daemonsets.apps in tendril-system, create daemonsets.apps in kube-system/,
    );
    expect([cluster.tasks, cluster.client.writes]).toEqual([[], []]);
  });

  test('whose agent does not become ready tells which, and why', async () => {
    cluster.stuck['tendril-agent'] = ['b'];
    await expect(run()).rejects.toThrow(/agent is not ready within 1 s on\n {2}b: /);
    expect(told).toContain('a: agent is ready');
  });

  test('lets pods start again where an attempt to remove it was ended half-way', async () => {
    cluster.reports.preflight = (node) => ({ ...goodReport, podsHeld: node === 'b' });
    await run();
    expect(cluster.tasks.filter((task) => task.startsWith('hold-pods'))).toEqual([
      'hold-pods b {"hold":false}',
    ]);
  });

  test('counts pods that run outside Tendril, and makes those anew that somebody owns', async () => {
    cluster.addPod('inside', 'a');
    cluster.addPod('outside', 'a', { wired: false });
    cluster.addPod('bare', 'b', { wired: false, owned: false });
    await run();
    expect(told).toContainEqual(expect.stringContaining('2 pods run outside Tendril'));
    await run({ restartPods: true });
    expect(podNames()).toEqual(expect.arrayContaining(['inside', 'bare']));
    expect(podNames()).not.toContain('outside');
  });
});

describe('what is taken off', () => {
  test('ends the pods that were wired, while agents are there, then cleans the nodes', async () => {
    await run();
    cluster.addPod('wired', 'a');
    cluster.addPod('other', 'b', { wired: false });
    cluster.tasks.length = 0;
    expect(await off()).toBe(true);
    expect(tasks().map((task) => task.split(' ')[0])).toEqual([
      ...['hold-pods', 'hold-pods', 'attachments', 'attachments', 'attachments', 'attachments'],
      ...['remove-tendril', 'remove-tendril'],
    ]);
    expect(podNames()).toEqual(['other']);
    expect(await lookAtStatus(cluster.client)).toBeUndefined();
    expect(cluster.client.objects(resources.namespaces)).toEqual([]);
  });

  test('gives conflists of another network back to the nodes that had them', async () => {
    cluster.reports['adopt-pods'] = (node) => ({
      ...{ conflists: { aside: node === 'a' ? ['10-usual.conflist'] : [] }, pods: [], problems: [] },
    });
    cluster.reports['restore-conflists'] = () => ({ restored: ['10-usual.conflist'] });
    await run({ replace: { kubeProxy: false, cni: true, dns: false } });
    expect(await off()).toBe(true);
    expect(told).toContain('a: back: 10-usual.conflist');
    expect(tasks().filter((task) => task.startsWith('restore'))).toEqual(['restore-conflists a']);
  });

  test('tells where pods stay held back after a failure', async () => {
    await run();
    cluster.addPod('wired', 'a');
    cluster.reports.attachments = () => {
      cluster.reports['hold-pods'] = (node) => {
        if (node === 'b') throw new Error('away');
        return { held: false };
      };
      throw new Error('away');
    };
    await expect(off()).rejects.toThrow('away');
    expect(told).toContainEqual(expect.stringContaining('no new pod starts on b until'));
  });

  test('does not wait for what another network left of pods that are no more', async () => {
    await run();
    const leftover = { namespace: '', pod: '', uid: '', ips: ['10.244.0.7'] };
    cluster.reports.attachments = () => ({ pods: [leftover] });
    await expect(off()).rejects.toThrow('has not unwired');
    cluster.reports.attachments = () => ({ pods: [{ ...leftover, former: true }] });
    expect(await off()).toBe(true);
  });

  test('goes on as it was where pods do not end', async () => {
    await run();
    const { metadata } = cluster.addPod('wired', 'a');
    cluster.client.change(resources.pods, metadata, { metadata: { finalizers: ['somebody/holds'] } });
    cluster.tasks.length = 0;
    await expect(off()).rejects.toThrow('pods do not end: shop/wired');
    expect(cluster.tasks.filter((task) => task.startsWith('hold-pods a'))).toEqual([
      'hold-pods a {"hold":true}',
      'hold-pods a {"hold":false}',
    ]);
    expect(await lookAtStatus(cluster.client)).toMatchObject({ problems: [] });
  });

  test('ends no pod where a node’s agent cannot unwire its own, unless it is forced to', async () => {
    cluster.stuck['tendril-agent'] = ['b'];
    await expect(run()).rejects.toThrow('agent is not ready');
    cluster.addPod('there', 'a');
    cluster.addPod('here', 'b');
    await expect(off()).rejects.toThrow('no agent unwires the pods on b');
    expect(podNames()).toEqual(expect.arrayContaining(['there', 'here']));
    expect(await off(true)).toBe(true);
    expect(podNames()).toEqual(['here']);
  });

  test('is taken off without more ado where none of its agents came to work', async () => {
    cluster.stuck['tendril-agent'] = ['a', 'b'];
    await expect(run()).rejects.toThrow('agent is not ready');
    expect(await off()).toBe(true);
  });

  test('was never there', async () => {
    expect(await off()).toBe(false);
  });
});

describe('kube-proxy', () => {
  const kubeProxy = { kind: 'DaemonSet', namespace: 'kube-system', name: 'kube-proxy' } as const;
  const waiting = { timeoutMs: 1000, nodes: ['a', 'b'] };
  const daemonSet = {
    metadata: { namespace: 'kube-system', name: 'kube-proxy' },
    spec: {
      selector: { matchLabels: { app: 'p' } },
      template: {
        metadata: { labels: { app: 'p' } },
        spec: { nodeSelector: { os: 'linux' }, containers: [{ name: 'p', image: 'k/kube-proxy:v1' }] },
      },
    },
  };

  test('is sent away with its DaemonSet left, and called back', async () => {
    cluster.client.seed(resources.daemonSets, daemonSet as never);
    await expect(run()).rejects.toThrow('kube-proxy serves Services');
    await sendAway(cluster.client, kubeProxy, waiting);
    expect(podNames()).toEqual([]);
    await run();
    await callBack(cluster.client, kubeProxy, waiting);
    expect(podNames()).toEqual(expect.arrayContaining(['kube-proxy-a', 'kube-proxy-b']));
    const set = cluster.client
      .objects(resources.daemonSets)
      .find(({ metadata }) => metadata.name === 'kube-proxy');
    expect(set!.spec!.template.spec!.nodeSelector).toEqual({ os: 'linux' });
  });

  test('is called back when Tendril goes, also where the record of it is gone', async () => {
    cluster.client.seed(resources.daemonSets, daemonSet as never);
    cluster.reports['remove-kube-proxy-rules'] = () => ({
      ...{ translatedConnections: 0, natKept: false, problems: [] },
    });
    await run({ replace: { kubeProxy: true, cni: false, dns: false } });
    expect(podNames()).not.toContain('kube-proxy-a');
    await cluster.client.delete(resources.configMaps, { namespace: 'tendril-system', name: 'tendril-found' });
    await off();
    expect(podNames()).toEqual(expect.arrayContaining(['kube-proxy-a', 'kube-proxy-b']));
  });

  test('is not gone while one of its pods ends', async () => {
    cluster.client.seed(resources.daemonSets, daemonSet as never);
    await cluster.client.list(resources.pods);
    for (const { metadata } of cluster.client.objects(resources.pods))
      cluster.client.change(resources.pods, metadata, {
        metadata: { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['its/kubelet'] },
      });
    await expect(sendAway(cluster.client, kubeProxy, waiting)).rejects.toThrow(
      'kube-proxy does not go from a, b',
    );
  });

  test('whose DaemonSet is no more is not called back', async () => {
    await callBack(cluster.client, kubeProxy, waiting);
  });
});
