/**
 * Where each file of tests/e2e runs: on a lab and, with the other driver of test-cluster.ts, on a real cluster too; or on a lab
 * alone, and why.
 */

/** Scenarios of pod network, Services and DNS. */
export const onBoth: readonly string[] = [
  'agent-death',
  'agnhost',
  'applications',
  'changing-names',
  'dns',
  'dns-corefile',
  'dns-kernel',
  'forward',
  'host-ports',
  'ipam',
  'nettest',
  'network-policy',
  'network-policy-changes',
  'network-policy-dns',
  'network-policy-packets',
  'network-policy-services',
  'outlived-connections',
  'resolvers',
  'traffic',
];

export const onLabAlone: Readonly<Record<string, string>> = {
  authorization: 'it tries the lab’s own API server',
  'bad-input': 'it tries what `up` refuses',
  bundle: 'it needs no cluster',
  'by-kubeconfig': 'tests/real/commands.real.test.ts does the same on a real cluster',
  chart: 'it needs no cluster',
  commands: 'it tries commands that only labs have, and labs of fifty nodes',
  differential: 'it compares the lab’s own API server with kube-apiserver',
  'dns-flood': 'its DNS server is in namespaces of its own',
  external: 'it is about labs on a real control plane',
  families: 'address families and blocks are chosen by options of `up`',
  hostile: 'a lab’s containers must not harm the machine; a node of a real cluster is no machine of ours',
  image: 'it needs no cluster',
  informers: 'it tries the lab’s own API server',
  internet: '`--internet` is an option of `up`',
  jobs: 'it tries the lab’s own controllers',
  'kube-scheduler': 'it tries the lab’s own API server',
  'kubectl-admission': 'it tries the lab’s own API server',
  'kubectl-create': 'it tries the lab’s own API server',
  'kubectl-custom-resources': 'it tries the lab’s own API server',
  'kubectl-logs': 'it tries the lab’s own kubelets',
  'kubectl-objects': 'it tries the lab’s own API server',
  'kubectl-streams': 'it tries the lab’s own kubelets',
  'kubectl-workloads': 'it tries the lab’s own controllers',
  kubectl: 'it tries the lab’s own API server',
  'launcher-death': 'only a lab has a launcher',
  lifecycle: 'it tries `up` and `down`',
  limits: 'it tries the lab’s own kubelets',
  machine: 'it tries what a machine lacks where a lab is to come up',
  protobuf: 'it tries the lab’s own API server',
  sessions: 'it compares the lab’s own API server with recorded answers',
  state: '`--state` is an option of `up`',
  'steady-traffic':
    'it exchanges the files that a lab’s agents run from; tests/real/traffic.real.test.ts installs versions instead',
  watchers: 'it tries the lab’s own API server',
  xdp: '`--xdp` is an option of `up`',
};

export const fileOf = (name: string): string => `tests/e2e/${name}.test.ts`;
