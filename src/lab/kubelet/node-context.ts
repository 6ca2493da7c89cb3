/** What all pods of one node share: who the node is, its means and its view of the API. */
import type { CniRuntime } from '../../cni/runtime/cni-runtime.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import type { Store } from '../../kube/client/store.ts';
import type { ConfigMap, Pod, Secret, Service } from '../../kube/types.ts';
import type { Clock } from '../../util/clock.ts';
import type { Logger } from '../../util/logger.ts';
import type { ImageTableOptions } from '../images/image-table.ts';
import type { Launcher } from '../launcher/launcher.ts';
import type { ConfigSource } from './environment.ts';
import type { EventRecorder } from './event-recorder.ts';
import type { NodeHost } from './node-host.ts';
import type { PodCgroups } from './pod-cgroups.ts';
import type { NodePaths } from './pod-directory.ts';
import type { ResolvConf } from './resolv-conf.ts';

export interface NodeIdentity {
  name: string;
  /** Primary first. */
  ips: readonly string[];
  zone?: string;
  labels?: Record<string, string>;
  /** Of its own server, where it has one. */
  kubeletPort?: number;
}

export interface ClusterSettings {
  clusterDomain: string;
  /** Cluster DNS addresses, primary first. */
  clusterDns: readonly string[];
  /** The nodes' own resolver: dnsPolicy Default. */
  nodeResolver: ResolvConf;
  /** Probes' delays are 0 and their periods at most 1 s until the container is ready. */
  fastProbes: boolean;
  /** How many processes and threads a pod may have. */
  podPidsLimit: number;
}

/** One set of stores serves all kubelets of a lab. */
export interface KubeletStores {
  pods: Store<Pod>;
  services: Store<Service>;
  configMaps: Store<ConfigMap>;
  secrets: Store<Secret>;
}

export interface NodeContext {
  node: NodeIdentity;
  cluster: ClusterSettings;
  paths: NodePaths;
  client: KubeClient;
  stores: KubeletStores;
  launcher: Launcher;
  cni: CniRuntime;
  host: NodeHost;
  cgroups: PodCgroups;
  images: ImageTableOptions;
  clock: Clock;
  logger: Logger;
  events: EventRecorder;
  config: (namespace: string) => ConfigSource;
  allocatable: { cpu: string; memory: string; pods: string };
  /** How many of the node's pods have not finished. */
  activePods: () => number;
  /** The node's CNI plugin answers. */
  networkReady: () => boolean;
  networkProblem: () => string;
  /** Hands an exit to whoever started the process. */
  exits: Map<string, (exit: { code: number; signal?: number }) => void>;
}
