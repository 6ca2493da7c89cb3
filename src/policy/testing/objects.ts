/** Objects for tests of policies, each as short as what matters of it; and a cluster of them with a calculator. */
import { MemoryStore } from '../../kube/client/memory-store.ts';
import type { Labels } from '../../kube/selectors.ts';
import type { Namespace, NetworkPolicy, Pod } from '../../kube/types.ts';
import { formatIp, parseIp } from '../../net/ip.ts';
import { createPolicyCalculator, type LocalPod, type PolicyCalculator } from '../policy-calculator.ts';
import type { PolicyState } from '../policy-state.ts';

export type PolicySpec = NonNullable<NetworkPolicy['spec']>;

export interface PodOptions {
  labels?: Labels;
  ips?: readonly string[];
  /** `name:port/protocol`. */
  ports?: readonly string[];
  /** The same, of an init container that stays. */
  sidecarPorts?: readonly string[];
  /** Of one that ends before others begin. */
  initPorts?: readonly string[];
  hostNetwork?: boolean;
  phase?: 'Running' | 'Succeeded' | 'Failed';
  /** Seconds after the cluster's beginning. */
  created?: number;
  version?: number;
  uid?: string;
  local?: boolean;
}

const here = 'here';
let lastVersion = 1000;

function metadata(key: string, labels?: Labels) {
  const [namespace, name] = key.includes('/') ? (key.split('/') as [string, string]) : [undefined, key];
  return {
    name,
    ...(namespace && { namespace }),
    uid: `uid of ${key}`,
    resourceVersion: String(++lastVersion),
    creationTimestamp: '2030-01-01T00:00:00Z',
    ...(labels && { labels: { ...labels } }),
  };
}

function containersWith(ports: readonly string[]) {
  return ports.map((text, i) => {
    const [, name, port, protocol] = /^(.*):(\d+)\/(\w+)$/.exec(text)!;
    return {
      name: `container-${i}`,
      ports: [{ ...(name && { name }), containerPort: Number(port), protocol: protocol as 'TCP' }],
    };
  });
}

export function pod(key: string, options: PodOptions = {}): Pod {
  const { created = 0, version, uid, ips = [] } = options;
  const made = metadata(key, options.labels);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...made,
      creationTimestamp: new Date(Date.UTC(2030, 0, 1) + created * 1000).toISOString().replace('.000', ''),
      ...(version && { resourceVersion: String(version) }),
      ...(uid && { uid }),
    },
    spec: {
      nodeName: options.local ? here : 'elsewhere',
      ...(options.hostNetwork && { hostNetwork: true }),
      containers: containersWith(options.ports ?? []),
      initContainers: [
        ...containersWith(options.sidecarPorts ?? []).map((one) => ({
          ...one,
          restartPolicy: 'Always' as const,
        })),
        ...containersWith(options.initPorts ?? []),
      ],
    },
    status: { phase: options.phase ?? 'Running', podIPs: ips.map((ip) => ({ ip })) },
  };
}

export function namespace(name: string, labels: Labels = {}): Namespace {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: metadata(name, { 'kubernetes.io/metadata.name': name, ...labels }),
  };
}

export function policy(key: string, spec: PolicySpec): NetworkPolicy {
  return { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: metadata(key), spec };
}

export class TestCluster {
  readonly policies = new MemoryStore<NetworkPolicy>();
  readonly namespaces = new MemoryStore<Namespace>();
  readonly pods = new MemoryStore<Pod>();
  podsAsked = 0;
  told = 0;
  /** Besides those of the API that are on this node. */
  readonly attached: LocalPod[] = [];
  readonly calculator: PolicyCalculator;

  /** Everything is known, unless `unsynced`. */
  constructor(
    objects: { policies?: NetworkPolicy[]; namespaces?: Namespace[]; pods?: Pod[] } = {},
    unsynced = false,
  ) {
    if (!unsynced) {
      this.namespaces.replace(objects.namespaces ?? []);
      this.pods.replace(objects.pods ?? []);
      this.policies.replace(objects.policies ?? []);
    }
    this.calculator = this.newCalculator();
  }

  newCalculator(): PolicyCalculator {
    return createPolicyCalculator({
      policies: this.policies,
      namespaces: this.namespaces,
      pods: () => {
        this.podsAsked++;
        return this.pods;
      },
      localPods: () => [...this.localPods(), ...this.attached],
      onChange: () => void this.told++,
    });
  }

  localPods(): LocalPod[] {
    return this.pods
      .list()
      .filter(({ spec }) => spec?.nodeName === here && !spec.hostNetwork)
      .map(({ metadata: { namespace: of, name, uid }, status }) => ({
        namespace: of!,
        name,
        uid,
        ips: (status?.podIPs ?? []).map(({ ip }) => parseIp(ip!)),
      }));
  }

  state(): PolicyState {
    return this.calculator.state();
  }

  objects() {
    return {
      policies: this.policies.list(),
      namespaces: this.namespaces.list(),
      pods: this.pods.list(),
    };
  }
}

/** As values that can be compared. */
export function plain({ pods, peers, blocks, rules }: PolicyState) {
  return {
    pods: new Map(pods),
    peers: new Map(peers),
    blocks: new Map(blocks),
    rules: new Set(rules.keys()),
  };
}

export function ipsOfLocal({ ips }: LocalPod): string[] {
  return ips.map(formatIp);
}
