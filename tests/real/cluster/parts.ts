/**
 * The programs that a real cluster is made of, at named versions, built once from their Go modules into `.cache/`:
 * Kubernetes' own, containerd and runc. Those that other lanes build too are taken from where they have them.
 */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { NetworkKind } from './network-kind.ts';

const root = join(import.meta.dirname, '../../..');
const cache = join(root, '.cache');
/** What only a real cluster needs. */
const own = join(cache, 'real');

interface Part {
  path: string;
  build: () => Promise<void>;
}

/** A program of Kubernetes, built by the script that the other lanes use, beside its siblings. */
function kubernetes(name: string, directory: string): Part {
  const build = () => run(join(root, 'scripts/build-kubernetes'), [name, directory], { log: name });
  return { path: join(directory, name), build };
}

interface GoProgram {
  /** Module and version. */
  module: string;
  package: string;
  cgo?: boolean;
  tags?: string;
  /** Where the program is put. */
  directory?: string;
}

/** In a module of our own: their go.mod have replace directives, which `go install` refuses. */
function go(name: string, program: GoProgram): Part {
  const { module, package: source, cgo = false, tags, directory: target = own } = program;
  const path = join(target, name);
  const build = async () => {
    const directory = join(own, 'modules', name);
    for (const each of [directory, target]) mkdirSync(each, { recursive: true });
    const options = { cwd: directory, log: name, env: { GOFLAGS: '-mod=mod', CGO_ENABLED: cgo ? '1' : '0' } };
    if (!existsSync(join(directory, 'go.mod'))) {
      writeFileSync(join(directory, 'parts.go'), 'package parts\n');
      writeFileSync(join(directory, 'go.mod'), 'module parts\n\ngo 1.26.0\n');
    }
    await run('go', ['get', module], options);
    const flags = ['-trimpath', '-ldflags=-s -w', ...(tags === undefined ? [] : ['-tags', tags])];
    await run('go', ['build', ...flags, '-o', `${path}.new`, source], options);
    renameSync(`${path}.new`, path);
  };
  return { path, build };
}

const containerd = 'github.com/containerd/containerd/v2';
const ofContainerd = (name: string) =>
  go(name, { module: `${containerd}@v2.2.2`, package: `${containerd}/cmd/${name}` });

/** Ends when it is told to, and reaps: the first process of every pod. */
const pauseSource = `#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static void end(int s) { (void)s; _exit(0); }
static void reap(int s) { (void)s; while (waitpid(-1, 0, WNOHANG) > 0); }
int main(void) { signal(SIGINT, end); signal(SIGTERM, end); signal(SIGCHLD, reap); for (;;) pause(); }
`;

const pause: Part = {
  path: join(own, 'pause'),
  build: async () => {
    writeFileSync(join(own, 'pause.c'), pauseSource);
    await run('clang', ['-O2', '-static', '-s', '-o', join(own, 'pause'), join(own, 'pause.c')], {
      log: 'pause',
    });
  },
};

const cniModule = 'github.com/containernetworking/plugins';
/** The reference plugins, as a node has them in /opt/cni/bin. */
const cniPlugin = (name: string, kind: 'main' | 'ipam' | 'meta') =>
  go(name, {
    module: `${cniModule}@v1.9.1`,
    package: `${cniModule}/plugins/${kind}/${name}`,
    directory: join(own, 'cni'),
  });

const etcdDirectory = join(cache, 'etcd');

const etcd: Part = {
  path: join(etcdDirectory, 'usr/bin/etcd'),
  build: async () => {
    mkdirSync(etcdDirectory, { recursive: true });
    const script = 'apt-get download -qq etcd-server && dpkg -x etcd-server_*.deb .';
    await run('sh', ['-c', script], { cwd: etcdDirectory, log: 'etcd' });
  },
};

const controlPlane = join(cache, 'control-plane');

