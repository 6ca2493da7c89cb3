/** A pod's sandbox: its network namespace, wired by CNI, and the files in /etc that follow from its addresses. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Attachment, CniResult } from '../../cni/runtime/cni-runtime.ts';
import { parseQuantity } from '../../kube/quantity.ts';
import type { Pod } from '../../kube/types.ts';
import { UndoStack } from '../../util/undo-stack.ts';
import { podHostname } from './hostname.ts';
import { hostsFile, nodeHostsFile } from './hosts-file.ts';
import type { NodeContext } from './node-context.ts';
import { startPause, stopPause } from './pause.ts';
import { podPaths } from './pod-directory.ts';
import { formatResolvConf, podResolvConf } from './resolv-conf.ts';
import { podCgroupLimits } from './resource-limits.ts';
import { podSysctls } from './sysctls.ts';

/** Makes the namespace and returns the pod's addresses. What was done is undone when a step fails. */
export async function createSandbox(pod: Pod, context: NodeContext): Promise<string[]> {
  const ips = pod.spec?.hostNetwork ? [...context.node.ips] : await createNetwork(pod, context);
  await writeEtc(pod, ips, context);
  try {
    const { cgroup } = podPaths(context.paths, pod.metadata.uid);
    context.cgroups.ensureParent(cgroup, podCgroupLimits(pod, context.cluster));
    if (pod.spec?.shareProcessNamespace) await startPause(pod, context);
  } catch (error) {
    await removeSandbox(pod, context);
    throw error;
  }
  return ips;
}

async function createNetwork(pod: Pod, context: NodeContext): Promise<string[]> {
  const { host, launcher, cni, logger, paths } = context;
  const { netns } = podPaths(paths, pod.metadata.uid);
  await using undo = new UndoStack((what, error) => logger.warn('undoing a sandbox failed', { what, error }));
  await host.createNetns(netns);
  undo.push('netns', () => host.deleteNetns(netns));
  const { values } = podSysctls(pod);
  if (Object.keys(values).length > 0) await launcher.sysctl(netns, values);
  const result = await cni.add(podAttachment(pod, netns));
  undo.commit();
  return podAddresses(result);
}

/** Idempotent. */
export async function removeSandbox(pod: Pod, context: NodeContext): Promise<void> {
  const { host, cni, paths, cgroups } = context;
  const { netns, cgroup } = podPaths(paths, pod.metadata.uid);
  if (pod.spec?.shareProcessNamespace) await stopPause(pod, context);
  if (!pod.spec?.hostNetwork) {
    await cni.del(podAttachment(pod, netns));
    await host.deleteNetns(netns);
  }
  await cgroups.remove(cgroup);
}

/** The pod's network as CNI gets it: hostPorts and bandwidth are capabilities, as container runtimes pass them. */
export function podAttachment(pod: Pod, netns: string): Attachment {
  const { name, namespace = 'default', uid } = pod.metadata;
  const capabilities = { ...portMappings(pod), ...bandwidth(pod) };
  return {
    containerId: uid,
    netns,
    ifName: 'eth0',
    podName: name,
    podNamespace: namespace,
    podUid: uid,
    ...(Object.keys(capabilities).length > 0 ? { capabilities } : {}),
  };
}

/** Of containers alone, as kubelet's generatePodSandboxConfig: a sidecar's host port is the scheduler's concern only. */
function portMappings(pod: Pod): Record<string, unknown> {
  const mappings = (pod.spec?.containers ?? [])
    .flatMap((container) => container.ports ?? [])
    .filter((port) => port.hostPort)
    .map(({ hostPort, containerPort, protocol = 'TCP', hostIP = '' }) => {
      return { hostPort, containerPort, protocol: protocol.toLowerCase(), hostIP };
    });
  return mappings.length > 0 ? { portMappings: mappings } : {};
}

/** Bits per second; the burst is the largest that runtimes pass. */
function bandwidth(pod: Pod): Record<string, unknown> {
  const burst = 2 ** 31 - 1;
  const rate = (direction: string) => pod.metadata.annotations?.[`kubernetes.io/${direction}-bandwidth`];
  const [ingress, egress] = [rate('ingress'), rate('egress')];
  const limits = {
    ...(ingress ? { ingressRate: parseQuantity(ingress), ingressBurst: burst } : {}),
    ...(egress ? { egressRate: parseQuantity(egress), egressBurst: burst } : {}),
  };
  return ingress || egress ? { bandwidth: limits } : {};
}

/** The addresses of the result, without prefix lengths; at most one per family, as in a pod's status. */
function podAddresses(result: CniResult): string[] {
  const ips = (result.ips ?? []).map(({ address }) => address.split('/')[0]!);
  const first = (family: 4 | 6) => ips.find((ip) => ip.includes(':') === (family === 6));
  const primary = ips[0];
  return [primary, primary?.includes(':') ? first(4) : first(6)].filter((ip) => ip !== undefined);
}

async function writeEtc(pod: Pod, ips: string[], context: NodeContext): Promise<void> {
  const { etc } = podPaths(context.paths, pod.metadata.uid);
  const { cluster, node } = context;
  const name = podHostname(pod, { clusterDomain: cluster.clusterDomain, nodeName: node.name });
  const hosts = hostsFile({ pod, name, podIps: ips, nodeHosts: nodeHostsFile(node) });
  const resolver = podResolvConf(pod, {
    clusterDns: cluster.clusterDns,
    clusterDomain: cluster.clusterDomain,
    node: cluster.nodeResolver,
  });
  await mkdir(dirname(etc.hosts), { recursive: true, mode: 0o755 });
  await Promise.all([
    writeFile(etc.hosts, hosts),
    writeFile(etc.hostname, `${name.hostname}\n`),
    writeFile(etc.resolvConf, formatResolvConf(resolver)),
  ]);
}
