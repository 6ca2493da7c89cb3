/** Every command, in the order of the help. Each is loaded only when it is run: starting up must not cost for all. */
import type { Command } from './parser/command.ts';

interface CommandEntry {
  summary: string;
  load(): Promise<Command>;
}

export const commands: Readonly<Record<string, CommandEntry>> = {
  up: { summary: 'bring up a lab and apply manifests', load: async () => (await import('./up.ts')).up },
  down: {
    summary: 'take a lab down; nothing of it stays',
    load: async () => (await import('./down.ts')).down,
  },
  status: {
    summary: 'tell whether a lab or a cluster is well',
    load: async () => (await import('./status.ts')).status,
  },
  apply: { summary: 'create or change objects', load: async () => (await import('./apply.ts')).apply },
  delete: { summary: 'delete objects', load: async () => (await import('./delete.ts')).deleteCommand },
  get: { summary: 'show objects', load: async () => (await import('./get.ts')).get },
  logs: { summary: 'show what a container printed', load: async () => (await import('./logs.ts')).logs },
  exec: {
    summary: 'run a command in a pod, on a node or outside',
    load: async () => (await import('./exec.ts')).exec,
  },
  forward: {
    summary: 'relay a local port to a pod or Service',
    load: async () => (await import('./forward.ts')).forward,
  },
  install: {
    summary: 'put Tendril on a cluster',
    load: async () => (await import('./install.ts')).install,
  },
  upgrade: {
    summary: "change a cluster's Tendril: its version or values",
    load: async () => (await import('./install.ts')).upgrade,
  },
  uninstall: {
    summary: 'take Tendril off a cluster and give back what it replaced',
    load: async () => (await import('./uninstall.ts')).uninstall,
  },
  service: {
    summary: 'show the Services that a node serves',
    load: async () => (await import('./service.ts')).service,
  },
  conntrack: {
    summary: 'show the connections that a node translates',
    load: async () => (await import('./conntrack.ts')).conntrack,
  },
  ipam: {
    summary: "show nodes' address pools, and find what does not fit",
    load: async () => (await import('./ipam.ts')).ipam,
  },
  dns: {
    summary: 'show what cluster DNS answers, and why',
    load: async () => (await import('./dns.ts')).dns,
  },
  policy: {
    summary: 'show NetworkPolicies, and test what they let pass',
    load: async () => (await import('./policy.ts')).policy,
  },
  kubeconfig: {
    summary: 'print the path of a kubeconfig',
    load: async () => (await import('./kubeconfig.ts')).kubeconfig,
  },
  version: { summary: 'print the version', load: async () => (await import('./version.ts')).version },
};

/** Entry points of the lab's and a cluster's own processes; not for users. */
export const internalCommands: Readonly<Record<string, () => Promise<Command>>> = {
  agent: async () => (await import('./processes.ts')).agentProcess,
  'ask-agent': async () => (await import('./ask-agent.ts')).askAgentCommand,
  'node-task': async () => (await import('./node-task.ts')).nodeTaskCommand,
  'kubelet-server': async () => (await import('./processes.ts')).kubeletServerProcess,
  'lab-server': async () => (await import('./processes.ts')).labServerProcess,
};
