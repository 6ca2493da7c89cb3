/** What of Tendril's objects on a cluster can be chosen; all of it has a default that fits a kubeadm cluster. */
export interface DeployValues {
  /** The image's name with its tag. */
  image: string;
  /** The agent's settings (src/agent/pod/settings.ts). */
  agent: Record<string, unknown>;
  /** On every node: its cgroup2 hierarchy. */
  cgroup: string;
  /** On every node: the kubelet's kubeconfig, which tells where the API server is. */
  kubeletConfig: string;
  /** The cluster zone. */
  zone: string;
  /** Names of the Secrets by which the image is pulled, where its registry asks for one. */
  imagePullSecrets: string[];
}

export const agentNamespace = 'tendril-system';
export const dnsNamespace = 'kube-system';

export function defaultValues(image: string): DeployValues {
  const kubeletConfig = '/etc/kubernetes/kubelet.conf';
  const places = { cgroup: '/sys/fs/cgroup', kubeletConfig };
  return { image, agent: {}, ...places, zone: 'cluster.local', imagePullSecrets: [] };
}

/** As a pod's spec has it; nothing where there are none. */
export const pullSecrets = ({ imagePullSecrets }: Pick<DeployValues, 'imagePullSecrets'>) =>
  imagePullSecrets.length > 0 && { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) };
