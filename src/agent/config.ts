/** What an agent is told at its start: a JSON file, `tendril agent --config FILE`. All else it learns from the API. */
import { readFileSync } from 'node:fs';
import { type Cidr, parseCidr } from '../net/cidr.ts';
import { parseNodePortSelection } from '../service/model/node-port-addresses.ts';
import { describeError, TendrilError } from '../util/errors.ts';

export interface AgentConfig {
  nodeName: string;
  /** How to reach the API server. */
  kubeconfig: string;
  /** `https://host:port` of the cluster's other API servers: asked in turn where the kubeconfig's does not answer. */
  apiServers?: string[];
  /** What must survive the agent: the address store, what was known of the node. */
  stateDirectory: string;
  /** Directory on a bpffs: pinned maps and links, which outlive the agent. */
  bpfDirectory: string;
  /** Directory of the compiled BPF objects; the CNI shim is beside it, at ../native/cni-shim. */
  objectsDirectory: string;
  /** The node's cgroup2 directory: the socket hooks attach here and see the node's pods and processes. */
  cgroup: string;
  /** Interface that leads to the other nodes. */
  uplink: string;
  /**
   * Whether XDP sends on at the uplink what a connection from outside goes on with: `native` in the driver, `generic`
   * behind any driver, `off` unless given.
   */
  xdp?: 'off' | 'native' | 'generic';
  /**
   * How packets get to a pod of the node, from another one or where they were translated: `direct` (unless given), or by
   * the node's `stack`, whose firewall then sees them.
   */
  podForwarding?: 'direct' | 'stack';
  /** The cluster's Service CIDRs, one per family. */
  serviceCidrs: string[];
  /** The cluster's pod CIDRs, one per family: what is never masqueraded. Absent: those of all nodes. */
  clusterPodCidrs?: string[];
  /** Key of a taint that keeps pods away from new nodes: removed from the own Node once pods can start. */
  startupTaint?: string;
  /** Unix socket that the CNI shim calls. */
  cniSocket: string;
  /** Where the conflist is written once the datapath answers. */
  cniConfDirectory: string;
  /** Where the shim is copied to, as `tendril`; absent: whoever set up the node has put it there. */
  cniBinDirectory?: string;
  /** While this file is there no pod is wired; its text says why. */
  holdPodsPath?: string;
  /** Where another network plugin keeps whose addresses are taken: its pods are taken over. Absent: none is looked for. */
  cniStateDirectory?: string;
  /** HTTP on the node's own addresses: /healthz, /readyz, /metrics, /status (JSON). */
  statusPort: number;
  /** HTTP on every address: /healthz and /livez as kube-proxy's, for load balancers; 10256 unless given. */
  healthzPort?: number;
  /** CIDRs whose addresses of the node serve NodePorts, or the one word `primary`; all unless given. */
  nodePortAddresses?: string[];
  /** Whether the kernel answers for the cluster zone where the Corefile lets it (`on` unless given). */
  dnsFastPath?: 'on' | 'off';
  /** Room of the datapath's maps by name (bpf/lib/maps.h, bpf/dns.bpf.c), where the defaults do not suit. */
  mapSizes?: Record<string, number>;
}

const paths = [
  'kubeconfig',
  'stateDirectory',
  'bpfDirectory',
  'objectsDirectory',
  'cgroup',
  'cniSocket',
  'cniConfDirectory',
] as const;

/** Of an API server. */
export function isServer(value: unknown): boolean {
  return typeof value === 'string' && /^https?:\/\/\S+$/.test(value) && URL.canParse(value);
}

/** @throws TendrilError BAD_INPUT for a file that cannot be read or is no configuration */
export function loadAgentConfig(path: string): AgentConfig {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new TendrilError('BAD_INPUT', `the agent's configuration ${path} cannot be read`, { cause });
  }
  return validateAgentConfig(value);
}

