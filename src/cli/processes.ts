/** Entry points of the lab's and a cluster's processes, started by Tendril itself. */
import { dirname, join } from 'node:path';
import { TendrilError } from '../util/errors.ts';
import { defineCommand } from './parser/command.ts';

export const agentProcess = defineCommand(
  {
    name: 'agent',
    summary: "Runs the agent of one node, in that node's network namespace.",
    usage: ['agent --config FILE', 'agent --pod [--config FILE]'],
    options: {
      config: {
        type: 'string',
        value: 'FILE',
        help: 'JSON, as src/agent/config.ts tells; with --pod as src/agent/pod/settings.ts does',
      },
      pod: {
        type: 'boolean',
        help: 'learn the configuration from the Node named by $NODE_NAME, in a pod of deploy/tendril.yaml',
      },
    },
    words: { min: 0, max: 0 },
    examples: ['tendril agent --config /etc/tendril/agent.json', 'tendril agent --pod'],
  },
  async ({ options }) => {
    if (options.pod) {
      const { runAgentInPod } = await import('../agent/pod/pod-agent.ts');
      const objectsDirectory = join(dirname(process.argv[1]!), 'bpf');
      const settings = options.config;
      return await runAgentInPod({ nodeName: process.env.NODE_NAME, settings, objectsDirectory });
    }
    if (options.config === undefined) throw new TendrilError('USAGE', 'agent needs --config FILE, or --pod');
    const { loadAgentConfig } = await import('../agent/config.ts');
    const config = loadAgentConfig(options.config);
    const { runAgent } = await import('../agent/agent.ts');
    return (await runAgent(config)) ?? 0;
  },
);

export const kubeletServerProcess = defineCommand(
  {
    name: 'kubelet-server',
    summary:
      "Copies of a kubelet's kubeconfig the API server's address, and nothing else, for the agent of its pod.",
    usage: ['kubelet-server FROM TO'],
    options: {},
    words: { min: 2, max: 2 },
    examples: ['tendril kubelet-server /host/kubelet/kubelet.conf /run/kubelet-server/kubelet.conf'],
  },
  async ({ words: [from, to] }) => {
    const { copyKubeletServer } = await import('../agent/pod/kubelet-server.ts');
    process.stdout.write(`${await copyKubeletServer(from!, to!)}\n`);
    return 0;
  },
);

export const dnsProcess = defineCommand(
  {
    name: 'dns',
    summary: 'Runs cluster DNS.',
    usage: [
      'dns [--conf FILE] [--kubeconfig FILE] [--zone cluster.local]',
      'dns --cluster [--conf FILE] [--zone cluster.local]',
    ],
    options: {
      conf: {
        type: 'string',
        value: 'FILE',
        help: "a Corefile, CoreDNS's configuration (default: what kubeadm gives a cluster)",
      },
      kubeconfig: { type: 'string', value: 'FILE', help: 'how to reach the API server' },
      cluster: {
        type: 'boolean',
        help: 'in a pod: make the Service kube-dns and its Corefile where there are none',
      },
      zone: {
        type: 'string',
        value: 'ZONE',
        help: 'the cluster zone of the default Corefile (default: cluster.local)',
      },
    },
    words: { min: 0, max: 0 },
    examples: [
      'tendril dns --kubeconfig /etc/tendril-dns/kubeconfig',
      'tendril dns --conf /etc/coredns/Corefile --kubeconfig /etc/tendril-dns/kubeconfig',
    ],
  },
  async ({ options }) => {
    const { conf, kubeconfig, zone, cluster = false } = options;
    if (conf === undefined && kubeconfig === undefined && !cluster)
      throw new TendrilError(
        'USAGE',
        'dns needs --kubeconfig FILE, or --conf FILE without the plugin kubernetes',
      );
    if (conf !== undefined && zone !== undefined && !cluster)
      throw new TendrilError(
        'USAGE',
        '--zone is of the default Corefile: with --conf the zone stands in the file',
      );
    const { runDns } = await import('../dns/main.ts');
    return await runDns({ conf, kubeconfig, cluster, ...(zone !== undefined && { zone }) });
  },
);

export const labServerProcess = defineCommand(
  {
    name: 'lab-server',
    summary: "Runs a lab's API server, controllers and kubelets.",
    usage: ['lab-server'],
    options: {},
    words: { min: 0, max: 0 },
    examples: ['tendril lab-server --name lab'],
  },
  async ({ name }) => {
    const { runLabServer } = await import('../lab/server/lab-server.ts');
    return await runLabServer(name);
  },
);
