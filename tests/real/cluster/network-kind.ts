/** What a cluster on this machine has of a network, and how that is asked for. */

/**
 * `tendril` is the project itself, by its manifest. `usual` is what most clusters have, as kubeadm lays it out: the reference CNI
 * plugins, kube-proxy and CoreDNS. `none` is none of them: nodes wait for a network, as after `kubeadm init` with its addons skipped.
 */
export type NetworkKind = 'tendril' | 'usual' | 'none';

export type ProxyMode = 'nftables' | 'iptables' | 'ipvs';

export interface ClusterOptions {
  network?: NetworkKind;
  /** Of kube-proxy and, as far as it has them, of the plugin portmap, in the usual network. */
  proxyMode?: ProxyMode;
}

const networks: readonly NetworkKind[] = ['tendril', 'usual', 'none'];
const proxyModes: readonly ProxyMode[] = ['nftables', 'iptables', 'ipvs'];

/** `--network NAME --proxy-mode NAME`. @throws Error naming what there is */
export function parseClusterOptions(words: readonly string[]): ClusterOptions {
  const options: ClusterOptions = {};
  for (let i = 0; i < words.length; i += 2) {
    const [flag, value] = [words[i]!, words[i + 1]];
    if (flag === '--network') options.network = oneOf(networks, flag, value);
    else if (flag === '--proxy-mode') options.proxyMode = oneOf(proxyModes, flag, value);
    else throw new Error(`${flag} is no option: there are --network and --proxy-mode`);
  }
  return options;
}

function oneOf<T extends string>(all: readonly T[], flag: string, value: string | undefined): T {
  const found = all.find((each) => each === value);
  if (found === undefined) throw new Error(`${flag} is ${all.join(', ')}, not ${value ?? 'empty'}`);
  return found;
}