/** @throws TendrilError BAD_INPUT telling every problem at once */
export function validateAgentConfig(value: unknown): AgentConfig {
  if (typeof value !== 'object' || value === null) {
    throw new TendrilError('BAD_INPUT', "the agent's configuration is not an object");
  }
  const config = value as Record<string, unknown>;
  const problems = [
    ...paths.flatMap((field) => absolutePath(config, field)),
    ...(['cniBinDirectory', 'cniStateDirectory', 'holdPodsPath'] as const).flatMap((field) =>
      config[field] === undefined ? [] : absolutePath(config, field),
    ),
    ...nonEmpty(config, 'nodeName'),
    ...nonEmpty(config, 'uplink'),
    ...servers(config, 'apiServers'),
    ...oneOf(config, 'xdp', ['off', 'native', 'generic']),
    ...oneOf(config, 'podForwarding', ['direct', 'stack']),
    ...oneOf(config, 'dnsFastPath', ['on', 'off']),
    ...onePerFamily(config, 'serviceCidrs'),
    ...(config.clusterPodCidrs === undefined ? [] : onePerFamily(config, 'clusterPodCidrs')),
    ...(config.startupTaint === undefined ? [] : nonEmpty(config, 'startupTaint')),
    ...port(config, 'statusPort'),
    ...(config.healthzPort === undefined ? [] : port(config, 'healthzPort')),
    ...nodePorts(config, 'nodePortAddresses'),
    ...sizes(config, 'mapSizes'),
  ];
  if (problems.length > 0) {
    throw new TendrilError('BAD_INPUT', `the agent's configuration has ${problems.join('; ')}`);
  }
  return config as unknown as AgentConfig;
}

function nonEmpty(config: Record<string, unknown>, field: string): string[] {
  const value = config[field];
  return typeof value === 'string' && value !== '' ? [] : [`no ${field}`];
}

function absolutePath(config: Record<string, unknown>, field: string): string[] {
  const value = config[field];
  return typeof value === 'string' && value.startsWith('/') ? [] : [`no absolute path as ${field}`];
}

function servers(config: Record<string, unknown>, field: string): string[] {
  const value = config[field];
  if (value === undefined) return [];
  return Array.isArray(value) && value.every(isServer) ? [] : [`no list of URLs as ${field}`];
}

function port(config: Record<string, unknown>, field: string): string[] {
  const value = config[field];
  return Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536
    ? []
    : [`no port as ${field}`];
}

function sizes(config: Record<string, unknown>, field: string): string[] {
  const value = config[field];
  if (value === undefined) return [];
  if (typeof value !== 'object' || value === null) return [`no map of sizes as ${field}`];
  const bad = Object.entries(value).filter(([, size]) => !Number.isInteger(size) || size < 1);
  return bad.map(([name]) => `no positive number as ${field}.${name}`);
}

function oneOf(config: Record<string, unknown>, field: string, words: readonly string[]): string[] {
  const value = config[field];
  if (value === undefined || words.includes(value as string)) return [];
  return [`${JSON.stringify(value)} as ${field}, which is none of ${words.join(', ')}`];
}

function nodePorts(config: Record<string, unknown>, field: string): string[] {
  const value = config[field];
  if (value === undefined) return [];
  if (!Array.isArray(value)) return [`no list as ${field}`];
  try {
    parseNodePortSelection(value.map(String));
    return [];
  } catch (error) {
    return [`a bad entry in ${field}: ${describeError(error)}`];
  }
}

function onePerFamily(config: Record<string, unknown>, field: string): string[] {
  const value = config[field];
  if (!Array.isArray(value) || value.length === 0) return [`no ${field}`];
  const cidrs: Cidr[] = [];
  try {
    for (const text of value) cidrs.push(parseCidr(String(text)));
  } catch (error) {
    return [`a bad entry in ${field}: ${describeError(error)}`];
  }
  const families = new Set(cidrs.map(({ ip }) => ip.family));
  return families.size === cidrs.length ? [] : [`more than one of a family in ${field}`];
}
