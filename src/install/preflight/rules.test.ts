import { describe, expect, test } from 'vitest';
import type { DaemonSet, Deployment, Node, Service } from '../../kube/types.ts';
import type { PreflightReport } from '../../node-tasks/preflight/preflight.ts';
import { grouped, refuse } from '../problem.ts';
import { judgeCluster } from './cluster-rules.ts';
import { awayLabel, type ClusterView, findNetwork } from './cluster-view.ts';
import { judgeNodes } from './node-rules.ts';

const node = (
  name: string,
  { ip = '10.90.0.1', ready = 'False', podCIDRs = ['10.244.0.0/24', 'fd44::/64'] } = {},
): Node =>
  ({
    metadata: { name, labels: { 'kubernetes.io/os': 'linux' } },
    spec: { podCIDRs },
    status: {
      addresses: [{ type: 'InternalIP', address: ip }],
      conditions: [{ type: 'Ready', status: ready }],
    },
  }) as unknown as Node;

const view = (changes: Partial<ClusterView> = {}): ClusterView => ({
  version: 'v1.36.3',
  nodes: [node('n0')],
  ...{ daemonSets: [], deployments: [], services: [], pods: [], clusterIps: [] },
  serviceCidrs: [
    { metadata: { name: 'kubernetes' }, spec: { cidrs: ['10.96.0.0/16', 'fd96::/112'] } },
  ] as never,
  ...changes,
});

const none = { kubeProxy: false, cni: false, dns: false };
const all = { kubeProxy: true, cni: true, dns: true };
const judge = (seen: ClusterView, replace = none) => judgeCluster(seen, findNetwork(seen), { replace });
const whats = (seen: ClusterView, replace = none) => judge(seen, replace).map(({ what }) => what);

function daemonSet(name: string, spec: object, labels = {}): DaemonSet {
  const metadata = { namespace: 'kube-system', name, labels };
  return { metadata, spec: { template: { metadata: { labels }, spec } } } as unknown as DaemonSet;
}

const kubeProxy = daemonSet('kube-proxy', {
  containers: [
    { image: 'registry.k8s.io/kube-proxy:v1.36.3', command: ['/usr/local/bin/kube-proxy', '--config=x'] },
  ],
});
const flannel = daemonSet('kube-flannel-ds', {
  containers: [{ image: 'flannel:1' }],
  volumes: [{ name: 'cni', hostPath: { path: '/etc/cni/net.d' } }],
});
const dnsLabels = { 'k8s-app': 'kube-dns' };
const kubeDns = {
  metadata: { namespace: 'kube-system', name: 'kube-dns' },
  spec: { selector: dnsLabels },
} as unknown as Service;
const coreDns = (replicas: number): Deployment =>
  ({
    metadata: { namespace: 'kube-system', name: 'coredns' },
    spec: { replicas, template: { metadata: { labels: dnsLabels }, spec: { containers: [] } } },
  }) as unknown as Deployment;

