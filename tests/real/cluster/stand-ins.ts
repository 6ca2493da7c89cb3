/**
 * Images for manifests that name ones which cannot be had here: a server on the ports that the manifest gives their
 * containers, as in a lab (docs/images.md), or this machine's tools; of Kubernetes' test image its own program among them.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeArchive } from '../../../scripts/image/archive.ts';
import type { TarEntry } from '../../../scripts/image/tar.ts';
import { parseManifests } from '../../../src/cli/manifests/parser.ts';
import type { KubeObject } from '../../../src/kube/meta.ts';
import type { Pod, PodSpec, Service } from '../../../src/kube/types.ts';
import { parseImageName } from '../../../src/lab/images/image-name.ts';
import { type StandInPorts, standInArgv, standInPorts } from '../../../src/lab/images/stand-in.ts';
import { clusterDirectory, nodes } from './layout.ts';
import { importImage, tagImage } from './node.ts';
import { program } from './parts.ts';
import { programFile, toolBox, userFiles } from './tools.ts';

export interface StandIn {
  /** As the runtime calls it: with its registry, and without a tag where there is a digest. */
  name: string;
  /** Of all containers that have the image; or a tool box, which runs what it is told to, or agnhost itself. */
  serves: StandInPorts | 'tools' | 'agnhost';
}

const toolBoxes = /(^|\/)(busybox|alpine|debian|ubuntu|bash|curl|netshoot)$/;
const agnhosts = /(^|\/)agnhost$/;

/** What BusyBox has not, or has less of. */
const tools = ['dash', 'curl', 'dig', 'getent', 'ip', 'pkill', 'sleep', 'socat', 'ss', 'stat'].map(
  (name) => `/usr/bin/${name}`,
);

/** One for each image, in the order of the manifest. */
export function planStandIns(objects: readonly KubeObject[]): StandIn[] {
  const services = objects.filter((object): object is Service => object.kind === 'Service');
  const found = new Map<string, StandIn>();
  for (const pod of objects.flatMap(podsOf)) {
    const { containers = [], initContainers = [] } = pod.spec!;
    for (const container of [...initContainers, ...containers]) {
      const { name, repository } = runtimeName(container.image ?? '');
      if (toolBoxes.test(repository)) found.set(name, { name, serves: 'tools' });
      else if (agnhosts.test(repository)) found.set(name, { name, serves: 'agnhost' });
      else {
        const ports = standInPorts(pod, container, services);
        found.set(name, { name, serves: union(found.get(name)?.serves, ports) });
      }
    }
  }
  return [...found.values()];
}

/** The pod that an object is or makes. */
function podsOf(object: KubeObject): Pod[] {
  type Template = { metadata?: object; spec?: PodSpec };
  const spec = (object as { spec?: { template?: Template; jobTemplate?: { spec: { template: Template } } } })
    .spec;
  const template =
    object.kind === 'Pod' ? (object as Template) : (spec?.template ?? spec?.jobTemplate?.spec.template);
  if (template?.spec?.containers === undefined) return [];
  const metadata = { namespace: object.metadata.namespace, name: object.metadata.name, ...template.metadata };
  return [{ apiVersion: 'v1', kind: 'Pod', metadata, spec: template.spec } as Pod];
}

function runtimeName(image: string): { name: string; repository: string } {
  const { registry, repository, tag = 'latest', digest } = parseImageName(image);
  const path = registry === 'docker.io' && !repository.includes('/') ? `library/${repository}` : repository;
  const version = digest === undefined ? `:${tag}` : `@${digest}`;
  return { name: `${registry}/${path}${version}`, repository };
}

function union(some: StandIn['serves'] | undefined, more: StandInPorts): StandInPorts {
  const known = typeof some === 'object' ? some : { tcp: [], udp: [] };
  const all = (kind: 'tcp' | 'udp') => [...new Set([...known[kind], ...more[kind]])].sort((a, b) => a - b);
  return { tcp: all('tcp'), udp: all('udp') };
}

/** Whatever arguments its container has, it listens; who answers is told by the pod's name. */
function entrypoint(ports: StandInPorts): string[] {
  const words = standInArgv({ ports });
  return ['/bin/sh', '-c', `TENDRIL_POD=$(hostname) exec ${words.join(' ')}`];
}

/** One archive of them all. */
function encodeStandIns(plan: readonly StandIn[]): Buffer {
  const base = [...toolBox(tools), ...userFiles()];
  const server = [programFile(standInArgv()[0]!.slice(1), 'dist/native/standin')];
  const contents = ({ serves }: StandIn) => {
    if (serves === 'tools') return { entrypoint: [], command: ['sh'], layers: [base] };
    if (serves === 'agnhost')
      return { entrypoint: ['/agnhost'], command: ['pause'], layers: [base, agnhost()] };
    return { entrypoint: entrypoint(serves), layers: [base, server] };
  };
  return encodeArchive(
    ...plan.map((standIn) => ({
      ...{ name: archiveName(standIn), architecture: process.arch === 'x64' ? 'amd64' : process.arch },
      ...{ environment: { PATH: '/usr/sbin:/usr/bin' }, labels: {}, compression: 1 },
      ...contents(standIn),
    })),
  );
}

function agnhost(): TarEntry[] {
  return [
    programFile('agnhost', program('agnhost')),
    { path: 'agnhost-2', type: 'link', target: 'agnhost' },
    { path: 'uploads', type: 'directory', mode: 0o777 },
  ];
}

/** An image in an archive has no digest but its own: one that is asked for by another gets that name afterwards. */
const archiveName = ({ name }: StandIn): string => name.replace('@sha256:', ':of-');

/** @throws TendrilError where it is none */
export function readManifest(path: string): KubeObject[] {
  return parseManifests(readFileSync(path, 'utf8'), path).map(({ object }) => object);
}

/** On every node, by the names that the manifest has. Returns those names. */
export function importStandIns(objects: readonly KubeObject[]): string[] {
  const plan = planStandIns(objects);
  if (plan.length === 0) return [];
  const directory = join(clusterDirectory, 'images');
  mkdirSync(directory, { recursive: true });
  const archive = join(directory, 'stand-ins.tar');
  writeFileSync(archive, encodeStandIns(plan));
  const pinned = plan.filter((standIn) => archiveName(standIn) !== standIn.name);
  for (const node of nodes()) {
    importImage(node, archive);
    for (const standIn of pinned) tagImage(node, archiveName(standIn), standIn.name);
  }
  return plan.map(({ name }) => name);
}
