/** The kubelets of all nodes, over one set of stores, with the machine behind them. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createCniRuntime } from '../../cni/runtime/runtime.ts';
import { resources } from '../../kube/resources.ts';
import { mountTmpfs, unmountBelow } from '../../linux/mount/mount.ts';
import { createNetns, deleteNetns, openNetns } from '../../linux/netns/netns.ts';
import { connectTcp } from '../../linux/netns/sockets.ts';
import { writeSysctl } from '../../linux/sysctl/sysctl.ts';
import { parseIp } from '../../net/ip.ts';
import type { Logger } from '../../util/logger.ts';
import type { PodRef } from '../apiserver/streams/pod-streams.ts';
import type { ConnectEndpoint } from '../apiserver/webhooks/webhook-client.ts';
import { labLabel } from '../external/external-api-server.ts';
import { createKubelet, type Kubelet } from '../kubelet/kubelet.ts';
import type { ClusterSettings, KubeletStores } from '../kubelet/node-context.ts';
import type { NodeHost } from '../kubelet/node-host.ts';
import type { PodCgroups } from '../kubelet/pod-cgroups.ts';
import type { NodePaths } from '../kubelet/pod-directory.ts';
import { attachTo, execIn, forwardTo } from '../kubelet/pod-streams.ts';
import { kubeletPort } from '../kubelet/server/kubelet-handler.ts';
import type { Launcher } from '../launcher/launcher.ts';
import type { LabConfig, LabNodeConfig, LabPaths } from '../topology/lab-config.ts';
import type { ControlPlane } from './control-plane.ts';

export interface KubeletsOptions {
  config: LabConfig;
  paths: LabPaths;
  launcher: Launcher;
  cgroups: PodCgroups;
  plane: ControlPlane;
  logger: Logger;
}

export interface Kubelets {
  readonly list: readonly Kubelet[];
  /** Resolves when every node is registered. */
  readonly started: Promise<void>;
  stop(): void;
}

export function startKubelets(options: KubeletsOptions): Kubelets {
  const { informers } = options.plane;
  const stores: KubeletStores = {
    pods: informers.store(resources.pods),
    services: informers.store(resources.services),
    configMaps: informers.store(resources.configMaps),
    secrets: informers.store(resources.secrets),
  };
  const byNode = new Map(options.config.nodes.map((node) => [node.name, nodeKubelet(node, stores, options)]));
  const list = [...byNode.values()];
  const kubeletOf = (namespace: string, name: string) =>
    byNode.get(stores.pods.get(`${namespace}/${name}`)?.spec?.nodeName ?? '') ?? list[0]!;
  const runningPod = ({ namespace, name }: PodRef) =>
    kubeletOf(namespace, name).running({ namespace, pod: name });
  const serving = options.plane.servePods({
    logs: (namespace, name, { container, ...logOptions }) =>
      kubeletOf(namespace, name).openLog({ namespace, pod: name, container }, logOptions),
    streams: {
      exec: (at, command) => execIn(runningPod(at), at.container, command),
      attach: (at) => attachTo(runningPod(at), at.container),
      portForward: (at) => forwardTo(runningPod(at)),
    },
    connect: endpointConnector(options),
  });
  return {
    list,
    started: Promise.all([serving, ...list.map((kubelet) => kubelet.start())]).then(() => {}),
    stop: () => {
      for (const kubelet of list) kubelet.stop();
    },
  };
}

const webhookDialTimeoutMs = 10_000;

/** To an endpoint from its own node, as the node's kubelet reaches it; what is on none of them, from the first. */
function endpointConnector({ config, paths }: KubeletsOptions): ConnectEndpoint {
  const known = new Set(config.nodes.map(({ name }) => name));
  return ({ ip, port, node = '' }) => {
    const from = known.has(node) ? node : config.nodes[0]!.name;
    return machineHost.connect(paths.node(from).netns, { ip, port, timeoutMs: webhookDialTimeoutMs });
  };
}

function nodeKubelet(node: LabNodeConfig, stores: KubeletStores, options: KubeletsOptions): Kubelet {
  const { config, paths, launcher, cgroups, plane, logger } = options;
  const at = paths.node(node.name);
  return createKubelet({
    node: {
      name: node.name,
      ips: node.ips,
      ...(config.external && { labels: { [labLabel]: config.name }, kubeletPort }),
    },
    cluster: clusterSettings(config),
    paths: nodePaths(paths, node.name),
    client: plane.client,
    stores,
    launcher,
    cni: createCniRuntime({
      confDir: at.cniConf,
      binDir: at.cniBin,
      cacheDir: at.cniCache,
      exec: pluginExec(launcher, { netns: at.netns, cgroup: join(at.cgroup, 'cni') }),
    }),
    host: machineHost,
    cgroups,
    images: { program: config.program },
    logger: logger.child({ component: 'kubelet', node: node.name }),
  });
}

function clusterSettings(config: LabConfig): ClusterSettings {
  return {
    clusterDomain: config.clusterDomain,
    clusterDns: config.dnsIps,
    nodeResolver: { nameservers: config.outsideIps, searches: [], options: [] },
    fastProbes: config.fastProbes,
    podPidsLimit: config.podPidsLimit,
  };
}

function nodePaths(paths: LabPaths, node: string): NodePaths {
  const at = paths.node(node);
  const netns = paths.netns('pods');
  mkdirSync(paths.claims, { recursive: true });
  mkdirSync(netns, { recursive: true });
  return {
    pods: at.pods,
    hostPath: at.hostPath,
    claims: paths.claims,
    netns: at.netns,
    podNetns: (uid) => join(netns, uid),
    cgroup: at.cgroup,
  };
}

const pluginTimeoutMs = 60_000;
let pluginCalls = 0;

/** CNI plugins run on their node, as a container runtime's would. */
function pluginExec(
  launcher: Launcher,
  place: { netns: string; cgroup: string },
): Parameters<typeof createCniRuntime>[0]['exec'] {
  return ({ path, env, stdin }) =>
    launcher.run(
      { id: `cni/${++pluginCalls}`, argv: [path], env, ...place },
      { stdin, timeoutMs: pluginTimeoutMs },
    );
}

/** What containerd gives every pod: low ports and ping without privileges. */
const podDefaults = {
  'net.ipv4.ip_unprivileged_port_start': 0,
  'net.ipv4.ping_group_range': '0 2147483647',
};

const machineHost: NodeHost = {
  createNetns: async (path) => {
    createNetns(path);
    using netns = openNetns(path);
    writeSysctl(netns, podDefaults);
  },
  deleteNetns: async (path) => void deleteNetns(path),
  mountMemory: async (path, bytes) => mountTmpfs(path, { size: String(Math.floor(bytes)), mode: '0777' }),
  unmountBelow: async (path) => void unmountBelow(path),
  connect: async (netns, { ip, port, timeoutMs }) => {
    using handle = openNetns(netns);
    return await connectTcp(handle, { ip: parseIp(ip), port, timeoutMs });
  },
};
