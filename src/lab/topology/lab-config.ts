/** What a lab is, once its options are validated, and where everything of it lies. Written to lab.json. */
import { basename, join } from 'node:path';
import type { ExternalApiServer } from '../external/external-api-server.ts';

export interface LabNodeConfig {
  name: string;
  /** Addresses on the fabric, one per family; IPv4 first unless the lab is IPv6 only. */
  ips: string[];
}

export interface LabConfig {
  name: string;
  nodes: LabNodeConfig[];
  /** One per family, primary first: what kube-controller-manager's --cluster-cidr says. */
  podCidrs: string[];
  serviceCidrs: string[];
  /** The fabric's own subnets; the nodes, the outside host and the API server have addresses in them. */
  fabricCidrs: string[];
  /** The API server's addresses on the fabric. */
  apiServerIps: string[];
  outsideIps: string[];
  /** Cluster DNS Service addresses. */
  dnsIps: string[];
  clusterDomain: string;
  /** Port of the API server on the fabric. On 127.0.0.1 it has the first free one from there on. */
  apiServerPort: number;
  fastProbes: boolean;
  /** Directory of the API's objects, where they outlive the lab. */
  state?: string;
  /** Absent: whoever the API server knows may do everything. */
  authorization?: 'rbac';
  /** How many processes and threads a pod may have. */
  podPidsLimit: number;
  /** Absent: the lab has an API server of its own. */
  external?: ExternalApiServer;
  /** How nodes run XDP at their uplinks; absent: not at all. */
  xdp?: 'native' | 'generic';
  internet: boolean;
  /** Directory that holds dist/, of the build that started the lab. */
  program: string;
}

/** Every path of a lab, all below one directory and one cgroup: `down` removes both. */
export interface LabPaths {
  /** /run/tendril/NAME */
  root: string;
  config: string;
  kubeconfig: string;
  /** Token of the agents, where an external API server gives it. */
  agentToken: string;
  /** Unix socket and pid file of the launcher. */
  launcherSocket: string;
  /** A bpffs of the lab's own: unmounting it frees every pin. */
  bpf: string;
  logs: string;
  /**
   * What containers write to: a tmpfs of its own, so that one which fills it leaves the lab's own files their room. For
   * root alone: containers may leave set-user-ID files in their volumes.
   */
  containerFiles: string;
  /** Directories behind persistent volume claims. */
  claims: string;
  netns: (name: string) => string;
  node: (node: string) => {
    root: string;
    agentConfig: string;
    /** kubeconfig of the node's agent, by the fabric's addresses. */
    kubeconfig: string;
    cniSocket: string;
    cniConf: string;
    cniBin: string;
    cniCache: string;
    state: string;
    bpf: string;
    /** Pods' directories: volumes, scratch, logs, etc/hosts. */
    pods: string;
    /** What hostPath volumes show. */
    hostPath: string;
    netns: string;
    cgroup: string;
  };
  cgroup: string;
}

/** Of all labs below a directory. By its name it is Tendril's, whatever the directory is called. */
export function labsCgroup(base: string): string {
  const name = basename(base);
  return name.startsWith('tendril') ? name : `tendril-${name}`;
}

export function labPaths(name: string, options: { base?: string; cgroupMount: string }): LabPaths {
  const base = options.base ?? '/run/tendril';
  const root = join(base, name);
  const cgroup = join(options.cgroupMount, labsCgroup(base), name);
  const containerFiles = join(root, 'container-files');
  const netns = (which: string) => join(root, 'netns', which);
  return {
    root,
    config: join(root, 'lab.json'),
    kubeconfig: join(root, 'kubeconfig'),
    agentToken: join(root, 'agent-token'),
    launcherSocket: join(root, 'launcher.sock'),
    bpf: join(root, 'bpf'),
    logs: join(root, 'logs'),
    containerFiles,
    claims: join(containerFiles, 'claims'),
    netns,
    node: (node) => {
      const at = join(root, 'nodes', node);
      return {
        root: at,
        agentConfig: join(at, 'agent.json'),
        kubeconfig: join(at, 'kubeconfig'),
        cniSocket: join(at, 'cni.sock'),
        cniConf: join(at, 'cni', 'net.d'),
        cniBin: join(at, 'cni', 'bin'),
        cniCache: join(at, 'cni', 'cache'),
        state: join(at, 'state'),
        bpf: join(root, 'bpf', node),
        pods: join(containerFiles, 'nodes', node, 'pods'),
        hostPath: join(containerFiles, 'nodes', node, 'host'),
        netns: netns(node),
        cgroup: join(cgroup, node),
      };
    },
    cgroup,
  };
}
