/**
 * Services on one node: watches the stores, keeps the kernel's maps as they say, and attaches the datapath to
 * pods. What the kernel holds is pinned and goes on without this process: `stop` and a crash lose no packet, and
 * the next `start` takes over what it finds.
 */
import type { Store } from '../kube/client/store.ts';
import type { EndpointSlice, Namespace, Service } from '../kube/types.ts';
import type { BpfMap } from '../linux/bpf/bpf.ts';
import type { Cidr } from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';
import type { Mac } from '../net/mac.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import type { MetricRegistry } from '../util/metrics.ts';
import type { HealthListener } from './health/service-health.ts';
import type { PodReference } from './model/departed-pods.ts';
import type { HostPorts, HostPortView } from './model/host-port.ts';
import type { NodePortSelection } from './model/node-port-addresses.ts';
import type { ServiceInspection } from './service-inspection.ts';

export interface ServiceProxyOptions {
  services: Store<Service>;
  slices: Store<EndpointSlice>;
  /** Annotations that hold for all Services of a namespace; none unless given. */
  namespaces?: Store<Namespace>;
  node: {
    name: string;
    /** topology.kubernetes.io/zone of the node, where it has one. */
    zone?: string;
    /**
     * The node's own addresses that serve NodePorts, loopback left out. The first of each family is the source
     * of translated connections. Asked again on every sync; call `refresh` when they change.
     */
    addresses(): readonly Ip[];
  };
  /** Addresses of all of the cluster's nodes, as their objects name them; undefined while they are not known. */
  clusterNodes?: () => readonly Ip[] | undefined;
  /** Which of the node's addresses serve NodePorts; all of them unless given. */
  nodePortAddresses?: NodePortSelection | undefined;
  /** What goes to none of their Services does not leave the node; asked on every sync, none unless given. */
  serviceCidrs?: () => readonly Cidr[];
  /**
   * Whether connections go on that the kernel translates for another proxy: what comes from outside, begins none and is of
   * none of ours is then left to it. Asked on every sync, no unless given; call `refresh` when it changes.
   */
  earlierConnections?: () => boolean;
  /** Told of changes and of what is in force. */
  health?: HealthListener;
  bpf: {
    /** Directory of the compiled objects (dist/bpf). */
    objectsDirectory: string;
    /** Directory on a bpffs that belongs to this node alone. */
    pinDirectory: string;
    /** cgroup2 directory whose processes' sockets are translated. */
    cgroup: string;
    uplinkIfindex: number;
    /** Whether XDP sends on at the uplink what it can, and how; off unless given. */
    xdp?: 'off' | 'native' | 'generic';
    podForwarding?: PodForwarding;
    /** Room of maps by name, where the defaults do not suit. */
    mapSizes?: Record<string, number>;
  };
  /** Network namespaces of the node's pods, by path, whose sockets are ended when they outlive their backend. */
  podNamespaces?: () => Iterable<string>;
  /** Whether a pod has ended, or is deleted. @throws when the API cannot tell */
  isPodGone?: (pod: PodReference) => Promise<boolean>;
  logger: Logger;
  /** Where the datapath's metrics are told. */
  metrics?: MetricRegistry;
  clock?: Clock;
}

/**
 * How packets get to a pod of the node, from another one or where they were translated: past the node's stack, or by it
 * and so by its firewall.
 */
export type PodForwarding = 'direct' | 'stack';

/** A pod as the datapath sees it: the host end of its veth and what it may send from. */
export interface PodAttachment {
  /** Interface index of the host end, in the node's namespace. */
  ifindex: number;
  /** The pod's addresses, at most four. */
  ips: readonly Ip[];
  /** MAC address of the pod's own end. */
  mac: Mac;
  /** SO_NETNS_COOKIE of the pod's network namespace; absent where it cannot be entered: its sockets are then no pod's. */
  netnsCookie?: bigint | undefined;
  /** Of the veth, by which packets of this node's pods come to it past the node's stack; absent: all go by that. */
  link?: { hostMac: Mac; mtu: number };
}

export interface ServiceProxyStatus {
  /** Programs are attached and the maps hold a complete state. */
  synced: boolean;
  services: number;
  frontends: number;
  backends: number;
  conntrackEntries: number;
  pods: number;
  /** Newest resourceVersion of Services and EndpointSlices that is in the kernel. */
  revision: string;
  /** Message of the last failed sync, while it is not repaired. */
  lastError?: string;
  /** The mode of XDP that is in force at the uplink, and what is in the way of another that was asked for. */
  xdp?: { mode: 'off' | 'native' | 'generic'; problem?: string };
  /** Packets dropped since the maps were made, by reason. */
  drops: Record<string, number>;
  /** The last of them, oldest first: a sample. */
  recentDrops?: readonly DroppedPacket[];
  hostPorts?: readonly HostPortView[];
  /** The way from socket to socket between pods of this node. */
  socketShortcut?: SocketShortcutStatus;
}

export interface SocketShortcutStatus {
  /** `off` where no Service asks for it. */
  state: 'off' | 'on' | 'unavailable';
  /** What this kernel lacks. */
  problem?: string;
  /** Ever shortened on this node, while some Service asks for it. */
  connections: number;
  bytes: number;
}

export interface DroppedPacket {
  /** ISO 8601. */
  time: string;
  /** See docs/reference/drop-reasons.md. */
  reason: string;
  /** `ip|port`, or the address alone where there are no ports. */
  from: string;
  to: string;
  protocol: string;
  /** `pod ingress` is what a pod sends. */
  hook: string;
  ifindex: number;
  bytes: number;
}

export interface ServiceProxy {
  /**
   * Loads the programs, takes over pinned state and begins to follow the stores; resolves before these have
   * synced. attachPod works from then on. `tookOver` is false where nothing is pinned.
   * @throws TendrilError BPF_LOAD, KERNEL_CALL, KERNEL_FEATURE; BPF_LAYOUT where what is pinned cannot be carried over,
   *   which stays in force
   */
  start(): Promise<{ tookOver: boolean }>;
  /** Ends syncing. Programs, maps and attachments stay. */
  stop(): Promise<void>;
  /** Resolves once the first complete state is in the kernel and the node's own hooks are attached. */
  synced(): Promise<void>;
  /** The node's addresses changed: sync soon. */
  refresh(): void;
  status(): ServiceProxyStatus;
  /** Of pods of this node; works from `start` on. */
  readonly hostPorts: HostPorts;
  /** What the kernel's maps hold now, for people. */
  readonly inspection: ServiceInspection;
  /** Attaches, or replaces in one step; idempotent. Synchronous and well under a millisecond. */
  attachPod(pod: PodAttachment): void;
  /** Tolerant of what is gone already. */
  detachPod(ifindex: number): void;
  /** For a pod whose interface is gone, by addresses that are still its own. */
  detachPodOf(ips: readonly Ip[]): void;
  /** Detaches every pod that is not in the list: what went away while no agent ran. */
  retainPods(ifindexes: Iterable<number>): void;
  /** One of the datapath's maps, for features whose structures its programs read; works from `start` on. */
  map(name: string): BpfMap;
  /** Removes everything of the node's datapath: links, maps, pins. */
  cleanup(): Promise<void>;
}
