/** Looks at a node before anything of Tendril is put there, and changes nothing: kernel, runtime, and who is there already. */
import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { holdPodsPath } from '../../agent/pod/pod-config.ts';
import { type FeatureName, type FeatureReport, probeFeatures } from '../../linux/features/features.ts';
import { openRouteNetlink } from '../../linux/netlink/kernel-route-netlink.ts';
import { nftProgram } from '../../linux/nftables/nft-program.ts';
import { readSysctl } from '../../linux/sysctl/sysctl.ts';
import { formatIp } from '../../net/ip.ts';
import type { NodeTaskContext } from '../node-task.ts';
import { type CniDirectories, cniDirectories } from './cri-status.ts';
import {
  type Conflist,
  foreignConflists,
  hasFirewalld,
  kubeProxyRules,
  removesForeignRoutes,
  unwritable,
} from './findings.ts';

/** Without which there are no pods or no Services. */
export const neededFeatures = [
  ...(['cgroup2', 'bpffs', 'cgroup-sock-addr', 'clsact', 'nf-tables', 'veth'] as const),
  ...(['sock-ops', 'sk-msg', 'so-netns-cookie'] as const),
] satisfies FeatureName[];

export interface PreflightInput {
  /** Where nodes are told to have their cgroup2 hierarchy. */
  cgroup?: string;
}

export interface PreflightReport {
  /** As uname tells. */
  kernel: string;
  /** Of the needed features, those that are missing. */
  missing: FeatureReport[];
  /** Whether the directory that is to be hooked is a cgroup2's. */
  cgroup2: boolean;
  cni: CniDirectories;
  conflists: Conflist[];
  kubeProxyRules: string[];
  firewalld: boolean;
  removesForeignRoutes: boolean;
  /** net.ipv4.conf.all's. */
  rpFilter: string;
  /** Interfaces with addresses, loopback left out. */
  links: { name: string; mtu: number; ips: string[] }[];
  unwritable: string[];
  /** An attempt to remove Tendril was ended while its agent wired no more pods. */
  podsHeld: boolean;
}

export async function preflight(
  { cgroup = '/sys/fs/cgroup' }: PreflightInput,
  { host }: NodeTaskContext,
): Promise<PreflightReport> {
  const features = await probeFeatures(neededFeatures);
  const cni = await cniDirectories(host);
  const ruleset = await nftProgram.list(undefined).catch(() => '');
  return {
    kernel: release(),
    missing: features.filter(({ available }) => !available),
    cgroup2: existsSync(join(host, cgroup, 'cgroup.controllers')),
    cni,
    conflists: foreignConflists(host, cni.conf),
    kubeProxyRules: [...kubeProxyRules(ruleset), ...legacyRules()],
    firewalld: hasFirewalld(ruleset),
    removesForeignRoutes: removesForeignRoutes(host),
    rpFilter: readSysctl(null, 'net.ipv4.conf.all.rp_filter'),
    links: linksWithAddresses(),
    unwritable: unwritable(host, [cni.conf, cni.bin, '/var/lib/tendril', '/run/tendril']),
    podsHeld: existsSync(join(host, holdPodsPath)),
  };
}

/** IPVS's virtual servers, which nft does not list. */
function legacyRules(): string[] {
  const path = '/proc/net/ip_vs';
  const servers = existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => /^(TCP|UDP|SCTP)/.test(line))
    : [];
  return servers.length > 0 ? [`${servers.length} IPVS virtual servers`] : [];
}

function linksWithAddresses(): PreflightReport['links'] {
  using netlink = openRouteNetlink();
  const addresses = netlink.addresses({});
  return netlink.links().flatMap(({ index, name, mtu }) => {
    const ips = addresses.filter(({ link }) => link === index).map(({ ip }) => formatIp(ip));
    return name === 'lo' || ips.length === 0 ? [] : [{ name, mtu, ips }];
  });
}
