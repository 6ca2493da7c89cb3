/**
 * The Container Network Interface, version 1.1.0 and the older ones still met: what travels between a container
 * runtime and a plugin (github.com/containernetworking/cni, SPEC.md). Here are the values; who sends and who
 * answers them is in `runtime/` and `server/`.
 */

/** Oldest first. */
export const supportedVersions = ['0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;
export type CniVersion = (typeof supportedVersions)[number];
export const latestVersion: CniVersion = '1.1.0';
/** What a configuration without a version means (SPEC section 1, as libcni reads it). */
export const impliedVersion = '0.1.0';

export const cniCommands = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'] as const;
export type CniCommand = (typeof cniCommands)[number];

/** First version that has the command; the others are as old as what we support. */
export const commandSince: Partial<Record<CniCommand, CniVersion>> = {
  CHECK: '0.4.0',
  GC: '1.1.0',
  STATUS: '1.1.0',
};

export interface CniInterface {
  name: string;
  mac?: string;
  mtu?: number;
  /** The network namespace's path; absent for an interface of the node. */
  sandbox?: string;
}

export interface CniAddress {
  /** With prefix length. */
  address: string;
  gateway?: string;
  /** Index into `interfaces`. */
  interface?: number;
}

export interface CniRoute {
  dst: string;
  gw?: string;
  mtu?: number;
}

export interface CniDns {
  nameservers?: string[];
  domain?: string;
  search?: string[];
  options?: string[];
}

/** The result of ADD in the shape of the latest version. */
export interface CniResult {
  cniVersion: string;
  interfaces?: CniInterface[];
  ips?: CniAddress[];
  routes?: CniRoute[];
  dns?: CniDns;
}

/** A plugin's configuration as it gets it: of the conflist, with what the runtime adds. */
export interface PluginConfig {
  cniVersion?: string;
  name?: string;
  type?: string;
  prevResult?: unknown;
  runtimeConfig?: Record<string, unknown>;
  'cni.dev/valid-attachments'?: { containerID: string; ifname: string }[];
  [key: string]: unknown;
}

/** A network's configuration as it lies in the runtime's directory. */
export interface Conflist {
  cniVersion?: string;
  cniVersions?: string[];
  name: string;
  disableCheck?: boolean;
  disableGC?: boolean;
  plugins: (PluginConfig & { type: string; capabilities?: Record<string, boolean> })[];
}

/** By numbers, part by part: 0.10.0 comes after 0.9.0. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (left![i] ?? 0) - (right![i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

export function isSupported(version: string): version is CniVersion {
  return (supportedVersions as readonly string[]).includes(version);
}
