/** A cluster in memory for whoever installs: its kubelets run the pods of DaemonSets and node tasks at once. */
import { FakeClient } from '../../kube/client/fake-client.ts';
import { resources } from '../../kube/resources.ts';
import type { DaemonSet, Pod } from '../../kube/types.ts';
import { encodeOutcome } from '../../node-tasks/outcome.ts';
import type { PreflightReport } from '../../node-tasks/preflight/preflight.ts';
import { nodePodLabels } from '../node-pod.ts';

export const goodReport: PreflightReport = {
  ...{ kernel: '6.1.0', missing: [], cgroup2: true, conflists: [], kubeProxyRules: [], unwritable: [] },
  cni: { conf: '/etc/cni/net.d', bin: '/opt/cni/bin' },
  ...{ firewalld: false, removesForeignRoutes: false, rpFilter: '0', links: [], podsHeld: false },
};

export class FakeCluster {
  readonly client = new FakeClient();
  /** `TASK NODE INPUT`, in order. */
  readonly tasks: string[] = [];
  readonly nodes: readonly string[];
  /** What a task reports; an Error is what it throws. */
  readonly reports: Record<string, (node: string) => unknown> = {
    preflight: () => goodReport,
    attachments: (node) => ({ pods: this.attached(node) }),
    'hold-pods': () => ({ held: true }),
    'remove-tendril': () => ({ removed: {}, kept: [] }),
  };
  /** Of SelfSubjectAccessReviews. */
  allows: (right: { verb: string; resource: string }) => boolean = () => true;
  /** By name of a DaemonSet nodes whose pods do not become Ready. */
  stuck: Record<string, string[]> = {};

  constructor(nodes: readonly string[]) {
    this.nodes = nodes;
    nodes.forEach((name, i) => void this.#addNode(name, i));
    const cidrs = ['10.96.0.0/16', 'fd96::/112'];
    this.client.seed(resources.serviceCidrs, { metadata: { name: 'kubernetes' }, spec: { cidrs } } as never);
    this.client.intercept = ({ verb, type }) => {
      if (verb === 'get' && type === resources.pods) this.#endTasks();
      if (['get', 'list'].includes(verb) && [resources.daemonSets, resources.pods].includes(type as never))
        this.#runDaemons();
    };
    this.client.request = async (method, path, body) => this.#answer(method, path, body);
  }

  /** Pods of the pod network that the node's agent wired. */
  attached(node: string): { namespace: string; pod: string; uid: string; ips: string[] }[] {
    return this.client
      .objects(resources.pods)
      .filter(({ spec, metadata }) => spec?.nodeName === node && metadata.labels?.wired === 'yes')
      .map(({ metadata: { namespace = '', name, uid } }) => ({ namespace, pod: name, uid, ips: [] }));
  }

  addPod(name: string, node: string, { wired = true, owned = true } = {}): Pod {
    return this.client.seed(resources.pods, {
      metadata: {
        ...{ name, namespace: 'shop', labels: { wired: wired ? 'yes' : 'no' } },
        ...(owned && {
          ownerReferences: [
            { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'r', controller: true },
          ],
        }),
      },
      spec: { nodeName: node, containers: [], terminationGracePeriodSeconds: 0 },
      status: { phase: 'Running', podIPs: [{ ip: '10.244.0.9' }] },
    } as never);
  }

  #addNode(name: string, i: number): void {
    this.client.seed(resources.nodes, {
      metadata: { name, labels: { 'kubernetes.io/os': 'linux' } },
      spec: { podCIDRs: [`10.244.${i}.0/24`, `fd44:0:0:${i}::/64`] },
      status: {
        addresses: [{ type: 'InternalIP', address: `10.90.0.${i + 1}` }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    } as never);
  }

  #endTasks(): void {
    for (const { metadata, status } of this.client.objects(resources.pods)) {
      const isTask =
        metadata.labels?.['app.kubernetes.io/component'] === nodePodLabels['app.kubernetes.io/component'];
      const ended = { phase: 'Succeeded', containerStatuses: [{ state: { terminated: { exitCode: 0 } } }] };
      if (isTask && status?.phase === undefined)
        this.client.change(resources.pods, metadata, { status: ended });
    }
  }

  /** One pod on each node for each DaemonSet; none that has no DaemonSet. */
  #runDaemons(): void {
    const sets = this.client.objects(resources.daemonSets);
    for (const set of sets) this.#runDaemon(set);
    for (const pod of this.client.objects(resources.pods)) {
      const of = pod.metadata.annotations?.daemon;
      if (of !== undefined && !sets.some(({ metadata }) => metadata.name === of)) this.#drop(pod);
    }
  }

  #runDaemon({ metadata, spec, status }: DaemonSet): void {
    const { namespace = '', name, generation = 1 } = metadata;
    const template = spec!.template;
    const away = Object.keys(template.spec?.nodeSelector ?? {}).some((key) => key.startsWith('tendril.dev/'));
    for (const node of this.nodes) {
      const pod = this.client
        .objects(resources.pods)
        .find((each) => each.metadata.name === `${name}-${node}` && each.metadata.namespace === namespace);
      if (away && pod !== undefined) this.#drop(pod);
      if (away || pod !== undefined) continue;
      const ready = this.stuck[name]?.includes(node) ? 'False' : 'True';
      this.client.seed(resources.pods, {
        metadata: {
          name: `${name}-${node}`,
          namespace,
          labels: template.metadata?.labels ?? {},
          annotations: { daemon: name },
        },
        spec: { nodeName: node, hostNetwork: true, containers: template.spec?.containers ?? [] },
        status: {
          ...{ phase: 'Running', conditions: [{ type: 'Ready', status: ready }] },
          containerStatuses: [{ name: 'c', state: { running: {} } }],
        },
      } as never);
    }
    if (status?.observedGeneration !== generation)
      this.client.change(resources.daemonSets, metadata, {
        status: {
          observedGeneration: generation,
          desiredNumberScheduled: this.nodes.length,
          numberReady: this.nodes.length,
        },
      });
  }

  #drop({ metadata }: Pod): void {
    void this.client.delete(resources.pods, metadata, { gracePeriodSeconds: 0 });
  }

  async #answer(method: string, path: string, body: unknown): Promise<unknown> {
    if (path === '/version') return { gitVersion: 'v1.36.3' };
    if (path.endsWith('selfsubjectaccessreviews')) {
      const { spec } = body as { spec: { resourceAttributes: { verb: string; resource: string } } };
      return { status: { allowed: this.allows(spec.resourceAttributes) } };
    }
    const name = /pods\/([^/]+)\/log$/.exec(path)?.[1];
    const pod = this.client.objects(resources.pods).find(({ metadata }) => metadata.name === name);
    const [, task = '', , input = ''] = pod?.spec?.containers[0]?.args ?? [];
    if (pod === undefined) throw new Error(`the fake does not serve ${method} ${path}`);
    const node = pod.spec!.nodeName!;
    this.tasks.push(`${task} ${node} ${input}`);
    return encodeOutcome({ report: this.reports[task]!(node) });
  }
}