describe('a cluster', () => {
  test('without a network has nothing in the way', () => {
    expect(whats(view())).toEqual([]);
  });

  test('with the usual one has each part named, with the flag that replaces it', () => {
    const usual = view({ daemonSets: [kubeProxy, flannel], deployments: [coreDns(2)], services: [kubeDns] });
    expect(whats(usual)).toEqual([
      'kube-proxy serves Services: DaemonSet kube-system/kube-proxy',
      'a network plugin is there: DaemonSet kube-system/kube-flannel-ds',
      'Deployment kube-system/coredns answers cluster DNS',
    ]);
    expect(judge(usual).map(({ remedy }) => /--replace-[\w-]+/.exec(remedy)?.[0])).toEqual([
      '--replace-kube-proxy',
      '--replace-cni',
      '--replace-dns',
    ]);
    expect(whats(usual, all)).toEqual([]);
  });

  test('that Tendril serves already finds neither itself nor what it sent away', () => {
    const tendril = { 'app.kubernetes.io/name': 'tendril', ...dnsLabels };
    const spec = { containers: [], volumes: [{ name: 'c', hostPath: { path: '/etc/cni/net.d/' } }] };
    const away = daemonSet('kube-proxy', {
      ...kubeProxy.spec!.template.spec,
      nodeSelector: { [awayLabel]: 'true' },
    });
    const daemonSets = [
      daemonSet('tendril-agent', spec, tendril),
      daemonSet('tendril-dns', spec, tendril),
      away,
    ];
    const seen = view({ daemonSets, deployments: [coreDns(0)], services: [kubeDns] });
    expect(whats(seen)).toEqual([]);
    expect(findNetwork(seen)).toEqual({ plugins: [], tendril: true });
  });

  test('has a kube-proxy of any namespace where it is on nodes’ own network, and none of Windows or of whoever says so', () => {
    const { spec } = kubeProxy.spec!.template as { spec: object };
    const elsewhere = (more: object, status = {}) => {
      const set = daemonSet('proxy', { ...spec, ...more });
      return { ...set, metadata: { ...set.metadata, namespace: 'a-tenant' }, status } as DaemonSet;
    };
    const windows = daemonSet('a', { ...spec, nodeSelector: { 'kubernetes.io/os': 'windows' } });
    const find = (...daemonSets: DaemonSet[]) => findNetwork(view({ daemonSets })).kubeProxy?.name;
    expect(
      find(windows, elsewhere({}, { numberReady: 1 }), elsewhere({ hostNetwork: true })),
    ).toBeUndefined();
    expect(find(elsewhere({}), kubeProxy)).toBe('kube-proxy');
    expect(find(elsewhere({ hostNetwork: true }, { numberReady: 1 }))).toBe('proxy');
  });

  test('with NodeLocal DNSCache is warned, and not refused', () => {
    const cache = daemonSet('node-local-dns', { containers: [{ image: 'k8s-dns-node-cache:1.26' }] });
    expect(judge(view({ daemonSets: [cache] }))).toMatchObject([{ warning: true }]);
  });

  test.each(['v1.29.9', '', 'v0.99'])('of version "%s" is refused', (version) => {
    expect(whats(view({ version }))).toEqual([expect.stringContaining('the API server is of version')]);
  });

  test.each(['v1.30.0', 'v1.36.3-gke.1', 'v2.0.0'])('of version "%s" is taken', (version) => {
    expect(whats(view({ version }))).toEqual([]);
  });

  test('has all problems of its nodes told', () => {
    const nodes = [
      node('n0', { ready: 'Unknown', podCIDRs: [] }),
      node('n1', { ip: '10.96.0.7', podCIDRs: ['10.96.1.0/24', 'fd44::/64'] }),
      node('n2', { podCIDRs: ['10.244.2.0/24', 'fd44::/80'] }),
    ];
    expect(whats(view({ nodes }))).toEqual([
      'n0: its kubelet does not report',
      'n0: the Node has no pod CIDR',
      'pod CIDR 10.96.1.0/24 of n1 and Service CIDR 10.96.0.0/16 overlap',
      'pod CIDR fd44::/64 of n1 and pod CIDR fd44::/80 of n2 overlap',
      'n1: its address 10.96.0.7 lies in the Service CIDR 10.96.0.0/16',
    ]);
  });

  test('that does not tell its Service CIDRs asks for them; pods of one family are warned of', () => {
    expect(whats(view({ serviceCidrs: [] }))).toEqual(['the cluster does not tell its Service CIDRs']);
    expect(judge(view({ nodes: [node('n0', { podCIDRs: ['10.244.0.0/24'] })] }))).toMatchObject([
      { what: 'Services have IPv6 addresses and pods have none', warning: true },
    ]);
    expect(whats(view({ nodes: [] }))).toEqual(['there is no Linux node']);
  });
});

