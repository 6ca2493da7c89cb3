/**
 * The images of a real cluster, made without a registry: Tendril's own, the pods' first process, Kubernetes' test
 * image, and those of the usual network.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import packageJson from '../../../package.json' with { type: 'json' };
import { encodeArchive } from '../../../scripts/image/archive.ts';
import { debianEntries } from '../../../scripts/image/contents.ts';
import type { TarEntry } from '../../../scripts/image/tar.ts';
import { trafficProgram } from '../../support/traffic-load.ts';
import type { NetworkKind, ProxyMode } from './network-kind.ts';
import { program } from './parts.ts';
import { corednsImage, kubeProxyImage } from './usual-objects.ts';

const root = join(import.meta.dirname, '../../..');
const architecture = process.arch === 'x64' ? 'amd64' : process.arch;

export const agnhostImage = 'registry.k8s.io/e2e-test-images/agnhost:2.63.0';

/** Kept from cluster to cluster: most of them are large, and seldom change. */
const kept = join(root, '.cache/real/images');

/** The load generator and whom it asks (native/traffic). */
export const trafficImage = 'tendril.example/traffic:1';

function oneProgram(name: string, path: string): string {
  const file = path.slice(path.lastIndexOf('/') + 1);
  return keptImage({ name, file, made: path }, () => [
    { path: file, type: 'file', mode: 0o755, body: readFileSync(path) },
    { path: 'tmp', type: 'directory', mode: 0o777 },
    { path: 'uploads', type: 'directory', mode: 0o777 },
  ]);
}

interface KeptImage {
  name: string;
  /** Its archive's. */
  file: string;
  /** The program that is its first process; the image is made anew when it is newer. */
  made: string;
  entrypoint?: string;
}

function keptImage({ name, file, made, entrypoint = file }: KeptImage, layer: () => TarEntry[]): string {
  const path = join(kept, `${file}.tar`);
  if (existsSync(path) && statSync(path).mtimeMs > statSync(made).mtimeMs) return path;
  const archive = encodeArchive({
    ...{ name, architecture, entrypoint: [`/${entrypoint}`], labels: {} },
    environment: { PATH: '/:/usr/sbin:/usr/bin' },
    layers: [layer()],
    compression: 1,
  });
  mkdirSync(kept, { recursive: true });
  writeFileSync(`${path}.new`, archive);
  renameSync(`${path}.new`, path);
  return path;
}

/** What kube-proxy calls in each of its modes, of Debian's packages. */
const proxyTools: Record<ProxyMode, { packages: string[]; programs: string[] }> = {
  nftables: { packages: ['nftables'], programs: ['/usr/sbin/nft'] },
  iptables: { packages: ['iptables'], programs: ['/usr/sbin/xtables-nft-multi'] },
  ipvs: {
    packages: ['iptables', 'ipset', 'kmod'],
    programs: ['/usr/sbin/xtables-nft-multi', '/usr/sbin/ipset', '/usr/bin/kmod'],
  },
};

function kubeProxy(mode: ProxyMode): string {
  const { packages, programs } = proxyTools[mode];
  execFileSync(join(root, 'scripts/apt-install'), packages, { stdio: 'inherit' });
  const made = program('kube-proxy');
  const entrypoint = 'usr/local/bin/kube-proxy';
  return keptImage({ name: kubeProxyImage, file: `kube-proxy-${mode}`, made, entrypoint }, () => [
    { path: entrypoint, type: 'file', mode: 0o755, body: readFileSync(made) },
    ...debianEntries([...programs, ...(mode === 'nftables' ? [] : iptablesExtensions())]),
    ...(mode === 'nftables' ? [] : iptablesNames),
    ...['tmp', 'run'].map((path) => ({ path, type: 'directory' as const, mode: 0o755 })),
  ]);
}

const iptablesNames: TarEntry[] = ['iptables', 'ip6tables'].flatMap((name) =>
  ['', '-save', '-restore'].map((suffix) => ({
    ...{ path: `usr/sbin/${name}${suffix}`, type: 'link' as const, target: 'xtables-nft-multi' },
  })),
);

/** Matches and targets, which it loads by name. */
function iptablesExtensions(): string[] {
  const libraries = readdirSync('/usr/lib').map((name) => join('/usr/lib', name, 'xtables'));
  return libraries.filter(existsSync).flatMap((path) => readdirSync(path).map((name) => join(path, name)));
}

/** Paths of the archives. @throws Error where Tendril's is not made */
export function makeImages(network: NetworkKind, mode: ProxyMode): string[] {
  const own = join(root, 'dist', `tendril-${packageJson.version}-${architecture}.tar`);
  if (!existsSync(own)) throw new Error(`${own} is missing: make image`);
  return [
    own,
    oneProgram('registry.k8s.io/pause:3.10.2', program('pause')),
    oneProgram(agnhostImage, program('agnhost')),
    oneProgram(trafficImage, trafficProgram),
    ...(network === 'usual' ? [oneProgram(corednsImage, program('coredns')), kubeProxy(mode)] : []),
  ];
}
