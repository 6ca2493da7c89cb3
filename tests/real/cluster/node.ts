/**
 * A node: a network, mount and UTS namespace and a cgroup of its own, with containerd and the kubelet in it. Its standard
 * paths are its own too, so that manifests' hostPaths mean there what they mean on a machine.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { processes } from '../../../src/linux/cgroup/cgroup.ts';
import { caPath, nodeKubeconfig } from './control-plane.ts';
import { clusterDns, type NodeLayout } from './layout.ts';
import { program, programPath } from './parts.ts';
import { pidOf, run, start, waitFor } from './process.ts';

const cgroups = '/sys/fs/cgroup';

/** Where a cgroup2 hierarchy is: beside version 1 or alone. */
const unified = existsSync(`${cgroups}/unified`) ? `${cgroups}/unified` : cgroups;

/** On every node the same path, with that node's own cgroup: what the agent's hooks are attached to. */
export const nodeCgroupPath = '/run/cgroup';

/** Writes to /etc, /opt and /var/lib go to the node's directory. */
const holder = `
set -e
d=$1 group=$2
mount --make-rprivate /
for p in etc opt var/lib; do
  mkdir -p $d/upper/$p $d/overlay/$p
  mount -t overlay overlay -o lowerdir=/$p,upperdir=$d/upper/$p,workdir=$d/overlay/$p /$p
done
mkdir -p $d/sys $d/kubelet $d/containerd $d/log
mount -t sysfs sysfs $d/sys
mount --rbind /sys/fs/cgroup $d/sys/fs/cgroup
mount -t bpf bpf $d/sys/fs/bpf
mount --rbind $d/sys /sys
mount -t tmpfs tmpfs /run
mkdir -p /run/lock /run/netns ${nodeCgroupPath} /etc/cni/net.d /opt/cni/bin /etc/kubernetes /var/lib/kubelet /var/lib/containerd
mount --bind $group ${nodeCgroupPath}
mount --bind $d/kubelet /var/lib/kubelet
mount --bind $d/containerd /var/lib/containerd
mount --bind $d/log /var/log
# All nodes have the one kernel: what tells one boot from another is theirs alone.
cat /proc/sys/kernel/random/uuid >$d/boot-id
mount --bind $d/boot-id /proc/sys/kernel/random/boot_id
if [ ! -e $d/installed ]; then
  rm -f /etc/resolv.conf /etc/cni/net.d/*
  echo 'nameserver 10.90.0.1' >/etc/resolv.conf
  cp $d/kubeconfig /etc/kubernetes/kubelet.conf
  : >$d/installed
fi
mount --make-rshared /
hostname $(basename $d)
: >$d/ready
exec sleep infinity
`;

const containerdConfig = `version = 3
[metrics]
  address = "127.0.0.1:1338"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "registry.k8s.io/pause:3.10.2"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
  use_internal_loopback = true
`;

