/** What an agent is told at its start: a JSON file, `tendril agent --config FILE`. All else it learns from the API. */
export interface AgentConfig {
  nodeName: string;
  /** How to reach the API server. */
  kubeconfig: string;
  /** What must survive the agent: the address store, CNI results. */
  stateDirectory: string;
  /** Directory on a bpffs: pinned maps and links, which outlive the agent. */
  bpfDirectory: string;
  /** Directory of the compiled BPF objects. */
  objectsDirectory: string;
  /** The node's cgroup2 directory: the socket hooks attach here and see the node's pods and processes. */
  cgroup: string;
  /** Interface that leads to the other nodes. */
  uplink: string;
  /** The cluster's Service CIDRs, one per family. */
  serviceCidrs: string[];
  /** The cluster's pod CIDRs, one per family: what is never masqueraded. */
  clusterPodCidrs: string[];
  /** Unix socket that the CNI shim calls. */
  cniSocket: string;
  /** Where the conflist is written once the datapath answers. */
  cniConfDirectory: string;
  /** HTTP on the node's own addresses: /healthz, /readyz, /metrics, /status (JSON). */
  statusPort: number;
}
