import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClient } from '../kube/client/fake-client.ts';
import { resources } from '../kube/resources.ts';
import type { Pod } from '../kube/types.ts';
import type { Clock } from '../util/clock.ts';
import { replaceDns, restoreDns } from './dns.ts';

const namespace = 'kube-system';
const dns = { 'k8s-app': 'kube-dns' };
const ours = { ...dns, 'app.kubernetes.io/name': 'tendril' };

/** A cluster whose controllers make one step whenever somebody waits; remembers who was behind the Service. */
class Cluster {
  readonly client = new FakeClient();
  readonly trace: string[] = [];
  /** Pods that are told to end do so with the next step but one. */
  readonly #ending = new Set<string>();
  #time = 0;

  readonly clock: Clock = {
    now: () => this.#time,
    monotonic: () => this.#time,
    sleep: async (ms) => {
      this.#time += ms;
      this.step();
    },
    after: () => () => {},
  };

  constructor() {
    const { client } = this;
    client.seed(resources.services, { metadata: { namespace, name: 'kube-dns' }, spec: { selector: dns } });
    const template = { metadata: { labels: dns }, spec: { containers: [] } };
    client.seed(resources.deployments, {
      metadata: { namespace, name: 'coredns' },
      spec: { replicas: 2, selector: { matchLabels: dns }, template },
    });
    client.seed(resources.daemonSets, {
      metadata: { namespace, name: 'tendril-dns' },
      spec: {
        selector: { matchLabels: ours },
        template: { metadata: { labels: ours }, spec: { containers: [] } },
      },
    });
    this.#setPods('coredns', 2, dns);
    this.#endpoints();
  }

  servers(): string[] {
    return this.client.objects(resources.pods).map(({ metadata }) => metadata.name);
  }

  step(): void {
    const { client } = this;
    const key = { namespace, name: 'coredns' };
    const replicas = client.objects(resources.deployments)[0]?.spec?.replicas ?? 0;
    this.#setPods('coredns', replicas, dns);
    this.#setPods('tendril-dns', 3, ours);
    if (client.objects(resources.deployments).length > 0)
      client.change(resources.deployments, key, {
        status: {
          readyReplicas: replicas,
          observedGeneration: client.objects(resources.deployments)[0]!.metadata.generation,
        },
      });
    client.change(
      resources.daemonSets,
      { namespace, name: 'tendril-dns' },
      {
        status: { desiredNumberScheduled: 3, numberReady: 3, observedGeneration: 1 },
      },
    );
    this.#endpoints();
  }

  #setPods(name: string, count: number, labels: Record<string, string>): void {
    const present = this.client
      .objects(resources.pods)
      .filter(({ metadata }) => metadata.name.startsWith(`${name}-`));
    for (let i = present.length; i < count; i++)
      this.client.seed(resources.pods, { metadata: { namespace, name: `${name}-${i}`, labels } });
    for (const pod of present.slice(count)) this.#end(pod);
  }

  #end({ metadata: { name } }: Pod): void {
    if (this.#ending.delete(name))
      void this.client.delete(resources.pods, { namespace, name }, { gracePeriodSeconds: 0 });
    else this.#ending.add(name);
  }

  #endpoints(): void {
    const { selector = {} } = this.client.objects(resources.services)[0]!.spec!;
    const fits = ({ metadata: { labels = {} } }: Pod) =>
      Object.entries(selector).every(([key, value]) => labels[key] === value);
    const names = this.client
      .objects(resources.pods)
      .filter(fits)
      .map(({ metadata }) => metadata.name);
    const ready = names.filter((name) => !this.#ending.has(name));
    const told = [...new Set(ready.map((name) => name.replace(/-\d$/, '')))].sort().join('+');
    if (this.trace.at(-1) !== told) this.trace.push(told);
    const endpoints = names.map((name) => ({
      ...{ addresses: ['10.0.0.1'], targetRef: { name } },
      conditions: { ready: !this.#ending.has(name) },
    }));
    const slice = { namespace, name: 'kube-dns-1', labels: { 'kubernetes.io/service-name': 'kube-dns' } };
    if (this.client.objects(resources.endpointSlices).length === 0)
      this.client.seed(resources.endpointSlices, {
        metadata: slice,
        addressType: 'IPv4',
        ports: [],
        endpoints,
      });
    else this.client.change(resources.endpointSlices, slice, { endpoints });
  }
}

let cluster: Cluster;