const report = (changes: Partial<PreflightReport> = {}): PreflightReport => ({
  ...{ kernel: '6.1.0', missing: [], cgroup2: true, conflists: [], kubeProxyRules: [], unwritable: [] },
  cni: { conf: '/etc/cni/net.d', bin: '/opt/cni/bin', toldBy: '/run/containerd/containerd.sock' },
  ...{ firewalld: false, removesForeignRoutes: false, rpFilter: '0', podsHeld: false },
  links: [{ name: 'eth0', mtu: 1500, ips: ['10.90.0.1'] }],
  ...changes,
});
const judgeOne = (changes: Partial<PreflightReport>, replace = none) =>
  judgeNodes(new Map([['n0', report(changes)]]), [node('n0')], { replace, cgroup: '/sys/fs/cgroup' });

describe('a node', () => {
  test('as it should be has nothing in the way', () => {
    expect(judgeOne({})).toEqual([]);
  });

  test('has its kernel, directories and cgroup told with what to do', () => {
    const veth = {
      feature: 'veth',
      available: false,
      minimumKernel: '2.6.24',
      remedy: 'modprobe veth',
      reason: 'EOPNOTSUPP',
    } as const;
    const problems = judgeOne({ missing: [veth], cgroup2: false, unwritable: ['/opt/cni/bin'] });
    expect(problems).toMatchObject([
      {
        what: 'n0: the kernel 6.1.0 lacks veth (Linux 2.6.24; EOPNOTSUPP)',
        remedy: 'On the node: modprobe veth.',
      },
      { remedy: expect.stringContaining('--set cgroup=/sys/fs/cgroup/unified') },
      { what: 'n0: /opt/cni/bin cannot be written to' },
    ]);
  });

  test('whose runtime looks elsewhere has the values told', () => {
    const cni = { conf: '/var/lib/rancher/k3s/agent/etc/cni/net.d', bin: '/bin', toldBy: 'k3s' };
    expect(judgeOne({ cni })[0]!.remedy).toContain(
      `--set cniConfDirectory=${cni.conf} --set cniBinDirectory=/bin`,
    );
  });

  test('of another network asks for the flags', () => {
    const others = {
      conflists: [{ file: '10-bridge.conflist', name: 'cbr0', types: ['bridge', 'portmap'] }],
      kubeProxyRules: ['nftables table ip kube-proxy'],
    };
    expect(judgeOne(others).map(({ what }) => what)).toEqual([
      'n0: a CNI configuration of another network is there: 10-bridge.conflist (bridge, portmap)',
      "n0: rules of kube-proxy's are there: nftables table ip kube-proxy",
    ]);
    expect(judgeOne(others, all)).toEqual([]);
  });

  test('with firewalld or networkd is warned', () => {
    const problems = judgeOne({ firewalld: true, removesForeignRoutes: true });
    expect(problems.map(({ warning }) => warning)).toEqual([true, true]);
  });

  test('whose uplink has another MTU than others’ is warned of', () => {
    const reports = new Map([
      ['n0', report()],
      ['n1', report({ links: [{ name: 'eth0', mtu: 9000, ips: ['10.90.0.2'] }] })],
    ]);
    const nodes = [node('n0'), node('n1', { ip: '10.90.0.2' })];
    const [problem] = judgeNodes(reports, nodes, { replace: none, cgroup: '/sys/fs/cgroup' });
    expect(problem!.what).toContain('n0 1500, n1 9000');
  });
});

test('problems are told together, those of many nodes once', () => {
  const problems = [
    { what: 'n0: no veth', remedy: 'modprobe veth' },
    { what: 'n1: no veth', remedy: 'modprobe veth' },
    { what: 'only a warning', remedy: '-', warning: true as const },
  ];
  expect(grouped(problems)).toHaveLength(2);
  expect(() => refuse('no', problems)).toThrow('no:\n  n0, n1: no veth\n    modprobe veth');
  expect(() => refuse('no', problems.slice(2))).not.toThrow();
});