function kubeletConfig({ cgroup, isControlPlane }: NodeLayout): string {
  return JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    failCgroupV1: false,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroup}`,
    enforceNodeAllocatable: [],
    failSwapOn: false,
    clusterDNS: [clusterDns],
    clusterDomain: 'cluster.local',
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    authentication: {
      x509: { clientCAFile: caPath },
      anonymous: { enabled: false },
      webhook: { enabled: true },
    },
    authorization: { mode: 'Webhook' },
    // What ends is started again within a second: tests end agents often.
    featureGates: { KubeletCrashLoopBackOffMax: true },
    crashLoopBackOff: { maxContainerRestartPeriod: '1s' },
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    ...(isControlPlane && {
      registerWithTaints: [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }],
    }),
  });
}

/** In every hierarchy, cpuset's filled in: a new one has no processors. */
function makeCgroups({ cgroup }: NodeLayout): void {
  mkdirSync(join(unified, cgroup), { recursive: true });
  if (unified === cgroups) return;
  for (const hierarchy of readdirSync(cgroups)) {
    if (existsSync(join(cgroups, hierarchy, 'cgroup.procs')))
      mkdirSync(join(cgroups, hierarchy, cgroup), { recursive: true });
  }
  const cpuset = join(cgroups, 'cpuset');
  if (!existsSync(cpuset)) return;
  for (const file of ['cpuset.cpus', 'cpuset.mems'])
    writeFileSync(join(cpuset, cgroup, file), readFileSync(join(cpuset, file)));
}

/** The node's cgroup2, where its processes and its pods' are. */
export function nodeCgroupDirectory({ cgroup }: NodeLayout): string {
  return join(unified, cgroup);
}

/** The words that run a program in the node's cgroup2, where the socket hooks see it. */
function inCgroup({ cgroup }: NodeLayout): string[] {
  return ['sh', '-c', `echo $$ >${join(unified, cgroup, 'cgroup.procs')}; exec "$@"`, 'sh'];
}

/** Goes on when this process ends, in the node's cgroup. */
function startIn(node: NodeLayout, name: string, words: readonly string[]): void {
  const [command, ...rest] = [...inCgroup(node), ...words];
  start(`${node.name}-${name}`, command!, rest);
}

const holderOf = ({ name }: NodeLayout) => pidOf(`${name}-holder`);

/** The node's files, as this machine sees them. */
export const rootOf = (node: NodeLayout): string => `/proc/${holderOf(node)}/root`;

/** The words that enter the node's namespaces. */
function enter(node: NodeLayout): string[] {
  return ['nsenter', '-t', String(holderOf(node)), '-n', '-m', '-u'];
}

/** The words that run a program on the node, as one of its own processes. */
export function wordsOnNode(node: NodeLayout, ...words: string[]): string[] {
  return [...inCgroup(node), ...enter(node), ...words];
}

/** Runs a program so. @throws Error with what it printed */
export function onNode(node: NodeLayout, ...words: string[]): string {
  const [command, ...rest] = wordsOnNode(node, ...words);
  return run(command!, rest);
}

/** All of the node's, those of its pods too. */
export const processesOf = ({ cgroup }: NodeLayout): number[] => processes(join(unified, cgroup));

/** For its pods, by each of these names; the first is the archive's own. @throws Error with what `ctr` printed */
export function importImage(node: NodeLayout, archive: string, names: readonly string[] = []): void {
  onNode(node, program('ctr'), '-n', 'k8s.io', 'images', 'import', archive);
  for (const name of names.slice(1)) tagImage(node, names[0]!, name);
}

export function tagImage(node: NodeLayout, from: string, to: string): void {
  onNode(node, program('ctr'), '-n', 'k8s.io', 'images', 'tag', '--force', from, to);
}

/** Whole or not at all: the runtime reads what appears in the directory of CNI's configurations at once. */
export function writeOnNode(node: NodeLayout, path: string, text: string): void {
  const script = 'cat >"$1.new" && mv "$1.new" "$1"';
  const [command, ...rest] = [...inCgroup(node), ...enter(node), 'sh', '-c', script, 'sh', path];
  run(command!, rest, text);
}

/** The words that run a program in a network namespace of the node's, as a process of the node's. */
export function inNetns(node: NodeLayout, path: string, words: readonly string[]): string[] {
  return [...inCgroup(node), ...enter(node), 'nsenter', `--net=${path}`, ...words];
}

/** The same for one that goes on when this process ends: as `start`, by the node's name and its own. */
export function startOnNode(node: NodeLayout, name: string, words: readonly string[]): void {
  startIn(node, name, [...enter(node), ...words]);
}

/** With its container runtime, images imported. */
export async function startNode(node: NodeLayout, images: readonly string[]): Promise<void> {
  const { directory } = node;
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'kubeconfig'), nodeKubeconfig(node), { mode: 0o600 });
  writeFileSync(join(directory, 'containerd.toml'), containerdConfig);
  writeFileSync(join(directory, 'kubelet.json'), kubeletConfig(node));
  writeFileSync(join(directory, 'holder'), holder);
  makeCgroups(node);
  await bootNode(node);
  await startContainerd(node);
  for (const image of images) importImage(node, image);
}

/** From its disk, in the network namespace that is there; nothing runs on it yet. */
export async function bootNode(node: NodeLayout): Promise<void> {
  const { directory } = node;
  rmSync(join(directory, 'ready'), { force: true });
  const namespaces = ['nsenter', `--net=/run/netns/${node.netns}`, 'unshare', '-m', '-u'];
  const script = [join(directory, 'holder'), directory, join(unified, node.cgroup)];
  startIn(node, 'holder', [...namespaces, 'bash', ...script]);
  await waitFor(`node ${node.name}'s namespaces`, 60, () => existsSync(join(directory, 'ready')));
  requireIsolation(node);
}

export async function startContainerd(node: NodeLayout): Promise<void> {
  const path = ['env', `PATH=${programPath}:${process.env.PATH}`];
  const words = [program('containerd'), '-c', join(node.directory, 'containerd.toml')];
  startOnNode(node, 'containerd', [...path, ...words]);
  await waitFor(`containerd on ${node.name}`, 120, () => onNode(node, program('ctr'), 'version'));
}

export function startKubelet(node: NodeLayout): void {
  const path = ['env', `PATH=${programPath}:${process.env.PATH}`];
  startOnNode(node, 'kubelet', [
    ...[...path, program('kubelet')],
    ...['--config', join(node.directory, 'kubelet.json'), '--kubeconfig', '/etc/kubernetes/kubelet.conf'],
    ...['--hostname-override', node.name, '--node-ip', `${node.ipv4},${node.ipv6}`, '--v', '2'],
  ]);
}

/** A kubelet among the machine's own mounts would change them. */
function requireIsolation(node: NodeLayout): void {
  const mounts = (pid: string | number) => readlinkSync(`/proc/${pid}/ns/mnt`);
  if (mounts(holderOf(node)!) === mounts('self')) throw new Error(`node ${node.name} is not isolated`);
}
