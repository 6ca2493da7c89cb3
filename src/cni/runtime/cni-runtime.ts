/**
 * The runtime's side of CNI, what libcni does for a container runtime: finds the conflist, runs its plugins in
 * order (DEL in reverse), passes prevResult, and keeps results in a cache so that DEL gets what ADD got.
 */
import type { CniResult } from '../spec.ts';

export type { CniResult } from '../spec.ts';

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

export interface CniRuntime {
  /** @throws TendrilError CNI with the plugin's message when the network is not ready, or there is no conflist */
  status(): Promise<void>;
  /** @throws TendrilError CNI; what was done is undone by a DEL before it throws */
  add(attachment: Attachment): Promise<CniResult>;
  /** Idempotent: succeeds where nothing is left. */
  del(attachment: Attachment): Promise<void>;
  check(attachment: Attachment): Promise<void>;
  /** Tells the plugins which attachments there are, so that they clean up after all others. */
  gc(valid: readonly Pick<Attachment, 'containerId' | 'ifName'>[]): Promise<void>;
}

/** Runs a plugin: the launcher in the lab. */
export type PluginExec = (plugin: {
  path: string;
  env: Record<string, string>;
  stdin: string;
}) => Promise<{ code: number; stdout: string; stderr: string }>;