const commonParts = {
  etcd,
  'kube-apiserver': kubernetes('kube-apiserver', controlPlane),
  'kube-controller-manager': kubernetes('kube-controller-manager', controlPlane),
  'kube-scheduler': kubernetes('kube-scheduler', controlPlane),
  kubelet: kubernetes('kubelet', controlPlane),
  kubectl: kubernetes('kubectl', join(cache, 'peers')),
  agnhost: kubernetes('agnhost', join(cache, 'peers')),
  containerd: ofContainerd('containerd'),
  'containerd-shim-runc-v2': ofContainerd('containerd-shim-runc-v2'),
  ctr: ofContainerd('ctr'),
  // Debian 12's 1.1.5 is too old for containerd 2; its seccomp needs cgo.
  runc: go('runc', {
    module: 'github.com/opencontainers/runc@v1.5.2',
    package: 'github.com/opencontainers/runc',
    cgo: true,
    tags: 'seccomp',
  }),
  pause,
} satisfies Record<string, Part>;

/** What the usual network of a cluster is made of, beside the others. */
const usualParts = {
  'kube-proxy': kubernetes('kube-proxy', join(cache, 'peers')),
  coredns: go('coredns', {
    module: 'github.com/coredns/coredns@v1.14.2',
    package: 'github.com/coredns/coredns',
  }),
  bridge: cniPlugin('bridge', 'main'),
  'host-local': cniPlugin('host-local', 'ipam'),
  portmap: cniPlugin('portmap', 'meta'),
} satisfies Record<string, Part>;

const parts = { ...commonParts, ...usualParts };

export type PartName = keyof typeof parts;

/** Path of a program that is built. */
export function program(name: PartName): string {
  return parts[name].path;
}

/** Where containerd finds its shim, and it runc. */
export const programPath = own;

/** What a cluster with that network needs. */
export function partsOf(network: NetworkKind): PartName[] {
  return Object.keys(network === 'usual' ? parts : commonParts) as PartName[];
}

/**
 * Builds what is missing of them, one after the other, telling of each.
 * @throws Error with the end of the compiler's output, or naming what is no part
 */
export async function buildParts(names: readonly string[], say: (text: string) => void): Promise<void> {
  const missing = names.map(partNamed).filter((name) => !existsSync(parts[name].path));
  if (missing.length === 0) return;
  requireTools();
  mkdirSync(join(own, 'log'), { recursive: true });
  for (const [i, name] of missing.entries()) {
    const began = Date.now();
    say(`building ${name} (${i + 1} of ${missing.length})`);
    await parts[name].build();
    say(`built ${basename(parts[name].path)} in ${Math.round((Date.now() - began) / 1000)} s`);
  }
}

function partNamed(name: string): PartName {
  if (Object.hasOwn(parts, name)) return name as PartName;
  throw new Error(`${name} is no part of a cluster: ${Object.keys(parts).join(', ')}`);
}

/** @throws Error telling what to install */
function requireTools(): void {
  try {
    execFileSync('go', ['version'], { stdio: 'ignore' });
  } catch {
    throw new Error(
      'Go 1.26 or newer is not on PATH: it builds Kubernetes and containerd (https://go.dev/dl)',
    );
  }
  execFileSync(join(root, 'scripts/apt-install'), ['libseccomp-dev', 'pkg-config', 'gcc'], {
    stdio: 'inherit',
  });
}

interface RunOptions {
  log: string;
  cwd?: string;
  env?: Record<string, string>;
}

async function run(command: string, words: string[], { log, cwd, env }: RunOptions): Promise<void> {
  const path = join(own, 'log', log);
  mkdirSync(join(own, 'log'), { recursive: true });
  const output = openSync(path, 'a');
  const child = spawn(command, words, {
    ...(cwd !== undefined && { cwd }),
    env: { ...process.env, ...env },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('exit', resolve));
  if (code !== 0) throw new Error(`${log} was not built (${path}):\n${lastLines(path)}`);
}

function lastLines(path: string): string {
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-8).join('\n');
}
