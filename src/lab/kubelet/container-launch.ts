/** What to hand to the launcher for one attempt of a container: command, environment, mounts, user. */
import type { Pod, Service } from '../../kube/types.ts';
import { type ResolvedImage, resolveImage, resolveStandInArgv } from '../images/image-table.ts';
import { morePortsPath, type StandInPorts, standInPorts } from '../images/stand-in.ts';
import type { Mount, ProcessSpec } from '../launcher/launcher.ts';
import { containerEnvironment } from './environment.ts';
import { expand } from './expansion.ts';
import { podHostname } from './hostname.ts';
import type { NodeContext } from './node-context.ts';
import { type PodPaths, podPaths } from './pod-directory.ts';
import type { ContainerRecord, PodRecord } from './pod-record.ts';
import { type ContainerSecurity, containerSecurity } from './security.ts';
import type { PodVolumes } from './volumes/pod-volumes.ts';

export interface ContainerLaunch {
  spec: ProcessSpec;
  image: ResolvedImage;
  /** What a stand-in listens on. */
  ports: StandInPorts;
  security: ContainerSecurity;
  /** File that becomes the termination message. */
  terminationLog: string;
  /** File of ports that a stand-in takes up while it runs. */
  morePorts: string;
}

export interface LaunchInput {
  pod: Pod;
  record: PodRecord;
  container: ContainerRecord;
  volumes: PodVolumes;
  context: NodeContext;
  /** Process whose PID namespace is shared. */
  pidNamespaceOf?: string;
}

/** Ids are unique in the lab: pod, container, attempt. */
export function processId(pod: Pod, container: ContainerRecord): string {
  return `${pod.metadata.uid}.${container.name}.${container.restartCount}`;
}

/** @throws TendrilError BAD_INPUT: CreateContainerConfigError */
export async function containerLaunch(input: LaunchInput): Promise<ContainerLaunch> {
  const { pod, container, context } = input;
  const security = containerSecurity(pod, container.spec);
  const image = imageOf(input);
  const services = servicesOf(pod, context);
  const ports = portsOf(pod, container, context);
  const env = await environment(input, image, services);
  const argv = image.standIn
    ? standInCommand(ports, container)
    : image.argv.map((word) => expand(word, (name) => env[name]));
  const paths = podPaths(context.paths, pod.metadata.uid);
  const at = paths.container(container.name);
  const mounts = [...(await input.volumes.mounts(pod, container.spec, env)), ...image.mounts];
  if (image.standIn) mounts.push({ source: at.morePorts, target: morePortsPath, readOnly: true });
  const spec: ProcessSpec = {
    id: processId(pod, container),
    argv,
    env,
    cgroup: paths.containerCgroup(container.name, container.restartCount),
    netns: pod.spec?.hostNetwork ? context.paths.netns : paths.netns,
    cwd: container.spec.workingDir ?? '/',
    interactive: container.spec.stdin ?? false,
    tty: container.spec.tty ?? false,
    log: `${paths.logs(container.name)}/${container.restartCount}.log`,
    sandbox: {
      hostname: podHostname(pod, {
        clusterDomain: context.cluster.clusterDomain,
        nodeName: context.node.name,
      }).hostname,
      mounts: [...systemMounts(paths, container, mounts), ...mounts],
      readOnlyRoot: security.readOnlyRoot,
      uid: security.uid,
      gid: security.gid,
      supplementalGroups: security.supplementalGroups,
      capabilities: security.capabilities,
      noNewPrivileges: security.noNewPrivileges,
      ...(input.pidNamespaceOf !== undefined ? { pidNamespaceOf: input.pidNamespaceOf } : {}),
      scratch: at.scratch,
    },
  };
  return { spec, image, ports, security, terminationLog: at.terminationLog, morePorts: at.morePorts };
}

/** What the container's stand-in shall listen on, as Services are now. */
export function portsOf(pod: Pod, container: ContainerRecord, context: NodeContext): StandInPorts {
  return standInPorts(pod, container.spec, servicesOf(pod, context), {
    isStandIn: (each) => imageFor(each, context).standIn,
  });
}

function standInCommand(ports: StandInPorts, { kind }: ContainerRecord): string[] {
  const argv = resolveStandInArgv(ports, kind === 'init');
  return kind === 'init' ? argv : [...argv, '--more', morePortsPath];
}

function imageOf({ container, context }: LaunchInput): ResolvedImage {
  return imageFor(container.spec, context);
}

export function imageFor(container: ContainerRecord['spec'], context: NodeContext): ResolvedImage {
  const { image = '', command, args } = container;
  return resolveImage(image, { command, args }, context.images);
}

/** Those of the pod's namespace, and default/kubernetes. */
function servicesOf(pod: Pod, { stores }: NodeContext): Service[] {
  const own = stores.services.byIndex('namespace', pod.metadata.namespace ?? 'default');
  const master = stores.services.get('default/kubernetes');
  return master && !own.includes(master) ? [...own, master] : [...own];
}

async function environment(input: LaunchInput, image: ResolvedImage, services: Service[]) {
  const { pod, record, container, context } = input;
  const name = podHostname(pod, {
    clusterDomain: context.cluster.clusterDomain,
    nodeName: context.node.name,
  });
  const env = await containerEnvironment({
    container: container.spec,
    context: { pod, hostIps: context.node.ips, podIps: record.ips, allocatable: context.allocatable },
    services,
    config: context.config(pod.metadata.namespace ?? 'default'),
    hostname: name.hostname,
    imageEnv: image.env,
  });
  const { tty } = container.spec;
  if (!image.standIn) return tty ? { TERM: 'xterm', ...env } : env;
  return {
    ...env,
    TENDRIL_POD: pod.metadata.name,
    TENDRIL_NAMESPACE: pod.metadata.namespace ?? 'default',
    TENDRIL_NODE: context.node.name,
    TENDRIL_POD_IPS: record.ips.join(','),
  };
}

/** Files of the pod in /etc and the termination log, except where a volume is mounted in their place. */
function systemMounts(paths: PodPaths, container: ContainerRecord, mounts: readonly Mount[]): Mount[] {
  const readOnly = container.spec.securityContext?.readOnlyRootFilesystem ?? false;
  const terminationLog = container.spec.terminationMessagePath || '/dev/termination-log';
  const wanted: Mount[] = [
    { source: paths.etc.hosts, target: '/etc/hosts', readOnly },
    { source: paths.etc.hostname, target: '/etc/hostname', readOnly },
    { source: paths.etc.resolvConf, target: '/etc/resolv.conf', readOnly },
    { source: paths.container(container.name).terminationLog, target: terminationLog, readOnly: false },
  ];
  return wanted.filter(({ target }) => !mounts.some((mount) => mount.target === target));
}