const selector = () => cluster.client.objects(resources.services)[0]!.spec!.selector;
const replicas = () => cluster.client.objects(resources.deployments)[0]!.spec!.replicas;
const found = { deployments: [{ namespace, name: 'coredns', replicas: 2 }] };

describe('cluster DNS', () => {
  beforeEach(() => {
    cluster = new Cluster();
  });

  it('passes to ours once they are behind the Service too, and is never without a server', async () => {
    const recorded: unknown[] = [];
    const record = async (what: unknown) => {
      recorded.push(what, replicas());
    };
    expect(await replaceDns(cluster.client, { clock: cluster.clock, record })).toEqual(found);
    expect(recorded).toEqual([found, 2]);
    expect(cluster.trace).toEqual(['coredns', 'coredns+tendril-dns', 'tendril-dns']);
    expect(cluster.servers()).toEqual(['tendril-dns-0', 'tendril-dns-1', 'tendril-dns-2']);
    expect(selector()).toEqual(dns);
  });

  it('passes back with as many servers as before', async () => {
    const { clock } = cluster;
    await replaceDns(cluster.client, { clock });
    await restoreDns(cluster.client, found, { clock });
    expect(replicas()).toBe(2);
    expect(cluster.trace.slice(2)).toEqual(['tendril-dns', 'coredns+tendril-dns']);
  });

  it('has nothing changed by a second call, which keeps what the first has found', async () => {
    const { clock } = cluster;
    await replaceDns(cluster.client, { clock });
    const writes = cluster.client.writes.length;
    expect(await replaceDns(cluster.client, { clock, found })).toEqual(found);
    expect(cluster.client.writes).toHaveLength(writes);
  });

  it('stays with whom it is where ours do not come', async () => {
    cluster.client.intercept = ({ type, verb }) => {
      if (verb === 'list' && type?.plural === 'endpointslices')
        cluster.client.change(resources.endpointSlices, { namespace, name: 'kube-dns-1' }, { endpoints: [] });
    };
    const replacing = replaceDns(cluster.client, { clock: cluster.clock, timeoutMs: 3000 });
    await expect(replacing).rejects.toMatchObject({ code: 'NOT_READY' });
    expect(replicas()).toBe(2);
  });

  it('is waited for by nobody where ours are gone: nodes may have no network until they are clean', async () => {
    const { client, clock } = cluster;
    await replaceDns(client, { clock });
    await client.delete(resources.daemonSets, { namespace, name: 'tendril-dns' });
    client.intercept = ({ verb, type }) => {
      if (verb === 'list' && type?.plural === 'endpointslices') throw new Error('nobody is waited for');
    };
    await restoreDns(client, found, { clock });
    expect(replicas()).toBe(2);
  });

  it('is not given back to what is not there any more', async () => {
    await cluster.client.delete(resources.deployments, { namespace, name: 'coredns' });
    // Somebody else's, as far as the Service tells.
    await restoreDns(cluster.client, found, { clock: cluster.clock });
    while (cluster.servers().some((name) => name.startsWith('coredns'))) cluster.step();
    const restoring = restoreDns(cluster.client, found, { clock: cluster.clock });
    await expect(restoring).rejects.toMatchObject({
      code: 'NOT_READY',
      message: expect.stringContaining('coredns'),
    });
  });
});

describe('the former servers', () => {
  beforeEach(() => {
    cluster = new Cluster();
  });

  it('are taken out of the Service before they end, which then has its selector again', async () => {
    await replaceDns(cluster.client, { clock: cluster.clock });
    const { writes } = cluster.client;
    expect(writes.filter((write) => /patch/.test(write))).toEqual([
      'patch services kube-system/kube-dns',
      'patch deployments kube-system/coredns',
      'patch services kube-system/kube-dns',
    ]);
    expect(cluster.trace).toEqual(['coredns', 'coredns+tendril-dns', 'tendril-dns']);
    expect(selector()).toEqual(dns);
  });

  it('have the Service’s selector given back where the change was cut short, or fails', async () => {
    cluster.client.intercept = ({ verb, type }) => {
      if (verb === 'patch' && type?.plural === 'deployments') throw new Error('no');
    };
    await expect(replaceDns(cluster.client, { clock: cluster.clock })).rejects.toThrow('no');
    expect(selector()).toEqual(dns);
    await cluster.client.patch(
      resources.services,
      { namespace, name: 'kube-dns' },
      { type: 'application/merge-patch+json', body: { spec: { selector: ours } } },
    );
    await restoreDns(cluster.client, { deployments: [] }, { clock: cluster.clock });
    expect(selector()).toEqual(dns);
  });
});
