/** Where a real cluster on this machine keeps what, and the addresses that it has. */
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');

/** Prefix of its namespaces and cgroups; another one for each cluster that is on the machine at a time. */
export const clusterName = process.env.TENDRIL_REAL_CLUSTER ?? 'tendril-real';
/** On a disk, not on an overlay: containerd makes overlays in it. */
export const clusterDirectory = join(root, '.cache/real/cluster');
export const kubeconfigPath = join(clusterDirectory, 'kubeconfig');

export const podCidrs = '10.244.0.0/16,fd44::/56';
export const serviceCidrs = '10.96.0.0/16,fd96::/112';
export const clusterDns = '10.96.0.10';
export const apiServer = 'https://10.90.0.10:6443';
export const fabricNetns = `${clusterName}-fabric`;

export interface NodeLayout {
  index: number;
  name: string;
  netns: string;
  cgroup: string;
  directory: string;
  ipv4: string;
  ipv6: string;
  isControlPlane: boolean;
}

/** The control plane's node first. */
export function nodes(workers = 2): NodeLayout[] {
  return Array.from({ length: workers + 1 }, (_, index) => ({
    index,
    name: `n${index}`,
    netns: `${clusterName}-n${index}`,
    cgroup: `${clusterName}-n${index}`,
    directory: join(clusterDirectory, `n${index}`),
    ipv4: `10.90.0.${10 + index}`,
    ipv6: `fd90::${10 + index}`,
    isControlPlane: index === 0,
  }));
}
