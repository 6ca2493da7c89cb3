/**
 * The runtime's side of CNI, what libcni does for a container runtime: finds the conflist, runs its plugins in
 * order (DEL in reverse), passes prevResult, and keeps results in a cache so that DEL gets what ADD got.
 */
export interface Attachment {
  containerId: string;
  /** Path of the pod's network namespace; absent on DEL when it is gone. */
  netns?: string;
  ifName: string;
  podName: string;
  podNamespace: string;
  podUid: string;
  /** runtimeConfig by capability, for plugins that declare it (portMappings, bandwidth, …). */
  capabilities?: Record<string, unknown>;
}

export interface CniResult {
  cniVersion: string;
  interfaces?: { name: string; mac?: string; sandbox?: string; mtu?: number }[];
  ips?: { address: string; gateway?: string; interface?: number }[];
  routes?: { dst: string; gw?: string }[];
  dns?: { nameservers?: string[]; domain?: string; search?: string[]; options?: string[] };
}

export interface CniRuntime {
  /** @throws TendrilError CNI with the plugin's message when the network is not ready, or there is no conflist */
  status(): Promise<void>;
  /** @throws TendrilError CNI; what was done is undone by a DEL before it throws */
  add(attachment: Attachment): Promise<CniResult>;
  /** Idempotent: succeeds where nothing is left. */
  del(attachment: Attachment): Promise<void>;
  check(attachment: Attachment): Promise<void>;
}

/** Runs a plugin: the launcher in the lab. */
export type PluginExec = (plugin: {
  path: string;
  env: Record<string, string>;
  stdin: string;
}) => Promise<{ code: number; stdout: string; stderr: string }>;
