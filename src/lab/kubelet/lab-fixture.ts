/** For tests: a kubelet over fakes, with a clock that the test moves. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Attachment, CniResult, CniRuntime } from '../../cni/runtime/cni-runtime.ts';
import { FakeClient } from '../../kube/client/fake-client.ts';
import { createInformers, type Informers } from '../../kube/client/informers.ts';
import { resources } from '../../kube/resources.ts';
import type { KubeEvent, Pod } from '../../kube/types.ts';
import { FakeClock } from '../../util/clock.ts';
import { TendrilError } from '../../util/errors.ts';
import { silentLogger } from '../../util/logger.ts';
import { FakeLauncher } from '../launcher/fake-launcher.ts';
import { FakeNodeHost } from './fake-node-host.ts';
import { FakePodCgroups } from './fake-pod-cgroups.ts';
import { createKubelet, type Kubelet, type KubeletOptions } from './kubelet.ts';

export class FakeCni implements CniRuntime {
  ready = true;
  /** Made to throw by a test, or to give other addresses. */
  onAdd: (attachment: Attachment) => CniResult = () => ({
    cniVersion: '1.1.0',
    ips: [{ address: '10.244.1.5/32' }, { address: 'fd00:10:244:1::5/128' }],
  });
  readonly calls: string[] = [];

  async status(): Promise<void> {
    if (!this.ready) throw new TendrilError('CNI', 'no conflist');
  }

  async add(attachment: Attachment): Promise<CniResult> {
    this.calls.push(`add ${attachment.podName}`);
    return this.onAdd(attachment);
  }

  async del(attachment: Attachment): Promise<void> {
    this.calls.push(`del ${attachment.podName}`);
  }

  async check(): Promise<void> {}

  async gc(): Promise<void> {}
}

export interface PodInput {
  name?: string;
  spec?: Partial<NonNullable<Pod['spec']>>;
  metadata?: Partial<Pod['metadata']>;
}

export class KubeletFixture {
  readonly clock = new FakeClock(Date.parse('2030-01-01T00:00:00Z'));
  readonly client = new FakeClient({ clock: this.clock });
  readonly launcher = new FakeLauncher();
  readonly host = new FakeNodeHost();
  readonly cgroups = new FakePodCgroups();
  readonly cni = new FakeCni();
  readonly informers: Informers = createInformers({ client: this.client, clock: this.clock });
  /** Real time that a condition may take: files are written in between. */
  readonly patienceMs = 20_000;
  directory = '';
  kubelet!: Kubelet;

  async start(change: Partial<KubeletOptions> & { fastProbes?: boolean } = {}): Promise<this> {
    this.directory = await mkdtemp(join(tmpdir(), 'tendril-kubelet-'));
    const at = (path: string) => join(this.directory, path);
    const { informers } = this;
    this.kubelet = createKubelet({
      node: { name: 'node-1', ips: ['172.20.0.11', 'fd00:10:20::11'] },
      cluster: {
        clusterDomain: 'cluster.local',
        clusterDns: ['10.96.0.10', 'fd00:10:96::a'],
        nodeResolver: { nameservers: ['172.20.0.2'], searches: [], options: [] },
        fastProbes: change.fastProbes ?? false,
        podPidsLimit: 1024,
      },
      paths: {
        pods: at('pods'),
        hostPath: at('host'),
        claims: at('claims'),
        netns: at('netns/node-1'),
        podNetns: (uid) => at(`netns/${uid}`),
        cgroup: '/sys/fs/cgroup/tendril/test/node-1',
      },
      client: this.client,
      stores: {
        pods: informers.store(resources.pods),
        services: informers.store(resources.services),
        configMaps: informers.store(resources.configMaps),
        secrets: informers.store(resources.secrets),
      },
      launcher: this.launcher,
      cni: this.cni,
      host: this.host,
      cgroups: this.cgroups,
      images: { program: '/opt/tendril', hasCommand: () => true },
      logger: silentLogger,
      clock: this.clock,
      ...change,
    });
    informers.start();
    await this.kubelet.start();
    return this;
  }

  async stop(): Promise<void> {
    this.kubelet.stop();
    await this.informers.stop();
    // A worker may be in the middle of a write, which nobody can await: a kubelet that ends leaves pods alone.
    await rm(this.directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }

  /** A pod bound to the node. */
  async createPod({ name = 'web', spec, metadata }: PodInput = {}): Promise<Pod> {
    return this.client.create<Pod>(resources.pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default', ...metadata },
      spec: { nodeName: 'node-1', containers: [{ name: 'app', image: 'example/app' }], ...spec },
    });
  }

  async pod(name = 'web'): Promise<Pod> {
    return this.client.get(resources.pods, { namespace: 'default', name });
  }

  /** The pod once it is as described. Time stands still meanwhile. */
  async podThat(is: (pod: Pod) => boolean | Promise<boolean>, name = 'web'): Promise<Pod> {
    let pod: Pod | undefined;
    await this.until(
      async () => {
        pod = await this.pod(name);
        return is(pod);
      },
      () => JSON.stringify(pod?.status, null, 1),
    );
    return pod!;
  }

  /** The same while time passes. */
  async podInTime(is: (pod: Pod) => boolean, name = 'web'): Promise<Pod> {
    return this.podThat(async (pod) => {
      await this.clock.advance(50);
      return is(pod);
    }, name);
  }

  async until(holds: () => boolean | Promise<boolean>, describe: () => string = () => ''): Promise<void> {
    const end = performance.now() + this.patienceMs;
    while (!(await holds())) {
      if (performance.now() > end) throw new Error(`it did not come to pass: ${holds} ${describe()}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Ids of containers that live, short: `app.0`. */
  async running(): Promise<string[]> {
    return (await this.launcher.list()).map((id) => id.split('.').slice(1).join('.'));
  }

  /** Ends a container's present attempt. */
  async exit(container: string, code: number): Promise<void> {
    const id = (await this.launcher.list()).find((each) => each.split('.')[1] === container);
    this.launcher.exit(id!, code);
  }

  async events(): Promise<string[]> {
    const { items } = await this.client.list<KubeEvent>(resources.events);
    return items.map(({ reason, message }) => `${reason}: ${message}`);
  }
}

export function condition(pod: Pod, type: string): string | undefined {
  return pod.status?.conditions?.find((c) => c.type === type)?.status;
}

export const isReady = (pod: Pod): boolean => condition(pod, 'Ready') === 'True';
